"""Normaliser and mean length of the von Mises–Fisher distribution, from Bessel functions of the first kind, in float64.

With ν = m/2 − 1 and the hypergeometric F_ν(κ) = log[Γ(ν+1)·(2/κ)^ν·I_ν(κ)] = log E exp(κ·w) over uniform directions,

* the uniform asymptotic expansion (Debye; NIST DLMF 10.41) gives F and its slope at a high order ν₀, and
* polynomials in κ² with positive coefficients, linear in y_ν₀ = κ·I_{ν₀+1}/I_ν₀, carry both down to ν.

They add positive numbers only, so nothing underflows, overflows or cancels, from κ = 0 to 1e6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from numpy.polynomial import Chebyshev, Polynomial
from torch import Tensor

from submission.distributions.derivatives import aligned, forwards, last_order, nested

LOWEST_ORDER = 12.0
"""Order from which six Debye terms leave a relative error of about 3e−9."""
TERMS = 6
DEGREE = 11
"""Of the Chebyshev interpolants of the six terms' polynomials (degree 17), which they meet to 2e−8 on [0, 1]."""


SMALL, LARGE = 0.5, 15.0
"""κ below SMALL·(m/2 + 1.4), half the convergence radius or less, and above LARGE·m: A″ from series."""


def normaliser(kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """F(κ) = log E exp(κ·w) over uniform directions w = μᵀz in R^m, and A(κ) = F′(κ) = I_{m/2}/I_{m/2−1}.

    Args:
        kappa: concentrations ≥ 0, any shape.
        m: dimension of the ambient space, at least 2.

    Returns:
        float64 tensors like ``kappa``; F is three times differentiable, A twice.
    """
    pair: tuple[Tensor, Tensor] = _Normaliser.apply(kappa.double(), m)
    return pair


class _Normaliser(torch.autograd.Function):
    """F and A with their derivatives A and A′; A′ has A″, where derivatives end."""

    @staticmethod
    def forward(kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
        """F and A of float64 ``kappa``."""
        return evaluate(kappa, m)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], outputs: tuple[Tensor, Tensor]) -> None:
        """Keep κ and A."""
        ctx.save_for_backward(inputs[0], outputs[1])
        ctx.save_for_forward(inputs[0], outputs[1])
        ctx.m = inputs[1]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, value_grad: Tensor | None, length_grad: Tensor | None) -> tuple[Tensor | None, None]:
        """value_grad·A + length_grad·A′."""
        kappa, length = ctx.saved_tensors
        if forwards():
            length = _Normaliser.apply(kappa, ctx.m)[1]
        total = None if value_grad is None else value_grad * length
        if length_grad is None:
            return total, None
        slope = _LengthSlope.apply(kappa, length.detach(), ctx.m)
        return length_grad * slope if total is None else torch.addcmul(total, length_grad, slope), None

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor, _: None) -> tuple[Tensor, Tensor]:
        """tangent·A and tangent·A′."""
        kappa = ctx.saved_tensors[0]
        length = _Normaliser.apply(kappa, ctx.m)[1]
        return tangent * length, tangent * _LengthSlope.apply(kappa, length.detach(), ctx.m)

    @staticmethod
    def vmap(info: Any, in_dims: Any, kappa: Tensor, m: int) -> tuple[tuple[Tensor, Tensor], Any]:
        """Elementwise."""
        return _Normaliser.apply(kappa, m), (in_dims[0], in_dims[0])


