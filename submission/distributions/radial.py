"""Distributions on the sphere that depend only on the angle θ to a mean direction: sampling and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

NODES = 16
"""Gauss–Legendre nodes per angle; the implicit derivative is then good to about 1e−6.

(Less good for power spherical distributions on circles near κ = 0, whose T is infinite opposite the mean: 5e−4 of dE
w/dκ.)
"""
REACH = 7.0
"""Standard deviations after which a one-sided tail is left out."""


@dataclass(frozen=True)
class Statistic:
    """T(θ) of a distribution with density ∝ sin^{m−2}θ·exp(κ·T(θ)).

    Attributes:
        value: T from sin²(θ/2), decreasing.
        curvature: the least −T″ near θ = 0; with m − 2 it bounds the distribution's width.
    """

    value: Callable[[Tensor], Tensor]
    curvature: float


def place(loc: Tensor, angle: Tensor) -> Tensor:
    """Points at ``angle`` (...) from ``loc`` (..., m) in a uniformly random direction.

    The direction is Gaussian noise projected onto the tangent space at ``loc``. The derivative in ``loc`` is that of
    the rotation that takes it along and moves the sample with it: the distribution is the same in every rotated frame,
    so its expectations are differentiated right, and the derivative is at most 1. (At fixed noise its derivative
    grows like 1/|projected noise|, whose square has no expectation on S².) On a circle it is one of two tangents.
    """
    angle = angle.to(loc.dtype)[..., None]
    if loc.shape[-1] == 2:
        angle = angle * (torch.randint_like(angle, 2) * 2 - 1)
        return torch.cos(angle) * loc + torch.sin(angle) * torch.stack([-loc[..., 1], loc[..., 0]], -1)
    noise = torch.randn(angle.shape[:-1] + loc.shape[-1:], dtype=loc.dtype, device=loc.device)
    return Geodesic.apply(loc, angle, noise)


class Geodesic(torch.autograd.Function):
    """cos(angle)·loc + sin(angle)·v with v the direction of ``noise`` in the tangent space at ``loc``, both (..., m).

    ``angle`` is (..., 1), ``loc`` of unit length; ``place`` says which derivative in ``loc`` it has.
    """

    @staticmethod
    def forward(ctx: Any, loc: Tensor, angle: Tensor, noise: Tensor) -> Tensor:
        tangent = torch.addcmul(noise, (noise * loc).sum(-1, keepdim=True), loc, value=-1)
        length = torch.linalg.vector_norm(tangent, dim=-1, keepdim=True).clamp_min(torch.finfo(loc.dtype).tiny)
        direction, cosine, sine = tangent / length, torch.cos(angle), torch.sin(angle)
        ctx.save_for_backward(loc, direction, cosine, sine)
        return torch.addcmul(cosine * loc, sine, direction)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        loc, direction, cosine, sine = ctx.saved_tensors
        forward, upward = (grad * direction).sum(-1, keepdim=True), sine * (grad * loc).sum(-1, keepdim=True)
        return torch.addcmul(cosine * grad, upward, direction, value=-1), cosine * forward - upward, None


def one_minus_cosine(loc: Tensor, z: Tensor) -> Tensor:
    """1 − cos θ between ``loc`` (..., m) and ``z`` (..., m), float64, free of either's rounding in length.

    No (..., m) table is made where the two broadcast, so that a table of all pairs costs as many numbers as pairs.
    """
    mean, point = (x.double() / torch.linalg.vector_norm(x.double(), dim=-1, keepdim=True) for x in (loc, z))
    return (1 - torch.einsum("...i,...i->...", mean, point)).clamp(0.0, 2.0)


def to_angle(x: Tensor) -> Tensor:
    """θ with 1 − cos θ = x, accurate for small x and with a finite derivative at both ends."""
    return 2 * torch.asin(torch.sqrt((x / 2).clamp(1e-30, 1 - torch.finfo(x.dtype).eps)))


class ImplicitAngle(torch.autograd.Function):
    """Sampled angles θ with dθ/dκ from their density p ∝ sin^{m−2}θ·exp(κ·T(θ)).

    −∂_κ CDF/p by quadrature of (T − E T)·p over the tail beyond θ (Figurnov et al. 2018, eq. 8, for a distribution
    without a closed-form CDF). The tail on θ's side of the mean is taken, where the integrand keeps its sign.
    """

    @staticmethod
    def forward(ctx: Any, kappa: Tensor, angle: Tensor, mean: Tensor, m: int, statistic: Statistic) -> Tensor:
        ctx.save_for_backward(kappa, angle, mean)
        ctx.m, ctx.statistic = m, statistic
        return angle.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        kappa, angle, mean = ctx.saved_tensors
        return grad * slope(kappa, angle, mean, ctx.m, ctx.statistic), None, None, None, None


def slope(kappa: Tensor, angle: Tensor, mean: Tensor, m: int, statistic: Statistic) -> Tensor:
    """dθ/dκ (...) of angles (...) under p(θ) ∝ sin^{m−2}θ·exp(κ·T(θ)).

    Args:
        kappa: concentrations (...).
        angle: θ in (0, π) (...).
        mean: E T (...).
        m: ambient dimension.
        statistic: T.
    """
    nodes, weights = rule(NODES, angle.dtype, angle.device)
    tiny = torch.finfo(angle.dtype).tiny
    sine = torch.sin(angle / 2).square_()
    here = statistic.value(sine)
    below = here > mean
    span = (REACH * torch.rsqrt(statistic.curvature * kappa + (m - 2 + 1e-3))).minimum(
        torch.where(below, angle, torch.pi - angle)
    )
    signed = torch.where(below, -span, span)
    there = torch.addcmul(angle / 2, nodes.view(-1, *[1] * angle.dim()), signed / 2).sin_().square_()
    value = statistic.value(there)
    log_ratio = (value - here).mul_(kappa)
    if m > 2:
        start = (sine * (1 - sine)).clamp_min_(tiny)
        sines = torch.addcmul(there, there, there, value=-1).div_(start).clamp_min_(tiny)
        log_ratio.add_(sines.log_(), alpha=(m - 2) / 2)
    integrand = log_ratio.clamp_max_(60.0).exp_().mul_(value.sub_(mean))
    return signed * torch.tensordot(weights, integrand, 1)


@cache
def rule(count: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Gauss–Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (
        torch.as_tensor((nodes + 1) / 2, dtype=dtype, device=device),
        torch.as_tensor(weights / 2, dtype=dtype, device=device),
    )
