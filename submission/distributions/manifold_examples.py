"""Closed manifolds by their projections: ellipsoids, the Klein bottle in R⁴, O(n), Stiefel manifolds and SU(2)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from submission.device import seeded_randomness
from submission.distributions.bessel import log_sphere_area
from submission.distributions.closed_manifold import Manifold
from submission.distributions.derivatives import aligned, differentiated, last_order, nested
from submission.distributions.uniform import project_to_sphere


def ellipsoid(axes: tuple[float, ...]) -> Manifold:
    """Σ (x_i/a_i)² = 1 in R^n, n ≥ 2; the nearest point is a_i²·x_i/(a_i² + λ) with λ by Newton's method.

    Curvature in three dimensions is 2/((abc)²·(Σ x_i²/a_i⁴)²), measured in more. Uniform points are those of the unit
    sphere, stretched, kept in proportion to the area's growth.

    Args:
        axes: a_i > 0.
    """

    def squares(x: Tensor) -> Tensor:
        """a_i² in the shape of points (..., n), made where they are: a CUDA graph records no copies to the GPU."""
        return torch.cat([torch.full_like(x[..., :1], axis**2) for axis in axes], -1)

    def project(x: Tensor) -> Tensor:
        a2 = squares(x)
        a = a2.sqrt()
        weighted = a2 * x.square()
        with torch.no_grad():
            shift = (a * x.abs() - a2).amax(-1, keepdim=True)
            for _ in range(12):
                shift = shift - newton(weighted, a2, shift)
        for _ in range(2):  # the first has the root's first derivative, the second its second one
            shift = shift - newton(weighted, a2, shift)
        z = a2 * x / (a2 + shift).clamp_min(1e-12)
        nearest: Tensor = z / torch.linalg.vector_norm(z / a, dim=-1, keepdim=True)
        return nearest

    def newton(weighted: Tensor, a2: Tensor, shift: Tensor) -> Tensor:
        under = (a2 + shift).clamp_min(1e-12)
        excess = (weighted / under.square()).sum(-1, keepdim=True) - 1
        return excess / (-2 * (weighted / under**3).sum(-1, keepdim=True)).clamp_max(-1e-12)

    def curvature(z: Tensor) -> Tensor:
        a2 = squares(z)
        return 2 / (a2.prod(-1) * (z.square() / a2.square()).sum(-1).square())

    def uniform(shape: torch.Size, like: Tensor) -> Tensor:
        a = like.new_tensor(axes)
        found = like.new_empty((0, len(axes)))
        while len(found) < shape.numel():
            z = project_to_sphere(torch.randn(2 * shape.numel() + 64, len(axes), dtype=like.dtype, device=like.device))
            growth = torch.linalg.vector_norm(z / a, dim=-1) * a.min()
            found = torch.cat([found, (a * z)[torch.rand_like(growth) < growth]])
        return found[: shape.numel()].reshape(*shape, len(axes))

    listed = ", ".join(f"{axis:g}" for axis in axes)
    given = curvature if len(axes) == 3 else None
    return Manifold(f"Ellipsoid({listed})", len(axes), len(axes) - 1, project, ellipsoid_area(axes), given, uniform)


def ellipsoid_area(axes: tuple[float, ...]) -> float:
    """Area of an ellipsoid: that of S^{n−1}·Π a_i times the mean of |z/a| over directions z.

    By quadrature up to three dimensions, by 2¹⁸ fixed points above, which is right within 0.3 %.
    """
    if len(axes) in (2, 3):
        return surface_area(axes)
    with seeded_randomness(0):
        z = project_to_sphere(torch.randn(2**18, len(axes), dtype=torch.float64))
    a = torch.tensor(axes, dtype=torch.float64)
    return math.exp(log_sphere_area(len(axes))) * float(a.prod() * torch.linalg.vector_norm(z / a, dim=-1).mean())


def surface_area(axes: tuple[float, ...]) -> float:
    """Length of an ellipse or area of an ellipsoid in R³ by Gauss–Legendre and trapezoidal rules."""
    turn = 2 * math.pi * torch.arange(400, dtype=torch.float64) / 400
    if len(axes) == 2:
        return float(torch.hypot(axes[0] * turn.sin(), axes[1] * turn.cos()).mean() * 2 * math.pi)
    height, weight = (torch.from_numpy(x) for x in legendre(200))
    ring = (1 - height.square()).sqrt()[:, None]
    z = torch.stack([ring * turn.cos(), ring * turn.sin(), height[:, None].expand(-1, 400)], -1)
    a = torch.tensor(axes, dtype=torch.float64)
    growth = a.prod() * torch.linalg.vector_norm(z / a, dim=-1)
    return float((growth.mean(-1) * weight).sum() * 2 * math.pi)


def legendre(count: int) -> Any:
    """Gauss–Legendre nodes and weights on [−1, 1]."""
    import numpy as np

    return np.polynomial.legendre.leggauss(count)


def klein_bottle(outer: float = 2.0, inner: float = 1.0) -> Manifold:
    """The Klein bottle in R⁴: a circle of radius r that turns by half a turn while it goes once around one of radius R.

    (u, v) → ((R + r cos v) cos u, (R + r cos v) sin u, r sin v cos(u/2), r sin v sin(u/2)), where (u + 2π, v) is the
    same point as (u, −v). The metric is g(v)² du² + r² dv², g² = (R + r cos v)² + r² sin²v/4, so Sc = −2g″/(r²g).

    Args:
        outer, inner: R > r > 0.
    """

    def point(u: Tensor, v: Tensor) -> Tensor:
        return klein_point(u, outer + inner * v.cos(), inner * v.sin())

    def coordinates(z: Tensor) -> Tensor:
        x, y, _, _ = z.unbind(-1)
        u = torch.atan2(y, x)
        u = torch.where(u < 0, u + 2 * math.pi, u)
        _, _, c, _ = in_plane(z, u)
        return torch.stack([u, torch.atan2(c, (x.square() + y.square()).clamp_min(1e-12).sqrt() - outer)], -1)

    def ring(v: Tensor) -> tuple[Tensor, Tensor]:
        """g and g″."""
        w = outer + inner * v.cos()
        square = w.square() + (inner * v.sin()).square() / 4
        first = -2 * inner * v.sin() * w + inner**2 * v.sin() * v.cos() / 2
        second = -2 * inner * v.cos() * w + 2 * (inner * v.sin()) ** 2 + inner**2 * (2 * v).cos() / 2
        g = square.sqrt()
        return g, second / (2 * g) - first.square() / (4 * g**3)

    def curvature(z: Tensor) -> Tensor:
        g, second = ring(coordinates(z)[..., 1])
        return -2 * second / (inner**2 * g)

    def uniform(shape: torch.Size, like: Tensor) -> Tensor:
        found = like.new_empty(0)
        while len(found) < shape.numel():
            v = 2 * math.pi * torch.rand(2 * shape.numel() + 64, dtype=like.dtype, device=like.device) - math.pi
            found = torch.cat([found, v[torch.rand_like(v) * (outer + inner) < ring(v)[0]]])
        u = 2 * math.pi * torch.rand(shape.numel(), dtype=like.dtype, device=like.device)
        return point(u, found[: shape.numel()]).reshape(*shape, 4)

    turn = 2 * math.pi * torch.arange(400, dtype=torch.float64) / 400
    area = float((2 * math.pi) ** 2 * inner * ring(turn)[0].mean())
    outline = ((0.0, 2 * math.pi), (-math.pi, math.pi))
    return Manifold(
        "Klein", 4, 2, lambda x: nearest_on_klein(x, outer, inner), area, curvature, uniform, coordinates,
        point=lambda place: point(*place.unbind(-1)), outline=outline,
    )  # fmt: skip


def klein_point(u: Tensor, w: Tensor, h: Tensor) -> Tensor:
    """Points (..., 4) at angle u with w = R + r cos v and h = r sin v."""
    half = u / 2
    return torch.stack([w * u.cos(), w * u.sin(), h * half.cos(), h * half.sin()], -1)


def in_plane(z: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points (..., 4) in axes that turn with u: along and across the large radius, then the small circle's height."""
    x, y, p, q = z.unbind(-1)
    cosine, sine, half_cosine, half_sine = u.cos(), u.sin(), (u / 2).cos(), (u / 2).sin()
    return (
        x * cosine + y * sine,
        y * cosine - x * sine,
        p * half_cosine + q * half_sine,
        q * half_cosine - p * half_sine,
    )


