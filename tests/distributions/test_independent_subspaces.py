"""The ISA prior: its density as Stühmer et al. (2020) prints it, its exact sampler, and its derivatives at zero."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import special, stats
from torch import Tensor

from submission.distributions import IndependentSubspaces
from submission.distributions.independent_subspaces import subspaces

LAYOUTS = [
    ([4, 4, 4], [2.2, 2.2, 2.2], 2.1, 1.0),
    ([2, 3, 1], [1.9, 2.2, 1.3], 2.1, 1.7),
    ([1, 5], [1.1, 2.9], 1.2, 0.6),
]


def build(sizes: list[int], exponents: list[float], root: float, scale: float) -> IndependentSubspaces:
    """In float64."""
    return IndependentSubspaces(sizes, torch.tensor(exponents, dtype=torch.float64), root, scale)


def nested_log_prob(z: Tensor, sizes: list[int], exponents: list[float], root: float, scale: float) -> Tensor:
    """log ψ(v_0) − (n − 1)·log v_0 − log S(1), as Stühmer et al.'s (2020) equations 7, 8 and 11 have it."""
    parts = zip(z.split(sizes, -1), exponents, strict=True)
    radii = torch.stack([part.abs().pow(p).sum(-1).pow(1 / p) for part, p in parts], -1)
    radius = radii.pow(root).sum(-1).pow(1 / root)
    n, count = sum(sizes), len(sizes)
    surface = sum(
        size * math.log(2 * math.gamma(1 / p)) - (size - 1) * math.log(p) - math.lgamma(size / p)
        for size, p in zip(sizes, exponents, strict=True)
    )
    surface += sum(math.lgamma(size / root) for size in sizes) - (count - 1) * math.log(root) - math.lgamma(n / root)
    radial = math.log(root) - math.lgamma(n / root) - n / root * math.log(scale)
    return radial + (n - 1) * radius.log() - radius.pow(root) / scale - (n - 1) * radius.log() - surface


@pytest.mark.parametrize(("sizes", "exponents", "root", "scale"), LAYOUTS)
def test_density_is_the_papers_nested_one(sizes: list[int], exponents: list[float], root: float, scale: float) -> None:
    z = torch.randn(50, sum(sizes), dtype=torch.float64)
    distribution = build(sizes, exponents, root, scale)
    expected = nested_log_prob(z, sizes, exponents, root, scale)
    torch.testing.assert_close(distribution.log_prob(z), expected)
    torch.testing.assert_close(distribution.coordinate_log_prob(z).sum(-1), expected)
    torch.testing.assert_close(distribution.subspace_log_prob(z).sum(-1), expected)


@pytest.mark.parametrize(("sizes", "exponents", "root", "scale"), LAYOUTS)
def test_density_integrates_to_one(sizes: list[int], exponents: list[float], root: float, scale: float) -> None:
    distribution = build(sizes, exponents, root, scale)
    proposal = torch.distributions.Laplace(0.0, distribution.variance.sqrt())
    z = proposal.sample((100000,))
    weights = torch.exp(distribution.log_prob(z) - proposal.log_prob(z).sum(-1))
    assert abs(weights.mean().item() - 1) < 4.5 * (weights.std() / math.sqrt(len(weights))).item()


def test_two_coordinates_integrate_to_one_by_quadrature() -> None:
    axis = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    density = build([2], [1.7], 2.1, 1.3).log_prob(grid).exp().view(1601, 1601)
    assert torch.trapezoid(torch.trapezoid(density, axis), axis).item() == pytest.approx(1, abs=1e-5)


def test_exponents_of_two_give_a_gaussian_of_variance_one_half() -> None:
    z = torch.randn(100, 7, dtype=torch.float64)
    normal = torch.distributions.Normal(0.0, math.sqrt(0.5)).log_prob(z).sum(-1)
    torch.testing.assert_close(build([3, 4], [2.0, 2.0], 2.0, 1.0).log_prob(z), normal)