class _LengthSlope(torch.autograd.Function):
    """A′(κ) with A″(κ), both functions of κ alone; ``length`` is A(κ)."""

    @staticmethod
    def forward(kappa: Tensor, length: Tensor, m: int) -> Tensor:
        """A′."""
        return length_slope(kappa, length, m)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        """Keep κ and A."""
        ctx.save_for_backward(*inputs[:2])
        ctx.save_for_forward(*inputs[:2])
        ctx.m = inputs[2]

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        """outer·A″."""
        return outer * _LengthSlope.bend(ctx), None, None

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        """tangent·A″."""
        return tangent * _LengthSlope.bend(ctx)

    @staticmethod
    def bend(ctx: Any) -> Tensor:
        """A″, of the last order."""
        kappa, length = ctx.saved_tensors
        second = length_bend(kappa.detach(), length.detach(), ctx.m)
        return last_order(second, "A(κ) of von Mises–Fisher has two derivatives here", kappa)

    @staticmethod
    def vmap(info: Any, in_dims: Any, kappa: Tensor, length: Tensor, m: int) -> tuple[Tensor, int]:
        """Elementwise."""
        result: Tensor = _LengthSlope.apply(*aligned(info.batch_size, in_dims[:2], (kappa, length)), m)
        return result, 0


