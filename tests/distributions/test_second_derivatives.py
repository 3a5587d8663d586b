"""Second derivatives: against 40-digit series, against finite differences of first ones, and through samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from submission.distributions import (
    EmbeddedTorusBrownian,
    EmbeddedTorusUniform,
    IndependentSubspaces,
    PowerSpherical,
    ProjectiveBrownian,
    ProjectiveUniform,
    RotationBrownian,
    RotationUniform,
    SphereBrownian,
    SphereUniform,
    VonMisesFisher,
)
from submission.distributions.bessel import normaliser
from submission.distributions.torus_spectrum import exact_kl

Case = Any
DIGITS = 40
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # that forward mode scripts when it is first used


def heat_kernel(dim: int, time: mpmath.mpf, angle: mpmath.mpf, terms: int) -> list[mpmath.mpf]:
    """The heat kernel of S^d relative to uniform and its first two derivatives in time, by its series."""
    y, half = mpmath.cos(angle), mpmath.mpf(dim - 1) / 2
    before, now, total = mpmath.mpf(0), mpmath.mpf(1), [mpmath.mpf(0)] * 3
    for k in range(terms):
        rate = mpmath.mpf(k * (k + dim - 1)) / 2
        if dim == 1:
            weight = mpmath.cos(k * angle) * (1 if k == 0 else 2)
        else:
            weight = now * (2 * k + dim - 1) / (dim - 1)
            before, now = now, (2 * (k + half) * y * now - (k + 2 * half - 1) * before) / (k + 1)
        decay = weight * mpmath.exp(-rate * time)
        total = [part + decay * (-rate) ** order for order, part in enumerate(total)]
    return total


def terms_for(dim: int, time: float) -> int:
    """Terms after which the series has ``DIGITS`` digits."""
    return int(math.sqrt(2 * (DIGITS + 10) * math.log(10) / (0.9 * time))) + dim + 2


def kl_second(dim: int, time: float, even: bool) -> float:
    """d²KL/dt² = ∫ p_tt (log p + 1) + p_t²/p of Brownian motion on S^d (or RP^d) by quadrature of the series."""
    last = math.pi / 2 if even else math.pi
    reach = min(last, math.sqrt(time) * (math.sqrt(dim) + 11))
    nodes, weights = np.polynomial.legendre.leggauss(48)
    area = mpmath.sqrt(mpmath.pi) * mpmath.gamma(mpmath.mpf(dim) / 2) / mpmath.gamma(mpmath.mpf(dim + 1) / 2)
    total = mpmath.mpf(0)
    for node, weight in zip(nodes, weights, strict=True):
        angle = mpmath.mpf(reach) * (node + 1) / 2
        p = heat_kernel(dim, mpmath.mpf(time), angle, terms_for(dim, time))
        if even:
            far = heat_kernel(dim, mpmath.mpf(time), mpmath.pi - angle, terms_for(dim, time))
            p = [(own + other) / 2 for own, other in zip(p, far, strict=True)]
        ring = mpmath.mpf(reach) / 2 * weight * mpmath.sin(angle) ** (dim - 1)
        total += ring * (p[2] * (mpmath.log(p[0]) + 1) + p[1] ** 2 / p[0])
    return float(total / area * (2 if even else 1))


def second(function: Callable[[Tensor], Tensor], position: float) -> float:
    """The second derivative of a function of one number."""
    x = torch.tensor(position, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(function(x), x, create_graph=True)
    (result,) = torch.autograd.grad(first, x)
    return result.item()


def pole(size: int) -> Tensor:
    """The first unit vector (size,)."""
    return torch.eye(size, dtype=torch.float64)[0]


def divergence(loc: Tensor, kind: type, prior: Distribution) -> Callable[[Tensor], Tensor]:
    """Time → KL to the uniform distribution."""
    return lambda time: kl_divergence(kind(loc, time), prior)


@pytest.mark.parametrize(
    ("dim", "time"), [(1, 0.3), (1, 1.0), (2, 0.1), (2, 0.3), (2, 1.0), (3, 0.3), (3, 1.0), (10, 0.3), (10, 1.0)]
)
def test_kl_of_brownian_motion(dim: int, time: float) -> None:
    mpmath.mp.dps = DIGITS
    sphere = second(divergence(pole(dim + 1), SphereBrownian, SphereUniform(dim)), time)
    assert sphere == pytest.approx(kl_second(dim, time, even=False), rel=1e-4)
    if dim > 1:
        projective = second(divergence(pole(dim + 1), ProjectiveBrownian, ProjectiveUniform(dim)), time)
        assert projective == pytest.approx(kl_second(dim, time, even=True), rel=1e-4)
    if dim == 3:
        rotation = second(divergence(pole(4), RotationBrownian, RotationUniform()), 8 * time)
        assert rotation == pytest.approx(kl_second(3, time, even=True) / 64, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "prior", "size", "exact"),
    [
        (SphereBrownian, SphereUniform(2), 3, 11.156467),
        (SphereBrownian, SphereUniform(1), 2, 5.5556382),
        (RotationBrownian, RotationUniform(), 4, 16.66345),
    ],
)
def test_kl_at_time_three_tenths(kind: type, prior: Distribution, size: int, exact: float) -> None:
    """The values of the series of the test above, to eight digits."""
    assert second(divergence(pole(size), kind, prior), 0.3) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
@pytest.mark.parametrize(("time", "angle"), [(0.1, 0.02), (0.3, 1.5), (1.0, 0.5), (1.0, 3.0)])
def test_density_of_brownian_motion(dim: int, time: float, angle: float) -> None:
    """All three second derivatives in time and distance."""
    mpmath.mp.dps = DIGITS
    rows = terms_for(dim, 0.9 * time)
    exact = [
        float(mpmath.diff(lambda t, r: mpmath.log(heat_kernel(dim, t, r, rows)[0]), (time, angle), orders))
        for orders in ((2, 0), (1, 1), (0, 2))
    ]
    position = torch.tensor([time, angle], dtype=torch.float64, requires_grad=True)
    point = torch.cat([position[1:].cos(), position[1:].sin(), torch.zeros(dim - 1, dtype=torch.float64)])
    density = SphereBrownian(pole(dim + 1), position[0]).log_prob(point)
    (first,) = torch.autograd.grad(density, position, create_graph=True)
    by_time, by_angle = (torch.autograd.grad(part, position, retain_graph=True)[0] for part in first)
    found = [by_time[0].item(), by_time[1].item(), by_angle[1].item()]
    assert found == pytest.approx(exact, abs=1e-3 * dim / time**2, rel=1e-3)
    assert found[1:] == pytest.approx(exact[1:], abs=3e-3 / time, rel=1e-3)


@pytest.mark.parametrize("m", [2, 3, 11, 200])
@pytest.mark.parametrize("kappa", [1e-4, 0.3, 3.0, 30.0, 1e3, 1e5])
def test_von_mises_fisher_normaliser_has_three_derivatives(m: int, kappa: float) -> None:
    mpmath.mp.dps = DIGITS
    k = mpmath.mpf(kappa)
    length = mpmath.besseli(mpmath.mpf(m) / 2, k) / mpmath.besseli(mpmath.mpf(m) / 2 - 1, k)
    slope = 1 - length**2 - (m - 1) * length / k
    bend = -2 * length * slope - (m - 1) * (slope - length / k) / k
    x = torch.tensor(kappa, dtype=torch.float64, requires_grad=True)
    derivatives, value = [], normaliser(x, m)[0]
    for _ in range(3):
        (value,) = torch.autograd.grad(value, x, create_graph=True)
        derivatives.append(value.item())
    assert derivatives == pytest.approx([float(length), float(slope), float(bend)], rel=1e-5)
    divergence_bend = second(lambda c: kl_divergence(VonMisesFisher(pole(m), c), SphereUniform(m - 1)), kappa)
    assert divergence_bend == pytest.approx(float(slope + k * bend), rel=1e-4, abs=1e-9 * float(slope))


@pytest.mark.parametrize("m", [2, 3, 11])
@pytest.mark.parametrize("kappa", [0.0, 1e-3, 3.0, 1e3])
def test_power_spherical_divergence(m: int, kappa: float) -> None:
    mpmath.mp.dps = DIGITS
    half = mpmath.mpf(m - 1) / 2

    def exact(k: mpmath.mpf) -> mpmath.mpf:
        moment = mpmath.loggamma(half + k) - mpmath.loggamma(2 * half + k)
        start = mpmath.loggamma(half) - mpmath.loggamma(2 * half)
        return k * (mpmath.digamma(half + k) - mpmath.digamma(2 * half + k)) - moment + start

    found = second(lambda c: kl_divergence(PowerSpherical(pole(m), c), SphereUniform(m - 1)), kappa)
    assert found == pytest.approx(float(mpmath.re(mpmath.diff(exact, kappa, 2))), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("time", "theta"), [(0.02, 1.0), (0.3, 0.0), (0.3, 2.0), (2.0, 1.0), (5.0, 3.0)])
def test_embedded_torus_divergence(time: float, theta: float) -> None:
    step = 0.02 * time
    times = [time - step, time, time + step]
    if time > 0.1:
        low, middle, high = (exact_kl(2.0, 1.0, t, np.array([theta]))[0] for t in times)
        exact = (low - 2 * middle + high) / step**2
    else:
        exact = 1 / time**2  # of −log 2πt; the next term is below 1 in a thousand
    loc = torch.tensor([2 + math.cos(theta), 0.0, math.sin(theta)], dtype=torch.float64)
    prior = EmbeddedTorusUniform((2.0, 1.0))
    found = second(lambda t: kl_divergence(EmbeddedTorusBrownian(loc, t, (2.0, 1.0)), prior), time)
    assert found == pytest.approx(exact, rel=1e-2)


def test_densities_agree_with_differences_of_gradients(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """In centre, dispersion and point, at ordinary positions; differences leave the manifold, so nothing is checked."""
    monkeypatch.setattr(Distribution, "_validate_args", False)
    loc = (case.centre + 0.05 * torch.randn(2, len(case.centre), dtype=torch.float64)).requires_grad_()
    dispersion = torch.full((2, *case.dispersion), 0.7, dtype=torch.float64, requires_grad=True)
    z = (case.centre + 0.3 * torch.randn(2, len(case.centre), dtype=torch.float64)).requires_grad_()

    def log_prob(*given: Tensor) -> Tensor:
        return case.distribution(*given[:2]).log_prob(given[2])

    assert torch.autograd.gradgradcheck(log_prob, (loc, dispersion, z), atol=2e-3, rtol=2e-3, fast_mode=True)


def test_second_derivatives_of_samples_agree_with_quadrature(case: Case, false_alarm: float) -> None:
    """d²E f/dσ² through samples, f the case's statistic."""
    value, count = 0.5, 20000
    if case.name == "torus in R^3":
        pytest.skip("its sampler is a scheme with steps, exact only in the limit")
    points, weights = case.grid(value)
    single = torch.full(case.dispersion, value, dtype=torch.float64, requires_grad=True)
    density = case.distribution(case.centre, single).log_prob(points)
    (first,) = torch.autograd.grad((density.exp() * weights) @ case.statistic(points), single, create_graph=True)
    (exact,) = torch.autograd.grad(first.sum(), single)
    dispersion = torch.full((count, *case.dispersion), value, dtype=torch.float64, requires_grad=True)
    z = case.distribution(case.centre.expand(count, -1), dispersion).rsample()
    (first,) = torch.autograd.grad(case.statistic(z).sum(), dispersion, create_graph=True)
    (found,) = torch.autograd.grad(first.sum(), dispersion)
    error = (found.mean(0) - exact).abs()
    assert (
        error <= stats.norm.isf(false_alarm / 2) * found.std(0) / math.sqrt(count) + 1e-3 * exact.abs() + 3e-4
    ).all()


