"""von Mises–Fisher: density, sampler, gradients and extremes against closed forms and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from submission.distributions import VonMisesFisher
from submission.distributions.bessel import length_slope, normaliser
from submission.distributions.radial import slope
from submission.distributions.vmf_sampler import Envelope, inverse_cdf, sample_one_minus_cosine, symmetric_beta
from submission.distributions.von_mises_fisher import COSINE_LESS_ONE

LAWS = [(m, kappa) for m in (2, 3, 5, 11, 41) for kappa in (0.5, 2.0, 30.0)]


def build(m: int, kappa: float, count: int = 1, **options: str) -> tuple[VonMisesFisher, Tensor]:
    """``count`` equal distributions around the first axis (float64) and their concentration, a leaf."""
    concentration = torch.full((count,), kappa, dtype=torch.float64, requires_grad=True)
    return VonMisesFisher(torch.eye(m, dtype=torch.float64)[0], concentration, **options), concentration


def cosine_cdf(m: int, kappa: float, cosines: np.ndarray) -> np.ndarray:
    """CDF of w = μᵀz at ``cosines`` by the trapezium rule over 20,001 angles of the marginal, float64."""
    angles = np.linspace(0, np.pi, 20001)
    weights = np.exp(kappa * (np.cos(angles) - 1)) * np.sin(angles) ** (m - 2)
    cumulative = np.concatenate([[0], np.cumsum((weights[1:] + weights[:-1]) / 2)])
    return 1 - np.interp(np.arccos(cosines), angles, cumulative / cumulative[-1])


def standard_error(values: Tensor) -> float:
    """Of the mean of ``values`` (n,)."""
    return float(values.std() / math.sqrt(len(values)))


@pytest.mark.parametrize(("m", "kappa"), LAWS)
def test_density_integrates_to_one_over_uniform_directions(m: int, kappa: float) -> None:
    angles = torch.linspace(0, math.pi, 20001, dtype=torch.float64)
    points = torch.zeros(len(angles), m, dtype=torch.float64)
    points[:, 0], points[:, 1] = torch.cos(angles), torch.sin(angles)
    ring = math.log(2) + (m - 1) / 2 * math.log(math.pi) - math.lgamma((m - 1) / 2)  # area of S^{m−2}
    density = torch.exp(build(m, kappa)[0].log_prob(points) + ring) * torch.sin(angles) ** (m - 2)
    assert torch.trapezoid(density, angles).item() == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(("m", "kappa"), LAWS)
@pytest.mark.parametrize("gradient", ["implicit", "two_term"])
def test_sampled_cosines_follow_the_marginal(m: int, kappa: float, gradient: str) -> None:
    cosines = build(m, kappa, 4000, gradient=gradient)[0].rsample()[:, 0].detach().numpy()
    assert stats.kstest(cosines, lambda values: cosine_cdf(m, kappa, values)).pvalue > 1e-4


@pytest.mark.parametrize(("m", "kappa"), [(2, 300.0), (3, 0.0), (5, 2.0), (41, 20.0), (1000, 1e5)])
def test_the_fallback_samples_the_same_law(m: int, kappa: float) -> None:
    concentrations = torch.full((4000,), kappa, dtype=torch.float64)
    fallback = sample_one_minus_cosine(concentrations, m, rounds=())
    assert stats.ks_2samp(fallback.numpy(), sample_one_minus_cosine(concentrations, m).numpy()).pvalue > 1e-4


def test_float32_samples_follow_the_float64_fallback() -> None:
    single = sample_one_minus_cosine(torch.full((4000,), 1e6), 11).numpy()
    exact = inverse_cdf(torch.full((4000,), 1e6, dtype=torch.float64), 11).numpy()
    assert stats.ks_2samp(single, exact).pvalue > 1e-4


@pytest.mark.parametrize("kappa", [0.0, 1e-6, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("m", [2, 3, 11, 1000])
def test_the_envelope_is_one_and_two_thirds_are_kept(m: int, kappa: float) -> None:
    envelope = Envelope(torch.full((20000,), kappa, dtype=torch.float64), m)
    x = envelope.one_minus_cosine(symmetric_beta((20000,), m, envelope.kappa))
    acceptance = envelope.log_acceptance(x).exp()
    assert acceptance.max() <= 1 + 1e-9
    assert acceptance.mean() > 0.64


@pytest.mark.parametrize("gradient", ["implicit", "two_term"])
@pytest.mark.parametrize(("m", "kappa"), [(m, kappa) for m in (2, 3, 5, 11) for kappa in (0.5, 2.0, 20.0)])
def test_gradient_of_the_mean_cosine_is_unbiased(m: int, kappa: float, gradient: str) -> None:
    distribution, concentration = build(m, kappa, 20000, gradient=gradient)
    z = distribution.rsample()
    cost = distribution.add_score_term(z, z[:, 0])
    (slopes,) = torch.autograd.grad(cost.sum(), concentration)
    at = torch.tensor(kappa, dtype=torch.float64)
    expected = length_slope(at, normaliser(at, m)[1], m).item()
    assert abs(slopes.mean().item() - expected) < 4.5 * standard_error(slopes)


def test_the_pathwise_part_alone_is_biased_as_the_literature_has_it() -> None:
    distribution, concentration = build(5, 2.0, 200000, gradient="two_term")
    (slopes,) = torch.autograd.grad(distribution.rsample()[:, 0].sum(), concentration)
    assert slopes.mean().item() == pytest.approx(0.1276, abs=0.001)
    assert length_slope(concentration[:1].detach(), distribution.mean_length[:1].detach(), 5).item() == pytest.approx(
        0.1474, abs=1e-4
    )


def test_two_term_correction_has_mean_zero_for_a_constant_cost() -> None:
    distribution, concentration = build(5, 3.0, 20000, gradient="two_term")
    z = distribution.rsample().detach()
    cost = distribution.add_score_term(z, torch.ones(20000, dtype=torch.float64))
    (score,) = torch.autograd.grad(cost.sum(), concentration)
    assert cost.detach().allclose(torch.ones(20000, dtype=torch.float64))
    assert abs(score.mean().item()) < 4.5 * standard_error(score)


@pytest.mark.parametrize("kappa", [1e-6, 0.3, 4.0, 100.0, 1e4, 1e6])
@pytest.mark.parametrize("m", [2, 3, 5, 41, 1000])
def test_implicit_slope_is_the_derivative_of_the_quantile(m: int, kappa: float) -> None:
    """At the mode and up to five standard deviations to either side of it."""
    at = torch.tensor([kappa], dtype=torch.float64)
    mode = math.acos(2 * kappa / (m - 2 + math.hypot(m - 2, 2 * kappa)))
    mean = normaliser(at, m)[1] - 1
    for deviations in (-5, -1, 0.01, 1, 5):
        theta = mode + deviations / math.sqrt(kappa + m - 1)
        if 0 < theta < math.pi:
            angle = torch.tensor([theta], dtype=torch.float64)
            estimate = slope(at, angle, mean, m, COSINE_LESS_ONE)
            torch.testing.assert_close(estimate, reference_slope(m, kappa, angle, mean), rtol=1e-5, atol=1e-12)


def reference_slope(m: int, kappa: float, angle: Tensor, mean: Tensor) -> Tensor:
    """−∂_κ CDF/p at ``angle`` by Gauss–Legendre on 40 panels over the lower tail or, beyond the mean, the upper one."""
    nodes, weights = np.polynomial.legendre.leggauss(30)
    theta, height = angle.item(), mean.item()
    below = np.cos(theta) - 1 > height
    reach = min(theta if below else math.pi - theta, 30 / math.sqrt(kappa + m))
    edges = np.linspace(0, reach, 41)
    offsets = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
    scale = np.repeat(np.diff(edges) / 2, 30) * np.tile(weights, 40)
    there = theta - offsets if below else theta + offsets
    rise = -2 * np.sin((there + theta) / 2) * np.sin((there - theta) / 2)
    ratio = np.exp(kappa * rise) * (np.sin(there) / np.sin(theta)) ** (m - 2)
    total = float((((np.cos(there) - 1) - height) * ratio * scale).sum())
    return torch.tensor([-total if below else total], dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kappa", [0.0, 1e-6, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("m", [2, 3, 40, 1000])
@pytest.mark.parametrize("gradient", ["implicit", "two_term"])
def test_everything_is_finite_at_the_extremes(m: int, kappa: float, dtype: torch.dtype, gradient: str) -> None:
    loc = torch.nn.functional.normalize(torch.ones(m, dtype=dtype), dim=0).requires_grad_()
    concentration = torch.full((500,), kappa, dtype=dtype, requires_grad=True)
    distribution = VonMisesFisher(loc, concentration, gradient)
    z = distribution.rsample()
    cost = distribution.add_score_term(z, z.sum(-1)) + distribution.log_prob(z) + distribution.entropy()
    gradients = torch.autograd.grad(cost.sum(), (loc, concentration))
    assert z.dtype == dtype
    torch.testing.assert_close(torch.linalg.vector_norm(z, dim=-1), torch.ones(500, dtype=dtype))
    assert all(value.isfinite().all() for value in (cost, *gradients))


@pytest.mark.parametrize(("m", "kappa"), [(3, 1e4), (11, 1e6), (41, 50.0)])
def test_float32_log_density_is_the_float64_one(m: int, kappa: float) -> None:
    z = VonMisesFisher(torch.eye(m)[0], torch.full((200,), kappa)).rsample()
    single = VonMisesFisher(torch.eye(m)[0], torch.tensor(kappa)).log_prob(z)
    double = build(m, kappa)[0].log_prob(z.double()).detach()
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_log_density_gives_the_table_of_all_pairs() -> None:
    loc = torch.nn.functional.normalize(torch.randn(6, 2, 4), dim=-1)
    distribution = VonMisesFisher(loc, torch.rand(6, 2) * 9)
    z = distribution.rsample()
    table = distribution.log_prob(z[:, None])
    assert table.shape == (6, 6, 2)
    torch.testing.assert_close(table.diagonal().T, distribution.log_prob(z))


def test_an_unknown_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="implicit, two_term"):
        build(3, 1.0, gradient="pathwise")
