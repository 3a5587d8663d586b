"""The torus in R^3: spectrum, limits of the KL, the short-time density, and the meaning of its radii."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from submission.distributions import EmbeddedTorusBrownian, EmbeddedTorusUniform, SphereBrownian, SphereUniform
from submission.distributions.torus_coordinates import RATIOS, angles_of, point_of, project_to_torus
from submission.distributions.torus_spectrum import SHORTEST, exact_kl, kl_table, modes

RADII = (2.0, 1.0)


def distribution(theta: float, time: float | list[float], radii: tuple[float, float] = RADII) -> EmbeddedTorusBrownian:
    """From the point at tube angle ``theta``."""
    loc = point_of(torch.tensor(theta, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64), radii)
    return EmbeddedTorusBrownian(loc, torch.tensor(time, dtype=torch.float64), radii)


def kl(q: EmbeddedTorusBrownian) -> Tensor:
    """KL to the uniform distribution."""
    return kl_divergence(q, EmbeddedTorusUniform(q.radii))


def test_the_spectrum_agrees_with_finite_differences() -> None:
    """Second-order differences of (w u')' / (a² w) - m² u / w², symmetrised, on 1000 points."""
    n = 1000
    step = 2 * math.pi / n
    theta, half = step * np.arange(n), step * (np.arange(n) + 0.5)
    w, between = 2 + np.cos(theta), 2 + np.cos(half)
    for m in (0, 1, 3):
        matrix = np.diag((between + np.roll(between, 1)) / step**2 / w + m**2 / w**2)
        for i in range(n):
            j = (i + 1) % n
            matrix[i, j] = matrix[j, i] = -between[i] / step**2 / math.sqrt(w[i] * w[j])
        expected = np.linalg.eigvalsh(matrix)[:6]
        rates = np.concatenate([part.rates[part.turns == m] for part in (modes(*RADII, False), modes(*RADII, True))])
        assert np.allclose(2 * np.sort(rates)[:6], expected, rtol=2e-4, atol=1e-6)


def exact(theta: float, time: float, radii: tuple[float, float] = RADII) -> float:
    """KL to the uniform distribution by quadrature."""
    return float(exact_kl(*radii, time, np.array([theta]))[0])


def test_a_thick_ring_far_from_its_axis_is_a_flat_torus() -> None:
    """c = 12 a, from the top: the circle's wrapped normal around the tube, flat space along the ring, to O(a² / c²)."""
    circle = kl_divergence(SphereBrownian(torch.eye(2)[0], torch.tensor(1.0)), SphereUniform(1)).item()
    ring = math.log(2 * math.pi * 12.0) - 0.5 * math.log(2 * math.pi * math.e)
    assert exact(math.pi / 2, 1.0, (12.0, 1.0)) == pytest.approx(circle + ring, abs=0.005)


def test_kl_is_continuous_with_the_short_time_expansion() -> None:
    """-log 2πt - 1 + log area + Sc t / 4, Sc = 2 cos θ / (a w), misses by O(t²) only."""
    for theta in (0.0, 1.5, math.pi):
        times = [1e-5, 1e-3, 0.01]
        t = torch.tensor(times, dtype=torch.float64)
        curvature = 2 * math.cos(theta) / (2 + math.cos(theta))
        expansion = -(2 * math.pi * t).log() - 1 + math.log(8 * math.pi**2) + curvature * t / 4
        assert ((kl(distribution(theta, times)) - expansion).abs() < 0.5 * t.square() + 1e-9).all()


@pytest.mark.parametrize("time", [0.03, 0.045])
def test_kl_below_the_switch_is_that_of_the_series(time: float) -> None:
    """Where the series still converges to better than the bound, below the time from which it is used."""
    for theta in (0.0, 0.7, 1.5, 2.9):
        assert kl(distribution(theta, time)).item() == pytest.approx(exact(theta, time), abs=2e-5)


def test_the_table_of_kl_is_within_1e_5_between_its_knots() -> None:
    for theta in (0.7, 2.9):
        for time in (0.07, 0.5, 3.0):
            assert kl(distribution(theta, time)).item() == pytest.approx(exact(theta, time), abs=1e-5)


def test_kl_at_all_times_is_the_expected_log_ratio() -> None:
    for theta in (0.0, 2.5):
        for time in (0.002, 0.02, 0.045):
            q = distribution(theta, time)
            ratio = q.log_prob(q.sample((4000,))) + math.log(8 * math.pi**2)
            assert abs(ratio.mean() - kl(q)).item() < 4.5 * ratio.std().item() / math.sqrt(4000) + 2e-3


def test_the_short_time_density_meets_the_series() -> None:
    for theta in (0.0, 1.5, 3.1):
        q = distribution(theta, 0.0501)
        z = q.sample((500,))
        below = distribution(theta, 0.0499).log_prob(z)
        scale = (q.log_prob(z) - below).abs()
        assert scale.quantile(0.95) < 0.03
        assert scale.mean() < 0.01


def test_the_papers_walk_ends_close_to_the_diffusion_at_short_times() -> None:
    loc = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
    time = torch.tensor(0.05, dtype=torch.float64)
    means = [
        EmbeddedTorusBrownian(loc, time, RADII, sampler, 5).sample((20000,)).mean(0)
        for sampler in ("walk", "diffusion")
    ]
    assert torch.allclose(*means, atol=0.01)


@pytest.mark.parametrize("ratio", [2.0, 4.0, 10.0])
def test_samples_at_long_times_are_uniform_on_thin_tori_too(ratio: float) -> None:
    """At the longest time that the latent space allows the sampler's steps are up to 31 a²."""
    time = torch.tensor(10.0 * ratio**2, dtype=torch.float64).expand(100000)
    loc = point_of(torch.tensor(2.0), torch.tensor(0.3), (ratio, 1.0)).double()
    theta, phi = angles_of(EmbeddedTorusBrownian(loc, time, (ratio, 1.0)).sample(), (ratio, 1.0))
    assert theta.cos().mean().item() == pytest.approx(0.5 / ratio, abs=0.01)
    assert (2 * theta).cos().mean().item() == pytest.approx(0.0, abs=0.015)
    assert phi.cos().mean().item() == pytest.approx(0.0, abs=0.015)


def test_uniform_samples_follow_the_area() -> None:
    """E cos θ = a / 2c."""
    z = EmbeddedTorusUniform(RADII, dtype=torch.float64).sample((40000,))
    theta, phi = angles_of(z, RADII)
    assert theta.cos().mean().item() == pytest.approx(0.25, abs=0.02)
    assert phi.cos().mean().item() == pytest.approx(0.0, abs=0.02)
    assert torch.allclose(project_to_torus(z, RADII), z, atol=1e-12)


def table_error(c: float) -> float:
    """Largest error of the KL table of radii (c, 1) between its knots."""
    table, worst, thetas = kl_table(c, 1.0), 0.0, np.linspace(0.1, 3.1, 14)
    for time in (1.03 * SHORTEST, 0.08, 0.2, 0.7):
        found = table(torch.full((14,), math.log(time), dtype=torch.float64), torch.from_numpy(np.cos(thetas)))
        worst = max(worst, np.abs(found.numpy() - exact_kl(c, 1.0, time, thetas)).max())
    return worst


def test_fatter_tori_are_refused_because_their_tables_are_too_coarse() -> None:
    assert table_error(RATIOS[0]) < 2e-5
    assert table_error(1.2) > 5e-4


@pytest.mark.parametrize("radii", [(1.2, 1.0), (1.0, 2.0), (2.0, 0.0), (100.0, 1.0)])
def test_radii_that_make_no_torus_are_an_error(radii: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="c / a from"):
        EmbeddedTorusUniform(radii)
