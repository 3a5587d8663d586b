"""Distributions on the sphere that depend only on the angle θ to a mean direction: sampling and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from submission.distributions.derivatives import aligned, differentiated, forwards, last_order, nested
from submission.distributions.manifold_distribution import static

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
    if static(loc.shape[-1]) == 2:
        angle = angle * (torch.randint_like(angle.detach(), 2) * 2 - 1)
        return torch.cos(angle) * loc + torch.sin(angle) * torch.stack([-loc[..., 1], loc[..., 0]], -1)
    noise = torch.randn(angle.shape[:-1] + loc.shape[-1:], dtype=loc.dtype, device=loc.device)
    points: Tensor = Geodesic.apply(loc, angle, noise)[0]
    return points


class Geodesic(torch.autograd.Function):
    """cos(angle)·loc + sin(angle)·v with v the direction of ``noise`` in the tangent space at ``loc``, both (..., m).

    ``angle`` is (..., 1), ``loc`` of unit length; ``place`` says which derivative in ``loc`` it has. v is the second
    output, a constant. With a = ``loc`` as it is now, the rotation that takes a to b and fixes what is at right angles
    to both takes v to v − (bᵀv)(a + b)/(1 + aᵀb): all derivatives are those of this expression at b = a.
    """

    @staticmethod
    def forward(loc: Tensor, angle: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points (..., m); the direction v, cos(angle) and sin(angle) for the backward pass."""
        tangent = torch.addcmul(noise, (noise * loc).sum(-1, keepdim=True), loc, value=-1)
        length = torch.linalg.vector_norm(tangent, dim=-1, keepdim=True).clamp_min(torch.finfo(loc.dtype).tiny)
        direction, cosine, sine = tangent / length, torch.cos(angle), torch.sin(angle)
        return torch.addcmul(cosine * loc, sine, direction), direction, cosine, sine

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
        """Keep inputs and outputs; only the points are differentiable."""
        ctx.save_for_backward(*inputs[:2], *outputs[1:])
        ctx.save_for_forward(*inputs[:2], *outputs[1:])
        ctx.mark_non_differentiable(*outputs[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: Tensor | None) -> tuple[Tensor | None, Tensor | None, None]:
        """Derivatives at fixed v; differentiable themselves where a graph of them is asked for."""
        if grad is None:
            return None, None, None
        loc, angle, direction, cosine, sine = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *rotated_gradient(grad, loc, angle, direction), None
        forward, upward = (grad * direction).sum(-1, keepdim=True), sine * (grad * loc).sum(-1, keepdim=True)
        return torch.addcmul(cosine * grad, upward, direction, value=-1), cosine * forward - upward, None

    @staticmethod
    @nested
    def jvp(ctx: Any, by_loc: Tensor | None, by_angle: Tensor | None, _: Any) -> tuple[Tensor | None, ...]:
        """Tangent of the points; directions are constants."""
        loc, angle, direction = ctx.saved_tensors[:3]
        start = loc.detach()
        overlap = 1 + (start * loc).sum(-1, keepdim=True)
        height, both = (direction * loc).sum(-1, keepdim=True), start + loc
        tangent = torch.zeros_like(loc)
        if by_loc is not None:
            rise = (direction * by_loc).sum(-1, keepdim=True)
            swing = rise * both + height * by_loc - height * both * (start * by_loc).sum(-1, keepdim=True) / overlap
            tangent = torch.cos(angle) * by_loc - torch.sin(angle) * swing / overlap
        if by_angle is not None:
            moved = direction - height * both / overlap
            tangent = tangent + by_angle * (torch.cos(angle) * moved - torch.sin(angle) * loc)
        return tangent, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, loc: Tensor, angle: Tensor, noise: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        """The vmapped dimension goes first."""
        return Geodesic.apply(*aligned(info.batch_size, in_dims, (loc, angle, noise))), (0, 0, 0, 0)


def rotated_gradient(grad: Tensor, loc: Tensor, angle: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """``Geodesic``'s gradients in ``loc`` (..., m) and ``angle`` (..., 1) in operations that have derivatives."""
    start = loc.detach()
    cosine, sine = torch.cos(angle), torch.sin(angle)
    height, overlap = (direction * loc).sum(-1, keepdim=True), 1 + (start * loc).sum(-1, keepdim=True)
    both = (grad * (start + loc)).sum(-1, keepdim=True)
    swing = (both * direction + height * grad) / overlap - height * both / overlap.square() * start
    moved = direction - height * (start + loc) / overlap
    along = cosine * (grad * moved).sum(-1, keepdim=True) - sine * (grad * loc).sum(-1, keepdim=True)
    return cosine * grad - sine * swing, along


def one_minus_cosine(loc: Tensor, z: Tensor) -> Tensor:
    """1 − cos θ between ``loc`` (..., m) and ``z`` (..., m), float64, free of either's rounding in length.

    No (..., m) table is made where the two broadcast, so that a table of all pairs costs as many numbers as pairs.
    Rounding may leave [0, 2]; the value is clamped, the derivative is not.
    """
    mean, point = (x.double() / torch.linalg.vector_norm(x.double(), dim=-1, keepdim=True) for x in (loc, z))
    exact = 1 - torch.einsum("...i,...i->...", mean, point)
    return exact + (exact.clamp(0.0, 2.0) - exact).detach()


NEAREST = 5e-5
"""1 − cos θ below which tables by angle have too few digits for second derivatives in position: θ < 1e−2."""


class _Angle(torch.autograd.Function):
    """θ of x = 1 − cos θ; dθ/dx is kept for one backward pass."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """θ and dθ/dx, (...)."""
        return 2 * torch.asin(torch.sqrt(angle_range(x))), angle_slope(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], outputs: tuple[Tensor, Tensor]) -> None:
        """Keep x and dθ/dx."""
        ctx.save_for_backward(inputs[0], outputs[1])
        ctx.save_for_forward(inputs[0])
        ctx.mark_non_differentiable(outputs[1])

    @staticmethod
    def backward(ctx: Any, outer: Tensor, _: Any) -> Tensor:
        """Gradient in x."""
        x, slope = ctx.saved_tensors
        gradient: Tensor = outer * (_AngleSlope.apply(x) if differentiated(x) else slope)
        return gradient

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor) -> tuple[Tensor, None]:
        """Tangent of θ."""
        return tangent * _AngleSlope.apply(*ctx.saved_tensors), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> tuple[tuple[Tensor, Tensor], Any]:
        """Elementwise."""
        return _Angle.apply(x), (in_dims[0], in_dims[0])


class _AngleSlope(torch.autograd.Function):
    """dθ/dx, with d²θ/dx² as its last derivative."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """dθ/dx (...)."""
        return angle_slope(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Keep x."""
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        """Gradient in x."""
        return outer * _AngleSlope.bend(ctx)

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        """Tangent of dθ/dx."""
        return tangent * _AngleSlope.bend(ctx)

    @staticmethod
    def bend(ctx: Any) -> Tensor:
        """d²θ/dx²."""
        (x,) = ctx.saved_tensors
        second = (x.detach() - 1) * angle_slope(x.detach()) ** 3
        return last_order(second, "densities by angle have two derivatives in position", x)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> tuple[Tensor, int | None]:
        """Elementwise."""
        slope: Tensor = _AngleSlope.apply(x)
        return slope, in_dims[0]


def angle_slope(x: Tensor) -> Tensor:
    """dθ/dx, 0 where ``angle_range`` clamps."""
    root = torch.sqrt(angle_range(x))
    clamped = (x / 2 < 1e-30) | (x / 2 > 1 - torch.finfo(x.dtype).eps)
    return (0.5 / (root * torch.sqrt(1 - root * root))).masked_fill(clamped, 0.0)


def angle_range(x: Tensor) -> Tensor:
    """sin²(θ/2) = x/2 within the range where θ has a finite derivative."""
    return (x / 2).clamp(1e-30, 1 - torch.finfo(x.dtype).eps)


def to_angle(x: Tensor) -> Tensor:
    """θ with 1 − cos θ = x, accurate for small x and with a finite derivative at both ends."""
    if differentiated(x):
        angle: Tensor = _Angle.apply(x)[0]
        return angle
    return 2 * torch.asin(torch.sqrt(angle_range(x)))


class ImplicitAngle(torch.autograd.Function):
    """Sampled angles θ with dθ/dκ from their density p ∝ sin^{m−2}θ·exp(κ·T(θ)).

    −∂_κ CDF/p by quadrature of (T − E T)·p over the tail beyond θ (Figurnov et al. 2018, eq. 8, for a distribution
    without a closed-form CDF). The tail on θ's side of the mean is taken, where the integrand keeps its sign. Higher
    derivatives are those of the quadrature, with θ and E T as functions of κ.
    """

    @staticmethod
    def forward(kappa: Tensor, angle: Tensor, mean: Tensor, m: int, statistic: Statistic) -> Tensor:
        """The angles (...) themselves."""
        return angle.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep κ, the angles as functions of κ, and the means."""
        kappa, angle, mean, ctx.m, ctx.statistic = inputs
        ctx.save_for_backward(kappa, output, mean, angle)
        ctx.save_for_forward(kappa, angle, mean)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """grad·dθ/dκ."""
        kappa, angle, mean, start = ctx.saved_tensors
        if forwards():
            angle = ImplicitAngle.apply(kappa, start, mean, ctx.m, ctx.statistic)
        return grad * slope(kappa, angle, mean, ctx.m, ctx.statistic), None, None, None, None

    @staticmethod
    @nested
    def jvp(ctx: Any, by_kappa: Tensor | None, *_: Any) -> Tensor:
        """by_kappa·dθ/dκ."""
        kappa, start, mean = ctx.saved_tensors
        if by_kappa is None:
            return torch.zeros_like(start)
        angle = ImplicitAngle.apply(kappa, start, mean, ctx.m, ctx.statistic)
        return by_kappa * slope(kappa, angle, mean, ctx.m, ctx.statistic)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> tuple[Tensor, int]:
        """Elementwise."""
        tensors = aligned(info.batch_size, in_dims[:3], arguments[:3])
        result: Tensor = ImplicitAngle.apply(*tensors, *arguments[3:])
        return result, 0


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
    sine = torch.sin(angle / 2).square()
    here = statistic.value(sine)
    below = here > mean
    span = (REACH * torch.rsqrt(statistic.curvature * kappa + (m - 2 + 1e-3))).minimum(
        torch.where(below, angle, torch.pi - angle)
    )
    signed = torch.where(below, -span, span)
    there = torch.addcmul(angle / 2, nodes.view(-1, *[1] * angle.dim()), signed / 2).sin().square()
    value = statistic.value(there)
    log_ratio = (value - here) * kappa
    if m > 2:
        start = (sine * (1 - sine)).clamp_min(tiny)
        sines = (torch.addcmul(there, there, there, value=-1) / start).clamp_min(tiny)
        log_ratio = log_ratio.add(sines.log(), alpha=(m - 2) / 2)
    integrand = log_ratio.clamp_max(60.0).exp() * (value - mean)
    slope: Tensor = signed * torch.tensordot(weights, integrand, 1)
    return slope


@cache
def rule(count: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Gauss–Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (
        torch.as_tensor((nodes + 1) / 2, dtype=dtype, device=device),
        torch.as_tensor(weights / 2, dtype=dtype, device=device),
    )
