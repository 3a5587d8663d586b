"""What every law promises, whatever its manifold: see cases.py for the laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

Case = Any
SAMPLES = 4000


def law(
    case: Case, spread: float | Tensor, batch: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
) -> Distribution:
    """The case's law, equal over the batch."""
    spread = torch.as_tensor(spread, dtype=dtype)
    spread = spread if spread.ndim else spread.expand(batch + case.spread)
    return case.law(case.centre.to(dtype).expand(*batch, -1), spread)


def test_shapes_broadcast_and_expand(case: Case) -> None:
    q = case.law(case.centre.expand(3, 1, -1), torch.full((2, *case.spread), 0.3, dtype=torch.float64))
    size = len(case.centre)
    assert q.batch_shape == (3, 2)
    assert q.event_shape == (size,)
    assert q.rsample((5, 4)).shape == (5, 4, 3, 2, size)
    assert q.log_prob(q.sample((5,))).shape == (5, 3, 2)
    assert q.log_prob(case.centre).shape == (3, 2)
    assert q.entropy().shape == (3, 2)
    assert kl_divergence(q, case.prior(torch.float64)).shape == (3, 2)
    wide = q.expand((7, 3, 2))
    assert wide.batch_shape == (7, 3, 2)
    assert wide.rsample((5,)).shape == (5, 7, 3, 2, size)
    assert wide.log_prob(case.centre).shape == wide.entropy().shape == (7, 3, 2)


def test_every_pair_of_a_batch(case: Case) -> None:
    q = law(case, 0.3, (6,))
    z = q.sample()
    table = q.log_prob(z[:, None])
    assert table.shape == (6, 6)
    assert torch.allclose(table.diagonal(), q.log_prob(z))


def test_uniform_prior_shapes(case: Case) -> None:
    prior = case.prior(torch.float32)
    wide = prior.expand((3, 2))
    assert wide.sample((5,)).shape == (5, 3, 2, len(case.centre))
    assert wide.sample().dtype == torch.float32
    assert wide.log_prob(wide.sample((5,))).shape == (5, 3, 2)
    assert wide.entropy().shape == (3, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_the_type_is_kept(case: Case, dtype: torch.dtype) -> None:
    q = law(case, 0.3, (2,), dtype)
    z = q.rsample()
    results = z, q.log_prob(z), q.entropy(), kl_divergence(q, case.prior(dtype))
    assert {result.dtype for result in results} == {dtype}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_values_and_gradients_are_finite_at_the_extremes(case: Case, dtype: torch.dtype) -> None:
    for value in case.extremes:
        spread = torch.full((50, *case.spread), value, dtype=dtype, requires_grad=True)
        loc = case.centre.to(dtype).repeat(50, 1).requires_grad_()
        q = case.law(loc, spread)
        z = q.rsample()
        for result in (
            z,
            kl_divergence(q, case.prior(dtype)),
            q.log_prob(z),
            q.log_prob(z.detach()),
            q.log_prob(case.centre),
        ):
            gradients = torch.autograd.grad(result.sum(), (loc, spread), allow_unused=True, retain_graph=True)
            assert result.isfinite().all(), value
            assert all(g.isfinite().all() for g in gradients if g is not None), value


def test_the_density_integrates_to_one(case: Case, spread: float) -> None:
    points, weights = case.grid(spread)
    assert (law(case, spread).log_prob(points).exp() @ weights).item() == pytest.approx(1.0, abs=1e-6)


def test_the_prior_integrates_to_one(case: Case) -> None:
    points, weights = case.grid(1e6)
    assert (case.prior(torch.float64).log_prob(points).exp() @ weights).item() == pytest.approx(1.0, abs=1e-6)


def test_entropy_and_kl_agree_with_quadrature(case: Case, spread: float) -> None:
    points, weights = case.grid(spread)
    q, prior = law(case, spread), case.prior(torch.float64)
    log_density = q.log_prob(points)
    mass = log_density.exp() * weights
    assert q.entropy().item() == pytest.approx(-(mass @ log_density).item(), rel=1e-6, abs=1e-6)
    divergence = (mass @ (log_density - prior.log_prob(points))).item()
    assert kl_divergence(q, prior).item() == pytest.approx(divergence, rel=1e-6, abs=1e-6)


def test_kl_agrees_with_monte_carlo(case: Case, spread: float, false_alarm: float) -> None:
    q, prior = law(case, spread), case.prior(torch.float64)
    z = q.sample((SAMPLES,))
    ratio = q.log_prob(z) - prior.log_prob(z)
    error = abs(ratio.mean() - kl_divergence(q, prior)).item()
    assert error < stats.norm.isf(false_alarm / 2) * ratio.std().item() / math.sqrt(SAMPLES) + 1e-6


def test_samples_agree_with_the_density(case: Case, spread: float, false_alarm: float) -> None:
    points, weights = case.grid(spread)
    q = law(case, spread)
    value, order = case.statistic(points).sort()
    mass = (q.log_prob(points).exp() * weights)[order].cumsum(0)
    middle = mass - 0.5 * torch.diff(mass, prepend=mass.new_zeros(1))
    drawn = case.statistic(q.sample((SAMPLES,))).sort().values
    uniform = np.interp(drawn.numpy(), value.numpy(), (middle / mass[-1]).numpy())
    assert stats.kstest(uniform, "uniform").pvalue > false_alarm


def test_gradients_of_samples_agree_with_quadrature(case: Case, spread: float, false_alarm: float) -> None:
    points, weights = case.grid(spread)
    single = torch.full(case.spread, spread, dtype=torch.float64, requires_grad=True)
    expectation = (law(case, single).log_prob(points).exp() * weights) @ case.statistic(points)
    (exact,) = torch.autograd.grad(expectation, single)
    spreads = torch.full((SAMPLES, *case.spread), spread, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(case.statistic(law(case, spreads, (SAMPLES,)).rsample()).sum(), spreads)
    error = (slopes.mean(0) - exact).abs()
    bound = stats.norm.isf(false_alarm / 2) * slopes.std(0) / math.sqrt(SAMPLES)
    assert (error <= bound + 1e-5 * exact.abs() + 1e-6).all()


def test_float32_densities_are_within_1e_4(case: Case, spread: float) -> None:
    z = law(case, spread).sample((500,)).float()
    single, double = law(case, spread, (), torch.float32), law(case, spread)
    expected = double.log_prob(z.double())
    assert ((single.log_prob(z) - expected).abs() <= 1e-4 * expected.abs().clamp(min=1.0)).all()
    kl, exact = (kl_divergence(q, case.prior(q.loc.dtype)).item() for q in (single, double))
    assert kl == pytest.approx(exact, rel=1e-4, abs=1e-6)
