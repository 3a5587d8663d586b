"""What every distribution promises, whatever its manifold: see cases.py for the distributions."""

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


def build(
    case: Case, dispersion: float | Tensor, batch: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
) -> Distribution:
    """The case's distribution, equal over the batch."""
    dispersion = torch.as_tensor(dispersion, dtype=dtype)
    dispersion = dispersion if dispersion.ndim else dispersion.expand(batch + case.dispersion)
    return case.distribution(case.centre.to(dtype).expand(*batch, -1), dispersion)


def test_shapes_broadcast_and_expand(case: Case) -> None:
    q = case.distribution(case.centre.expand(3, 1, -1), torch.full((2, *case.dispersion), 0.3, dtype=torch.float64))
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
    q = build(case, 0.3, (6,))
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
    q = build(case, 0.3, (2,), dtype)
    z = q.rsample()
    results = z, q.log_prob(z), q.entropy(), kl_divergence(q, case.prior(dtype))
    assert {result.dtype for result in results} == {dtype}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_values_and_gradients_are_finite_at_the_extremes(case: Case, dtype: torch.dtype) -> None:
    for value in case.extremes:
        dispersion = torch.full((50, *case.dispersion), value, dtype=dtype, requires_grad=True)
        loc = case.centre.to(dtype).repeat(50, 1).requires_grad_()
        q = case.distribution(loc, dispersion)
        z = q.rsample()
        for result in (
            z,
            kl_divergence(q, case.prior(dtype)),
            q.log_prob(z),
            q.log_prob(z.detach()),
            q.log_prob(case.centre),
        ):
            gradients = torch.autograd.grad(result.sum(), (loc, dispersion), allow_unused=True, retain_graph=True)
            assert result.isfinite().all(), value
            assert all(g.isfinite().all() for g in gradients if g is not None), value


def test_the_density_integrates_to_one(case: Case, dispersion: float) -> None:
    points, weights = case.grid(dispersion)
    assert (build(case, dispersion).log_prob(points).exp() @ weights).item() == pytest.approx(1.0, abs=1e-6)


def test_the_prior_integrates_to_one(case: Case) -> None:
    points, weights = case.grid(1e6)
    assert (case.prior(torch.float64).log_prob(points).exp() @ weights).item() == pytest.approx(1.0, abs=1e-6)


def test_entropy_and_kl_agree_with_quadrature(case: Case, dispersion: float) -> None:
    points, weights = case.grid(dispersion)
    q, prior = build(case, dispersion), case.prior(torch.float64)
    log_density = q.log_prob(points)
    mass = log_density.exp() * weights
    assert q.entropy().item() == pytest.approx(-(mass @ log_density).item(), rel=1e-6, abs=1e-6)
    divergence = (mass @ (log_density - prior.log_prob(points))).item()
    assert kl_divergence(q, prior).item() == pytest.approx(divergence, rel=1e-6, abs=1e-6)


def test_kl_agrees_with_monte_carlo(case: Case, dispersion: float, false_alarm: float) -> None:
    q, prior = build(case, dispersion), case.prior(torch.float64)
    z = q.sample((SAMPLES,))
    ratio = q.log_prob(z) - prior.log_prob(z)
    error = abs(ratio.mean() - kl_divergence(q, prior)).item()
    assert error < stats.norm.isf(false_alarm / 2) * ratio.std().item() / math.sqrt(SAMPLES) + 1e-6


def test_samples_agree_with_the_density(case: Case, dispersion: float, false_alarm: float) -> None:
    points, weights = case.grid(dispersion)
    q = build(case, dispersion)
    value, order = case.statistic(points).sort()
    mass = (q.log_prob(points).exp() * weights)[order].cumsum(0)
    middle = mass - 0.5 * torch.diff(mass, prepend=mass.new_zeros(1))
    drawn = case.statistic(q.sample((SAMPLES,))).sort().values
    uniform = np.interp(drawn.numpy(), value.numpy(), (middle / mass[-1]).numpy())
    assert stats.kstest(uniform, "uniform").pvalue > false_alarm


def test_gradients_of_samples_agree_with_quadrature(case: Case, dispersion: float, false_alarm: float) -> None:
    points, weights = case.grid(dispersion)
    single = torch.full(case.dispersion, dispersion, dtype=torch.float64, requires_grad=True)
    expectation = (build(case, single).log_prob(points).exp() * weights) @ case.statistic(points)
    (exact,) = torch.autograd.grad(expectation, single)
    dispersions = torch.full((SAMPLES, *case.dispersion), dispersion, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(case.statistic(build(case, dispersions, (SAMPLES,)).rsample()).sum(), dispersions)
    error = (slopes.mean(0) - exact).abs()
    bound = stats.norm.isf(false_alarm / 2) * slopes.std(0) / math.sqrt(SAMPLES)
    assert (error <= bound + 1e-5 * exact.abs() + 1e-6).all()


def test_float32_densities_are_within_1e_4(case: Case, dispersion: float) -> None:
    z = build(case, dispersion).sample((500,)).float()
    single, double = build(case, dispersion, (), torch.float32), build(case, dispersion)
    expected = double.log_prob(z.double())
    assert ((single.log_prob(z) - expected).abs() <= 1e-4 * expected.abs().clamp(min=1.0)).all()
    kl, exact = (kl_divergence(q, case.prior(q.loc.dtype)).item() for q in (single, double))
    assert kl == pytest.approx(exact, rel=1e-4, abs=1e-6)