def test_second_derivatives_of_samples_in_the_centre() -> None:
    """d²E (z₀ z₁ + z₁²)/da² of von Mises–Fisher around (cos a, sin a, 0): the second moments turn with the centre."""
    angle = torch.full((40000,), 0.4, dtype=torch.float64, requires_grad=True)
    loc = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], -1)
    z = VonMisesFisher(loc, torch.tensor(3.0, dtype=torch.float64)).rsample()
    (first,) = torch.autograd.grad((z[:, 0] * z[:, 1] + z[:, 1].square()).sum(), angle, create_graph=True)
    (found,) = torch.autograd.grad(first.sum(), angle)
    difference = 1 - 3 * (1 / math.tanh(3.0) - 1 / 3.0) / 3.0  # E (μᵀz)² − E (vᵀz)²: A′ + A² − A/κ, A = coth κ − 1/κ
    exact = difference * (-2 * math.sin(0.8) + 2 * math.cos(0.8))
    assert found.mean().item() == pytest.approx(exact, abs=5 * found.std().item() / 200)


def third(function: Callable[[Tensor], Tensor], position: float) -> None:
    """Ask for a third derivative."""
    x = torch.tensor(position, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(function(x), x, create_graph=True)
    (again,) = torch.autograd.grad(first, x, create_graph=True)
    torch.autograd.grad(again, x)


def test_orders_that_tables_do_not_have_raise() -> None:
    for size, kind, prior in ((3, SphereBrownian, SphereUniform(2)), (3, ProjectiveBrownian, ProjectiveUniform(2))):
        with pytest.raises(NotImplementedError, match="third derivatives of tabulated"):
            third(divergence(pole(size), kind, prior), 0.3)


def test_the_two_term_estimator_has_no_second_derivative() -> None:
    kappa = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    q = VonMisesFisher(pole(4), kappa, gradient="two_term")
    z = q.rsample()
    (first,) = torch.autograd.grad(q.add_score_term(z, z[0]), kappa, create_graph=True)
    with pytest.raises(NotImplementedError, match="two-term"):
        torch.autograd.grad(first, kappa)


NEAR_ENDS = [0.0, 1e-5, 9.9e-3, 1.1e-2, math.pi - 1.1e-2, math.pi - 9e-3, math.pi - 1e-5, math.pi]


@pytest.mark.parametrize("kind", [SphereBrownian, ProjectiveBrownian, RotationBrownian])
@pytest.mark.parametrize("dim", [2, 3, 10])
@pytest.mark.parametrize("time", [0.2, 1.0])
def test_density_at_the_centre_and_its_antipode(kind: type[Distribution], dim: int, time: float) -> None:
    """All second derivatives in time and angle on both sides of where the tables by angle are replaced."""
    if kind is RotationBrownian and dim != 3:
        pytest.skip("SO(3) has one dimension")
    mpmath.mp.dps = DIGITS
    scale = 8.0 if kind is RotationBrownian else 1.0
    rows = terms_for(dim, 0.9 * time)

    def exact_log(t: mpmath.mpf, r: mpmath.mpf) -> mpmath.mpf:
        both = heat_kernel(dim, t / scale, r, rows)[0]
        return mpmath.log(
            both if kind is SphereBrownian else both + heat_kernel(dim, t / scale, mpmath.pi - r, rows)[0]
        )

    for angle in NEAR_ENDS:
        exact = [float(mpmath.diff(exact_log, (scale * time, angle), n)) for n in ((2, 0), (1, 1), (0, 2))]
        position = torch.tensor([scale * time, angle], dtype=torch.float64, requires_grad=True)
        point = torch.cat([position[1:].cos(), position[1:].sin(), torch.zeros(dim - 1, dtype=torch.float64)])
        density = kind(pole(dim + 1), position[0]).log_prob(point)
        (first,) = torch.autograd.grad(density, position, create_graph=True)
        by_time, by_angle = (torch.autograd.grad(part, position, retain_graph=True)[0] for part in first)
        found = [by_time[0].item(), by_time[1].item(), by_angle[1].item()]
        assert found == pytest.approx(exact, abs=1e-3 * dim / time**2, rel=1e-3), angle
        assert found[2] == pytest.approx(exact[2], abs=1e-3 * abs(exact[2]) + 1e-4), angle


@pytest.mark.parametrize("kind", [SphereBrownian, ProjectiveBrownian, VonMisesFisher, PowerSpherical])
def test_hessians_at_the_centre_are_numbers_and_right(kind: type[Distribution]) -> None:
    """The whole Hessian in the point at z = μ is −c(I − μμᵀ) on tangent vectors, c the curvature of the log-density."""
    loc, other = pole(4), torch.tensor(0.5, dtype=torch.float64)
    for order in (torch.func.hessian, lambda f: torch.func.jacfwd(torch.func.jacfwd(f))):
        hessian = order(lambda z: kind(loc, other, validate_args=False).log_prob(z))(loc)
        tangent = hessian[1:, 1:]
        assert hessian.isfinite().all()
        gradient = torch.func.grad(lambda z: kind(loc, other, validate_args=False).log_prob(z))(loc)
        turned = tangent - gradient[0] * torch.eye(3)  # along a great circle, z″ = −z
        assert torch.allclose(turned, turned[0, 0] * torch.eye(3, dtype=torch.float64), atol=1e-9)
        near = torch.tensor([math.cos(0.01), math.sin(0.01), 0, 0], dtype=torch.float64)
        q = kind(loc, other)
        difference = 2 * (q.log_prob(near) - q.log_prob(loc)).item() / 0.01**2
        assert turned[0, 0].item() == pytest.approx(difference, rel=1e-3, abs=1e-4)


def test_independent_subspaces_at_zero() -> None:
    """−2/s for exponents 2, 0 above, an error where there is none."""
    zero, axis = torch.zeros(4, dtype=torch.float64), torch.tensor([0.0, 0.3, 0.1, 0.2], dtype=torch.float64)

    def hessian(exponent: float, root: float, scale: float, z: Tensor, order: Callable[..., Any]) -> Tensor:
        exponents = torch.tensor([exponent, exponent], dtype=torch.float64)
        return order(IndependentSubspaces([2, 2], exponents, root, scale).log_prob)(z)

    torch_func = torch.func.hessian
    for order in (torch_func, lambda f: torch.func.jacrev(torch.func.jacrev(f)), hessian_of):
        for z in (zero, axis):
            expected = -2 / 0.5 * torch.eye(4, dtype=torch.float64)
            torch.testing.assert_close(hessian(2.0, 2.0, 0.5, z, order), expected)
        torch.testing.assert_close(hessian(3.0, 3.0, 1.0, zero, order), torch.zeros(4, 4, dtype=torch.float64))
        for exponent, root, z in ((1.5, 1.5, axis), (2.0, 1.5, zero), (3.0, 2.0, zero)):
            with pytest.raises(NotImplementedError, match="no second derivative here"):
                hessian(exponent, root, 1.0, z, order)
    mixed = hessian(2.0, 2.1, 1.0, axis, torch_func)[0, 0].item()
    assert mixed == pytest.approx(-2.1 * 0.3**0.1)  # −(p0/p)·(Σ z²)^{p0/2 − 1}·2 at z₁ = 0


def hessian_of(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """By autograd alone."""
    return lambda z: torch.autograd.functional.hessian(function, z)
