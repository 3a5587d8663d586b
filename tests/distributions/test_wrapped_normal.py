"""The wrapped normal against the sum of its images, from the sharpest to the flattest."""

from __future__ import annotations

import math

import pytest
import torch

from submission.distributions import wrapped_normal
from submission.distributions.sphere import SphereBrownian, SphereUniform

TIMES = [1e-5, 1e-3, 0.1, 1.0, 3.9, 3.9999, 4.0, 7.0, 10.0, 60.0]
ANGLES = torch.linspace(-math.pi, math.pi, 41, dtype=torch.float64)


def summed(angle: torch.Tensor, time: float, images: int = 60) -> torch.Tensor:
    """Log of the sum of 121 images."""
    turns = 2 * math.pi * torch.arange(-images, images + 1, dtype=torch.float64)
    return torch.logsumexp(-((angle[:, None] + turns) ** 2) / (2 * time), 1) - 0.5 * math.log(2 * math.pi * time)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-13), (torch.float32, 3e-7)])
def test_it_is_the_sum_of_its_images(time: float, dtype: torch.dtype, digits: float) -> None:
    angles, given = ANGLES.to(dtype), torch.tensor(time, dtype=dtype)
    found = wrapped_normal.log_density(angles, given)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), summed(angles.double(), given.item()), rtol=digits, atol=2 * digits)


def test_its_gradient_is_that_of_differences() -> None:
    times = torch.tensor(TIMES[1:], dtype=torch.float64, requires_grad=True)
    angles = torch.tensor([-3.1, -2.0, -0.3, 0.0, 1e-3, 0.4, 2.0, 3.0, 3.14], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(wrapped_normal.log_density, (angles, times))


def test_the_circle_uses_it_and_its_divergence_agrees() -> None:
    grid = torch.linspace(-math.pi, math.pi, 4001, dtype=torch.float64)[:-1]
    for time in (0.01, 0.5, 3.0, 8.0):
        distribution = SphereBrownian(
            torch.tensor([0.6, 0.8], dtype=torch.float64), torch.tensor(time, dtype=torch.float64)
        )
        log_p = distribution.log_prob(torch.stack([grid.cos(), grid.sin()], -1))
        mass = log_p.exp() * (2 * math.pi / len(grid))
        assert mass.sum().item() == pytest.approx(1, abs=1e-12)
        divergence = (mass * (log_p + math.log(2 * math.pi))).sum().item()
        assert torch.distributions.kl_divergence(distribution, SphereUniform(1)).item() == pytest.approx(
            divergence, abs=1e-7
        )