def nearest_on_klein(x: Tensor, outer: float, inner: float) -> Tensor:
    """The point of the Klein bottle nearest to each of (..., 4).

    For a given u the nearest point of its small circle is known, so that half of the squared distance is a function
    of u alone. Its minimum is found by four Gauss–Newton steps and a Newton step; only the last step has a gradient,
    which is that of the minimum.
    """

    def circle(u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """w and h of the nearest point at u, minus the derivative of half the squared distance, and its second one."""
        a, b, c, d = in_plane(x, u)
        away = torch.stack([a - outer, c], -1)
        length = torch.linalg.vector_norm(away, dim=-1).clamp_min(1e-6 * inner)
        level, h = inner * (a - outer) / length, inner * c / length
        w = outer + level
        second = w * a + h * c / 4 - (h * b - level * d / 2).square() / (inner * length)
        return w, h, w * b + h * d / 2, second

    with torch.no_grad():
        u = torch.atan2(x[..., 1], x[..., 0])
        for _ in range(4):
            w, h, slope, _ = circle(u)
            u = u + slope / (w.square() + h.square() / 4)
    w, h, slope, second = circle(u)
    least = 0.1 * (w.square() + h.square() / 4).detach()
    u = u + slope / torch.maximum(second.detach(), least)
    w, h, _, _ = circle(u)
    return klein_point(u, w, h)


class _Polar(torch.autograd.Function):
    """The orthonormal factor Q = U Vᵀ of A = U S Vᵀ, whose derivative needs sums of singular values only."""

    @staticmethod
    def forward(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Q (..., n, k), and U, S, V for the backward pass."""
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        return u @ v, u, s, v

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], outputs: tuple[Tensor, ...]) -> None:
        """Keep the decomposition."""
        ctx.save_for_backward(inputs[0], *outputs[1:])
        ctx.save_for_forward(inputs[0], *outputs[1:])
        ctx.mark_non_differentiable(*outputs[1:])

    @staticmethod
    def backward(ctx: Any, outer: Tensor, *_: Tensor) -> Tensor:
        """The derivative is symmetric: Q is the gradient of the sum of singular values."""
        return _Polar.along(ctx, outer)

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor) -> tuple[Tensor | None, ...]:
        """Tangent of Q."""
        return _Polar.along(ctx, tangent), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, matrix: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        """The vmapped dimension goes first."""
        return _Polar.apply(*aligned(info.batch_size, in_dims, (matrix,))), (0, 0, 0, 0)

    @staticmethod
    def along(ctx: Any, outer: Tensor) -> Tensor:
        """U·(W/(s_i + s_j))·Vᵀ + (I − UUᵀ)·outer·V·S⁻¹·Vᵀ, W the skew part of Uᵀ·outer·V; of the last order."""
        matrix, u, s, v = ctx.saved_tensors
        inner = u.mT @ outer @ v.mT
        sums = (s[..., :, None] + s[..., None, :]).clamp_min(1e-6)
        inside = u @ ((inner - inner.mT) / sums) @ v
        rest = outer - u @ (u.mT @ outer)
        gradient: Tensor = inside + rest @ v.mT @ (v / s.clamp_min(1e-6)[..., None])
        return last_order(gradient, "polar factors have first derivatives only", matrix)


def polar(matrix: Tensor) -> Tensor:
    """The matrix with orthonormal columns nearest to each of (..., n, k), n ≥ k, in the Frobenius norm.

    Where an entry is not finite, the result is NaN.
    """
    finite = matrix.isfinite().all(-1, keepdim=True).all(-2, keepdim=True)
    known = matrix.masked_fill(~finite, 0.0)
    if differentiated(matrix):
        factor: Tensor = _Polar.apply(known)[0]
    else:
        u, _, v = torch.linalg.svd(known, full_matrices=False)
        factor = u @ v
    return factor.masked_fill(~finite, math.nan)


def stiefel(n: int, k: int) -> Manifold:
    """Matrices n × k with orthonormal columns, row by row, with the Frobenius metric: k = n is O(n), two pieces.

    The volume is 2^{k(k−1)/4}·Π Vol(S^j), j from n − k to n − 1. O(n) has Sc = n(n−1)(n−2)/8; others are measured,
    the same everywhere. Uniform points are polar factors of Gaussian matrices (Haar measure).

    Args:
        n, k: n ≥ k ≥ 1.
    """

    def project(x: Tensor) -> Tensor:
        return polar(x.unflatten(-1, (n, k))).flatten(-2)

    def uniform(shape: torch.Size, like: Tensor) -> Tensor:
        return project(torch.randn(*shape, n * k, dtype=like.dtype, device=like.device))

    dimension = n * k - k * (k + 1) // 2
    log_volume = k * (k - 1) / 4 * math.log(2) + sum(log_sphere_area(j + 1) for j in range(n - k, n))
    curvature = n * (n - 1) * (n - 2) / 8 if k == n else None
    name = f"O({n})" if k == n else f"Stiefel({n}, {k})"
    return Manifold(name, n * k, dimension, project, math.exp(log_volume), curvature, uniform)


def special_unitary() -> Manifold:
    """SU(2) with the Frobenius metric: matrices [[α, −β̄], [β, ᾱ]], |α|² + |β|² = 1, as 8 reals; S³ of radius √2.

    Columns are Re and Im of the four entries, row by row.
    """

    def project(x: Tensor) -> Tensor:
        a, b, c, d, e, f, g, h = x.unbind(-1)
        alpha, beta = torch.stack([a + g, b - h], -1), torch.stack([e - c, f + d], -1)
        p, q, r, s = project_to_sphere(torch.cat([alpha, beta], -1)).unbind(-1)
        return torch.stack([p, q, -r, s, r, s, p, -q], -1)

    def uniform(shape: torch.Size, like: Tensor) -> Tensor:
        return project(torch.randn(*shape, 8, dtype=like.dtype, device=like.device))

    return Manifold("SU(2)", 8, 3, project, math.exp(log_sphere_area(4)) * 2**1.5, 3.0, uniform)