@pytest.mark.parametrize(("sizes", "exponents", "root", "scale"), LAYOUTS)
def test_sampled_radii_and_coordinates_follow_their_marginals(
    sizes: list[int], exponents: list[float], root: float, scale: float
) -> None:
    """v_k^{p0}/s is Gamma(n_k/p0); |z_i|^p/v^p is Beta(1/p, (n_k − 1)/p); signs are fair."""
    samples = build(sizes, exponents, root, scale).sample((5000,))
    for part, size, p in zip(samples.split(sizes, -1), sizes, exponents, strict=True):
        power = part.abs().pow(p).sum(-1)
        radial = power.pow(root / p) / scale
        assert stats.kstest(radial.numpy(), stats.gamma(size / root).cdf).pvalue > 1e-4
        if size > 1:
            share = part[:, 0].abs().pow(p) / power
            assert (
                stats.kstest(share.numpy(), lambda x, a=1 / p, b=(size - 1) / p: special.betainc(a, b, x)).pvalue > 1e-4
            )
        assert stats.binomtest(int((part[:, 0] > 0).sum()), 5000).pvalue > 1e-4


@pytest.mark.parametrize(("sizes", "exponents", "root", "scale"), LAYOUTS)
def test_variance_is_that_of_samples(sizes: list[int], exponents: list[float], root: float, scale: float) -> None:
    distribution = build(sizes, exponents, root, scale)
    squares = distribution.sample((50000,)).square()
    error = squares.std(0) / math.sqrt(50000)
    assert ((squares.mean(0) - distribution.variance).abs() < 4.5 * error).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("root", [1.05, 2.1, 2.95])
@pytest.mark.parametrize("exponent", [1.05, 2.0, 2.95])
def test_value_and_gradients_are_finite_at_zero_and_far_away(exponent: float, root: float, dtype: torch.dtype) -> None:
    rows = [[0.0] * 5, [1e-30] * 5, [0.0, 1e-12, 0.0, 0.0, 1e-20], [1e4] * 5]
    z = torch.tensor(rows, dtype=dtype, requires_grad=True)
    exponents = torch.full((2,), exponent, dtype=dtype, requires_grad=True)
    density = IndependentSubspaces([2, 3], exponents, root).coordinate_log_prob(z)
    gradients = torch.autograd.grad(density.sum(), (z, exponents))
    assert density.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert (gradients[0][0] == 0).all()


@pytest.mark.parametrize("root", [0.5, 1.0, 2.1, 4.0])
@pytest.mark.parametrize("exponent", [0.5, 0.9, 1.05, 2.2, 3.0, 4.0])
def test_gradients_are_finite_on_the_way_to_zero(exponent: float, root: float) -> None:
    """In float32; a coordinate alone in its subspace comes within 1e-7 of zero every few thousand updates."""
    z = torch.cat([torch.zeros(1), torch.logspace(-40, 3, 431)])[:, None].expand(-1, 3).clone().requires_grad_()
    exponents = torch.full((2,), exponent, requires_grad=True)
    density = IndependentSubspaces([1, 2], exponents, root).coordinate_log_prob(z)
    gradients = torch.autograd.grad(density.sum(), (z, exponents))
    assert all(values.isfinite().all() for values in (density, *gradients))
    assert (gradients[0][0] == 0).all()


def test_gradients_in_exponents_and_codes_agree_with_finite_differences() -> None:
    z = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    exponents = torch.tensor([1.8, 2.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z, p: IndependentSubspaces([2, 3], p, 2.1).log_prob(z), (z, exponents))


def test_bad_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        IndependentSubspaces([], 2.0, 2.0)
    with pytest.raises(ValueError, match="must be positive"):
        IndependentSubspaces([2], 2.0, -1.0)


def test_what_is_kept_from_inference_takes_part_in_gradients():
    subspaces.cache_clear()
    with torch.inference_mode():
        IndependentSubspaces([2, 1], 2.0, 2.1).log_prob(torch.randn(4, 3))
    exponents = torch.tensor([1.9, 2.1], requires_grad=True)
    IndependentSubspaces([2, 1], exponents, 2.1).log_prob(torch.randn(4, 3)).sum().backward()
    assert exponents.grad is not None
