"""Normaliser and mean length of the von Mises–Fisher law, from Bessel functions of the first kind, in float64.

With ν = m/2 − 1 and the hypergeometric F_ν(κ) = log[Γ(ν+1)·(2/κ)^ν·I_ν(κ)] = log E exp(κ·w) over uniform directions,

* the uniform asymptotic expansion (Debye; NIST DLMF 10.41) gives F and its slope at a high order ν₀, and
* F_{ν−1} = F_ν + log(1 + y_ν/2ν), y_{ν−1} = κ²/(2ν + y_ν) with y_ν = κ·I_{ν+1}/I_ν carry both down to ν.

Every step adds positive numbers, so nothing underflows, overflows or cancels, down to κ = 0.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from numpy.polynomial import Polynomial
from torch import Tensor

LOWEST_ORDER = 12.0
"""Order from which six Debye terms leave a relative error of about 3e−9."""
TERMS = 6


def normaliser(kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """F(κ) = log E exp(κ·w) over uniform directions w = μᵀz in R^m, and A(κ) = F′(κ) = I_{m/2}/I_{m/2−1}.

    Args:
        kappa: concentrations ≥ 0, any shape.
        m: dimension of the ambient space, at least 2.

    Returns:
        float64 tensors like ``kappa``, differentiable once.
    """
    pair: tuple[Tensor, Tensor] = _Normaliser.apply(kappa.double(), m)
    return pair


class _Normaliser(torch.autograd.Function):
    """F and A with their closed-form derivatives A and A′."""

    @staticmethod
    def forward(ctx: Any, kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
        value, length = evaluate(kappa, m)
        ctx.save_for_backward(kappa, length)
        ctx.m = m
        return value, length

    @staticmethod
    def backward(ctx: Any, value_grad: Tensor, length_grad: Tensor) -> tuple[Tensor, None]:
        kappa, length = ctx.saved_tensors
        return value_grad * length + length_grad * length_slope(kappa, length, ctx.m), None


def evaluate(kappa: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """F and A of float64 ``kappa``."""
    steps = max(0, math.ceil(LOWEST_ORDER - (m / 2 - 1)))
    order = m / 2 - 1 + steps
    value, y = debye(kappa, order)
    square, growth = kappa * kappa, torch.zeros_like(kappa)
    while order > m / 2 - 1:
        step = y / (2 * order)
        growth = torch.addcmul(growth + step, growth, step)
        y = square / (2 * order + y)
        order -= 1
    return value + torch.log1p(growth), y / kappa.clamp_min(1e-300)


def length_slope(kappa: Tensor, length: Tensor, m: int) -> Tensor:
    """A′(κ) = 1 − A² − (m−1)·A/κ; by its expansion in 1/κ where that difference would cancel, 1/m at κ = 0."""
    safe = kappa.clamp_min(1e-300)
    exact = 1 - length * length - (m - 1) * length / safe
    tail = (m - 1) / (2 * safe * safe) * (1 - (m - 3) / (2 * safe) * (1 + 1.5 / safe))
    start = (1 - 3 * kappa * kappa / (m * (m + 2.0))) / m
    far, near = kappa > max(1e4, 1e3 * m), kappa < 1e-3
    return torch.where(far, tail, torch.where(near, start, exact))


def debye(kappa: Tensor, order: float) -> tuple[Tensor, Tensor]:
    """F_ν and y_ν = κ·I_{ν+1}/I_ν at a high order ν from the uniform asymptotic expansion."""
    at_one = corrections(order)[2]
    z = kappa / order
    root = torch.sqrt(1 + z * z)
    excess = z * z / (1 + root)
    p = 1 / root
    gap = -excess * p  # p − 1 without cancellation
    quotient, slope = horner(order, p)
    series = quotient * gap / at_one
    value = order * (excess - torch.log1p(excess / 2)) - torch.log1p(excess) / 2 + torch.log1p(series)
    bend = p * gap * (1 + p)  # κ·dp/dκ = −p(1 − p²)
    y = order * excess + gap * (1 + p) / 2 + slope * bend / (at_one * (1 + series))
    return value, y


def horner(order: float, p: Tensor) -> tuple[Tensor, Tensor]:
    """Both polynomials of ``corrections`` at p, in one pass."""
    pairs = coefficients(order, p.device).view(-1, 2, *[1] * p.dim())
    result = pairs[0].expand(2, *p.shape).clone()
    for pair in pairs[1:]:
        result.mul_(p).add_(pair)
    return result[0], result[1]


@cache
def coefficients(order: float, device: torch.device) -> Tensor:
    """Coefficients of both polynomials (degree + 1, 2) on a device."""
    quotient, slope, _ = corrections(order)
    return torch.tensor([quotient, slope], dtype=torch.float64, device=device).t().contiguous()


@cache
def corrections(order: float) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """U(p) = Σ u_k(p)/ν^k: (U(p) − U(1))/(p − 1), U′(p) (coefficients, highest first) and U(1)."""
    total = Polynomial([0.0])
    for k, polynomial in enumerate(debye_polynomials()):
        total = total + polynomial / order**k
    quotient, _ = divmod(total - total(1.0), Polynomial([-1.0, 1.0]))
    return tuple(quotient.coef[::-1]), tuple(total.deriv().coef[::-1]), float(total(1.0))


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
