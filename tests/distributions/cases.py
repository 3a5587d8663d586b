"""The distributions that the contract suite runs over. A new distribution is one new entry in ``CASES``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions import (
    EmbeddedTorusBrownian,
    EmbeddedTorusUniform,
    PowerSpherical,
    ProjectiveBrownian,
    ProjectiveUniform,
    RotationBrownian,
    RotationUniform,
    SphereBrownian,
    SphereUniform,
    TorusBrownian,
    TorusUniform,
    VonMisesFisher,
)

Grid = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Case:
    """One distribution with everything that the contract needs to check it.

    Attributes:
        name: shown in test ids.
        centre: a point (e,) in float64.
        dispersion: shape of the second parameter for one distribution, () or (k,).
        distribution: (centres (..., e), dispersions (..., *dispersion)) -> posterior.
        prior: dtype -> the prior that a KL is registered for.
        dispersions: ordinary values, at which quadrature and sampling are checked.
        extremes: values at which everything must stay finite, in float32, too.
        grid: dispersion -> quadrature points (G, e) and weights (G,) with respect to the Riemannian volume; it must
            integrate every function that is symmetric around the centre.
        statistic: points (..., e) -> a number (...) whose distribution the grid resolves.
    """

    name: str
    centre: Tensor
    dispersion: tuple[int, ...]
    distribution: Callable[[Tensor, Tensor], Distribution]
    prior: Callable[[torch.dtype], Distribution]
    dispersions: tuple[float, ...]
    extremes: tuple[float, ...]
    grid: Callable[[float], Grid]
    statistic: Callable[[Tensor], Tensor]


TIMES = (1e-5, 1e-2, 0.3, 1.0, 10.0)
EXTREME_TIMES = (1e-12, 1e-5, 1.0, 10.0, 1e4)


def first_axis(size: int) -> Tensor:
    """The first unit vector (size,)."""
    return torch.eye(size, dtype=torch.float64)[0]


def circle_grid(last: float, reach: float, count: int) -> tuple[Tensor, Tensor]:
    """Angles in (0, min(last, reach)) and their Gauss-Legendre weights."""
    x, weight = np.polynomial.legendre.leggauss(count)
    half = 0.5 * min(last, reach)
    return torch.from_numpy(half * (x + 1.0)), torch.from_numpy(half * weight)


def radial_grid(dim: int, last: float = math.pi, volume_scale: float = 1.0, time_scale: float = 1.0) -> Callable:
    """Points on one half great circle of S^d, each with the volume of the sphere of points as far away."""

    def grid(time: float) -> Grid:
        reach = math.sqrt(time * time_scale) * (math.sqrt(dim) + 9.0)
        angle, weight = circle_grid(last, reach, 600)
        points = torch.zeros(len(angle), dim + 1, dtype=torch.float64)
        points[:, 0], points[:, 1] = angle.cos(), angle.sin()
        ring = math.log(2.0) + 0.5 * dim * math.log(math.pi) - math.lgamma(0.5 * dim)
        return points, weight * volume_scale * (ring + (dim - 1) * angle.sin().log()).exp()

    return grid


def torus_grid(time: float) -> Grid:
    """A grid of two circles, as wide as the distribution."""
    angle, weight = circle_grid(math.pi, 9.0 * math.sqrt(time), 80)
    angle, weight = torch.cat([-angle, angle]), torch.cat([weight, weight])
    first, second = torch.meshgrid(angle, angle, indexing="ij")
    points = torch.stack([first.cos(), first.sin(), second.cos(), second.sin()], -1)
    return points.reshape(-1, 4), torch.outer(weight, weight).reshape(-1)


def sphere(dim: int) -> Case:
    """Brownian motion on S^d."""
    return Case(
        f"S^{dim}", first_axis(dim + 1), (), SphereBrownian, lambda dtype: SphereUniform(dim, dtype=dtype),
        TIMES, EXTREME_TIMES, radial_grid(dim), lambda z: z[..., 0].clamp(-1, 1),
    )  # fmt: skip


def projective(dim: int) -> Case:
    """Brownian motion on RP^d; the statistic is even."""
    return Case(
        f"RP^{dim}", first_axis(dim + 1), (), ProjectiveBrownian, lambda dtype: ProjectiveUniform(dim, dtype=dtype),
        TIMES, EXTREME_TIMES, radial_grid(dim, math.pi / 2), lambda z: z[..., 0].square(),
    )  # fmt: skip


def rotation() -> Case:
    """Brownian motion on SO(3) with the Frobenius metric."""
    grid = radial_grid(3, math.pi / 2, volume_scale=16.0 * math.sqrt(2.0), time_scale=1 / 8)
    return Case(
        "SO(3)", first_axis(4), (), RotationBrownian, lambda dtype: RotationUniform(dtype=dtype),
        TIMES, EXTREME_TIMES, grid, lambda z: z[..., 0].square(),
    )  # fmt: skip


def torus() -> Case:
    """Brownian motion on (S^1)^2."""
    return Case(
        "T^2", torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64), (2,), TorusBrownian,
        lambda dtype: TorusUniform(2, dtype=dtype), TIMES, EXTREME_TIMES, torus_grid,
        lambda z: z[..., 0] + 0.5 * z[..., 3],
    )  # fmt: skip


def directional(dim: int, kind: type[VonMisesFisher | PowerSpherical]) -> Case:
    """A distribution with concentration 1/dispersion on S^d, about as wide as Brownian motion at time 2·dispersion."""
    wide = (1e-6, 1e-2, 0.3, 2.0, 1e6)
    return Case(
        f"{kind.__name__} S^{dim}", first_axis(dim + 1), (), lambda loc, dispersion: kind(loc, 1 / dispersion),
        lambda dtype: SphereUniform(dim, dtype=dtype), wide, wide, radial_grid(dim, time_scale=2.0),
        lambda z: z[..., 0].clamp(-1, 1),
    )  # fmt: skip


def embedded_torus_grid(time: float) -> Grid:
    """A grid over the torus of radii (2, 1) with its area, fine enough for times from 0.2."""
    count = 40 if time > 0.5 else 80
    angle = torch.arange(count, dtype=torch.float64) * (2.0 * math.pi / count)
    theta, phi = (x.reshape(-1) for x in torch.meshgrid(angle, angle, indexing="ij"))
    w = 2.0 + theta.cos()
    return torch.stack([w * phi.cos(), w * phi.sin(), theta.sin()], -1), w * (2.0 * math.pi / count) ** 2


def embedded_torus() -> Case:
    """Brownian motion on the torus of radii (2, 1), from its top circle."""
    return Case(
        "torus in R^3", torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64), (),
        lambda loc, time: EmbeddedTorusBrownian(loc, time, (2.0, 1.0)),
        lambda dtype: EmbeddedTorusUniform((2.0, 1.0), dtype=dtype), (0.2, 1.0, 10.0), EXTREME_TIMES,
        embedded_torus_grid, lambda z: z[..., 0] + 0.3 * z[..., 2],
    )  # fmt: skip


CASES = [
    *map(sphere, (1, 2, 3, 10, 64)), *map(projective, (2, 3, 10)), rotation(), torus(), embedded_torus(),
    *(directional(dim, kind) for kind in (VonMisesFisher, PowerSpherical) for dim in (1, 2, 10, 99)),
]  # fmt: skip