def evaluate(kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """F and A of float64 ``kappa``."""
    steps = max(1, math.ceil(LOWEST_ORDER - (m / 2 - 1)))
    square = kappa * kappa
    value, y = debye(square, m / 2 - 1 + steps)
    fixed, linear = horner(descent(m, steps, kappa.device), square).view(2, 2, *kappa.shape)
    growth, ratio = torch.addcmul(fixed, linear, y)
    return value.add_(torch.log1p(growth)), (kappa * ratio).div_(1 + growth)


@cache
def descent(m: int, steps: int, device: torch.device) -> Tensor:
    """The polynomials in κ² that carry order ν + steps down to ν = m/2 − 1: coefficients (degree + 1, 4).

    With G_ν = exp(F_ν − F_{ν+steps}) = a_ν(κ²) + b_ν(κ²)·y, y at order ν + steps: a_ν − 1, a_{ν+1}/m, b_ν, b_{ν+1}/m,
    so that A = κ·G_{ν+1}/(m·G_ν). I_ν's recursion is G_{ν−1} = G_ν + κ²/(4ν(ν+1))·G_{ν+1}: no coefficient is negative.
    """
    order = m / 2 - 1 + steps
    above, here = (Polynomial([1.0]), Polynomial([0.0])), (Polynomial([1.0]), Polynomial([1 / (2 * order)]))
    for nu in (order - step for step in range(1, steps)):
        rise = Polynomial([0.0, 1 / (4 * nu * (nu + 1))])
        above, here = here, (here[0] + rise * above[0], here[1] + rise * above[1])
    return stacked((here[0] - 1, above[0] / m, here[1], above[1] / m), device)


def length_slope(kappa: Tensor, length: Tensor, m: int) -> Tensor:
    """A′(κ) = 1 − A² − (m−1)·A/κ; by its expansion in 1/κ where that difference would cancel, 1/m at κ = 0."""
    ratio = (length / kappa).nan_to_num(1 / m)
    exact = 1 - torch.addcmul((m - 1) * ratio, length, length)
    r, c = 1 / kappa, (m - 3) / 2
    tail = (1 - (c + 1.5 * c * r) * r) * r * r * ((m - 1) / 2)
    return torch.where(kappa > max(1e4, 1e3 * m), tail, exact)


def length_bend(kappa: Tensor, length: Tensor, m: int) -> Tensor:
    """A″(κ): A's power series where κ is small, its asymptotic series where κ is large, A′'s own derivative between.

    All three follow from A′ = 1 − A² − (m−1)·A/κ, whose terms cancel at both ends.
    """
    power, inverse = length_series(m)
    small, large = kappa < SMALL * (m / 2 + 1.4), kappa > LARGE * m
    near, far = torch.where(small, kappa, 0.0), torch.where(large, kappa, LARGE * m)
    square, reciprocal = near * near, 1 / far
    low, high = torch.zeros_like(kappa), torch.zeros_like(kappa)
    for k in range(len(power) - 1, 0, -1):
        low = low * square + (2 * k + 1) * 2 * k * power[k]
    for k in range(len(inverse) - 1, 0, -1):
        high = (high + k * (k + 1) * inverse[k]) * reciprocal
    middle = torch.where(small | large, 1.0, kappa)
    slope = 1 - length * length - (m - 1) * length / middle
    exact = -2 * length * slope - (m - 1) * (slope - length / middle) / middle
    return torch.where(small, low * near, torch.where(large, high * reciprocal * reciprocal, exact))


@cache
def length_series(m: int) -> tuple[list[float], list[float]]:
    """Coefficients a_k of A = Σ a_k κ^{2k+1}, and c_k of A ~ Σ c_k κ^{−k}."""
    power, inverse = [1 / m], [1.0]
    for k in range(1, 30):
        power.append(-sum(power[i] * power[k - 1 - i] for i in range(k)) / (2 * k + m))
    for k in range(1, 9):
        products = sum(inverse[i] * inverse[k - i] for i in range(1, k))
        inverse.append(((k - m) * inverse[k - 1] - products) / 2)
    return power, inverse


def debye(square: Tensor, order: float) -> tuple[Tensor, Tensor]:
    """F_ν and y_ν = κ·I_{ν+1}/I_ν of κ² at a high order ν from the uniform asymptotic expansion."""
    z_squared = square / order**2
    root = torch.sqrt(1 + z_squared)
    excess, p = z_squared / (1 + root), root.reciprocal()
    gap = -excess * p  # p − 1 without cancellation
    quotient, slope = horner(corrections(order, square.device), p)
    series = quotient * gap
    value = torch.log1p(series).sub_(torch.log1p(excess), alpha=0.5)
    value.add_(excess - torch.log1p(excess / 2), alpha=order)
    bend = torch.addcmul(gap, gap, p)  # p² − 1
    y = (order * excess).addcmul_(bend, (slope * p).div_(1 + series).add_(0.5))
    return value, y


def horner(coefficients: Tensor, x: Tensor) -> Tensor:
    """Polynomials with ``coefficients`` (degree + 1, count), highest first, at x (...): (count, ...) in one pass."""
    rows = coefficients.view(*coefficients.shape, *[1] * x.dim()).unbind()
    result = rows[0].expand(-1, *x.shape).clone()
    for row in rows[1:]:
        result.mul_(x).add_(row)
    return result


def stacked(polynomials: Sequence[Polynomial], device: torch.device) -> Tensor:
    """Their coefficients for ``horner``, float64 (degree + 1, count)."""
    degree = max(polynomial.degree() for polynomial in polynomials)
    rows = [[*[0.0] * (degree - polynomial.degree()), *polynomial.coef[::-1]] for polynomial in polynomials]
    return torch.tensor(rows, dtype=torch.float64, device=device).t().contiguous()


@cache
def corrections(order: float, device: torch.device) -> Tensor:
    """(V(p) − 1)/(p − 1) and V′(p) for ``horner``, with V(p) = U(p)/U(1) and U(p) = Σ u_k(p)/ν^k."""
    total = Polynomial([0.0])
    for k, polynomial in enumerate(debye_polynomials()):
        total = total + polynomial / order**k
    scaled = total / total(1.0)
    quotient, _ = divmod(scaled - 1, Polynomial([-1.0, 1.0]))
    return stacked((economical(quotient), economical(scaled.deriv())), device)


def economical(polynomial: Polynomial) -> Polynomial:
    """The Chebyshev interpolant on [0, 1] of a lower degree."""
    return Chebyshev.interpolate(polynomial, DEGREE, domain=[0, 1]).convert(kind=Polynomial)


@cache
def debye_polynomials() -> tuple[Polynomial, ...]:
    """u_0 … u_TERMS with u_{k+1} = ½p²(1 − p²)u_k′ + ⅛∫₀ᵖ(1 − 5t²)u_k dt (DLMF 10.41.9)."""
    found = [Polynomial([1.0])]
    for _ in range(TERMS):
        last = found[-1]
        integral = (Polynomial([1.0, 0.0, -5.0]) * last).integ()
        found.append(Polynomial([0.0, 0.0, 0.5, 0.0, -0.5]) * last.deriv() + integral / 8)
    return tuple(found)


def log_sphere_area(m: int) -> float:
    """log of the area of the unit sphere S^{m−1} in R^m."""
    return math.log(2) + m / 2 * math.log(math.pi) - math.lgamma(m / 2)
