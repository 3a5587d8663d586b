"""Closed manifolds given by their projection: random walks, uniform samples, and measured volume and curvature.

Pérez Rey et al. (2020) define a manifold M in R^n by its projection P, which maps a point to the nearest one of M. The
KL of a Brownian posterior also needs d, Vol(M) and the scalar curvature; those that are not given are measured with P.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from submission.device import seeded_randomness
from submission.distributions.manifold_distribution import ManifoldDistribution, static
from submission.distributions.uniform import ManifoldUniform
from submission.errors import UsageError

POOL = 2048
"""Uniform points that are drawn once per manifold, with a fixed seed."""
STEP, STEPS = 0.2, 150
"""Steps of the long walks, in the manifold's radius, and their number."""
CURVATURE_POINTS, OFFSET = 16, 2e-3
"""Points at which curvature is measured, and the differences' width in the manifold's radius."""


@dataclass(frozen=True)
class Manifold:
    """A closed manifold in R^n by its nearest-point projection.

    Its points lie around the origin, from where latent spaces project encoder outputs in all directions.

    Attributes:
        name: as specs write it, letters only.
        ambient: n.
        dimension: d.
        project: points (..., n) → nearest points of the manifold (..., n), in torch operations with gradients.
        volume: Riemannian volume; None: measured from distances of uniform points, see ``volume_error``.
        scalar_curvature: a number, or a function of points (..., n) → (...); None: the mean of what second
            differences of P give, see ``curvature_deviation``.
        uniform: (shape, like) → uniform points (*shape, n) of the type of ``like``; None: long random walks.
        coordinates: points (..., n) → coordinates in a fundamental domain (..., k); None: the points themselves.
        point: the other way, coordinates (..., k) → points (..., n); for charts with decoded images.
        log_density: (centre, time, points) → log density of Brownian motion, where one is known.
        outline: per coordinate (low, high), for charts.

    Example:
        >>> circle = Manifold("Circle", 2, 1, lambda x: torch.nn.functional.normalize(x, dim=-1))
        >>> abs(circle.measured_volume / (2 * math.pi) - 1) < 0.02
        True
    """

    name: str
    ambient: int
    dimension: int
    project: Callable[[Tensor], Tensor]
    volume: float | None = None
    scalar_curvature: float | Callable[[Tensor], Tensor] | None = None
    uniform: Callable[[torch.Size, Tensor], Tensor] | None = None
    coordinates: Callable[[Tensor], Tensor] | None = None
    point: Callable[[Tensor], Tensor] | None = None
    log_density: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    outline: tuple[tuple[float, float], ...] = ()

    @cached_property
    def pool(self) -> Tensor:
        """Uniform points (POOL, n), float64, the same in every process."""
        with seeded_randomness(0), torch.inference_mode(False), torch.no_grad():
            like = torch.zeros((), dtype=torch.float64)
            if self.uniform is not None:
                return self.uniform(torch.Size([POOL]), like)
            points = self.project(torch.randn(POOL, self.ambient, dtype=torch.float64))
            size = STEP * points.square().sum(-1).mean().sqrt()
            for _ in range(STEPS):
                points = self.project(points + size * torch.randn_like(points))
            return points

    @cached_property
    def radius(self) -> float:
        """Root mean square distance of uniform points from their mean."""
        return float((self.pool - self.pool.mean(0)).square().sum(-1).mean().sqrt())

    @cached_property
    def measured_volume(self) -> float:
        """Volume from how many of all pairs of uniform points are near each other."""
        return volume_of(self.pool[:2048], self.dimension)

    @cached_property
    def volume_error(self) -> float:
        """Standard error of log volume, 0 where the volume is given: from four parts of the pool."""
        if self.volume is not None:
            return 0.0
        parts = torch.tensor([volume_of(part, self.dimension) for part in self.pool.chunk(4)])
        return float(parts.log().std() / 2)

    @property
    def log_volume(self) -> float:
        """Logarithm of the given volume, or of the measured one."""
        return math.log(self.measured_volume if self.volume is None else self.volume)

    @cached_property
    def measured_curvature(self) -> Tensor:
        """Scalar curvature (CURVATURE_POINTS,) at points of the pool, by Gauss's equation."""
        return scalar_curvature(self.project, self.pool[:CURVATURE_POINTS], self.dimension, OFFSET * self.radius)

    @cached_property
    def mean_curvature(self) -> float:
        """Mean scalar curvature over the manifold."""
        if callable(self.scalar_curvature):
            return float(self.scalar_curvature(self.pool).mean())
        return float(self.measured_curvature.mean()) if self.scalar_curvature is None else self.scalar_curvature

    @property
    def curvature_deviation(self) -> float:
        """Standard deviation over the manifold of a curvature that is taken as its mean: KL is off by t/4 of it."""
        return 0.0 if self.scalar_curvature is not None else float(self.measured_curvature.std())

    def curvature(self, points: Tensor) -> Tensor:
        """Scalar curvature (...) at points (..., n): the given function, or the mean."""
        if callable(self.scalar_curvature):
            return self.scalar_curvature(points)
        return points.new_full(points.shape[:-1], self.mean_curvature)

    def short_time_divergence(self, time: Tensor, curvature: Tensor | float) -> Tensor:
        """KL to the uniform distribution (...): log Vol − (d/2)·(1 + log 2πt) + Sc·t/4 + O(t²)."""
        return self.log_volume - 0.5 * self.dimension * (1 + (2 * math.pi * time).log()) + 0.25 * curvature * time

    @cached_property
    def longest_time(self) -> float:
        """Time at which the short-time KL is d/2 nats somewhere, or has its minimum: the expansion goes no further.

        At most 100 times the squared radius.
        """
        times = self.radius**2 * torch.logspace(-6, 2, 4000, dtype=torch.float64)
        known = self.curvature(self.pool) if self.scalar_curvature is not None else self.measured_curvature
        least, most = float(known.min()), float(known.max())
        small = self.short_time_divergence(times, least) < 0.5 * self.dimension
        ends = small[:-1] | (self.short_time_divergence(times, most).diff() > 0)
        return float(times[int(ends.int().argmax()) if bool(ends.any()) else -1])

    def draw(self, shape: torch.Size, like: Tensor) -> Tensor:
        """Uniform points (*shape, n): by the given sampler, or from the pool by a walk that forgets where it began."""
        if self.uniform is not None:
            return self.uniform(shape, like)
        pool = self.pool.to(like)
        points = pool[torch.randint(len(pool), shape, device=like.device)]
        for _ in range(16):
            points = self.project(points + STEP * self.radius * torch.randn_like(points))
        return points


def volume_of(points: Tensor, dimension: int) -> float:
    """Volume of a d-manifold from uniform points (N, n).

    A ball of chord radius r has volume V_d·r^d·(1 + c·r² + …), so the share of pairs nearer than r, over V_d·r^d,
    goes to 1/Vol as r → 0; the limit is a line's in r², through radii that 0.2 to 2 % of all pairs are within.
    """
    distances = torch.pdist(points).sort().values
    ranks = (len(distances) * torch.linspace(0.002, 0.02, 10, dtype=torch.float64)).long()
    radii = distances[ranks]
    ball = math.exp(0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1))
    density = ranks / len(distances) / (ball * radii**dimension)
    columns = torch.stack([torch.ones_like(radii), radii.square()], -1) / density[:, None]
    fit = torch.linalg.lstsq(columns, torch.ones_like(radii)[:, None]).solution
    return 1 / float(fit[0])


def scalar_curvature(project: Callable[[Tensor], Tensor], points: Tensor, dimension: int, step: float) -> Tensor:
    """Scalar curvature (N,) at points (N, n) of the manifold that P projects on, |Σ II(e_i, e_i)|² − Σ |II(e_i, e_j)|².

    P's derivative at a point of the manifold projects on the tangent space, and the normal part of its second
    derivative is the second fundamental form II: both by central differences.

    Raises:
        ValueError: if the derivative's rank is not ``dimension``.
    """
    eye = torch.eye(points.shape[-1], dtype=points.dtype)
    moved = [project(points[:, None] + sign * step * eye) for sign in (1, -1)]
    jacobian = (moved[0] - moved[1]).mT / (2 * step)
    rank = float(jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).mean())
    if abs(rank - dimension) > 0.1:
        raise ValueError(f"the projection's derivative has trace {rank:.2f}, not the dimension {dimension}")
    frame = torch.linalg.svd(jacobian).U[..., :dimension].mT  # (N, d, n)
    first, second = frame[:, :, None], frame[:, None, :]
    start = points[:, None, None]
    bend = project(start + step * (first + second)) + project(start - step * (first + second))
    bend = (bend - project(start + step * (first - second)) - project(start - step * (first - second))) / (4 * step**2)
    normal = bend - torch.einsum("nijk,nlk,nlm->nijm", bend, frame, frame)
    trace = normal.diagonal(dim1=1, dim2=2).sum(-1)
    return trace.square().sum(-1) - normal.square().sum((1, 2, 3))


class OnManifold(constraints.Constraint):
    """Points (..., n) that the projection leaves where they are, within 1e−3 of the manifold's radius."""

    event_dim = 1

    def __init__(self, manifold: Manifold) -> None:
        self.manifold = manifold

    def check(self, value: Tensor) -> Tensor:
        """Whether each point is one (...); not for NaN."""
        moved = torch.linalg.vector_norm(self.manifold.project(value) - value, dim=-1)
        inside: Tensor = moved < 1e-3 * self.manifold.radius
        return inside


class ProjectedUniform(ManifoldUniform):
    """The uniform distribution on a closed manifold that is given by its projection.

    Args:
        manifold: the manifold.
        batch_shape, dtype, device, validate_args: as for ``SphereUniform``.
    """

    def __init__(
        self,
        manifold: Manifold,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.manifold = manifold
        super().__init__((manifold.ambient,), batch_shape, dtype, device, validate_args)

    def __repr__(self) -> str:
        return f"ProjectedUniform({self.manifold.name})"

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Points of the manifold."""
        return OnManifold(self.manifold)

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume, given or measured."""
        return self.manifold.log_volume

    def _draw(self, shape: torch.Size) -> Tensor:
        return self.manifold.draw(shape, self._zero)


class ProjectedWalk(ManifoldDistribution):
    """The random walk z ← P(z + √(t/L)·ε), L steps from ``loc``: Brownian motion at time t in the limit L → ∞.

    Its KL to the uniform distribution is the short-time expansion log Vol − (d/2)(1 + log 2πt) + Sc·t/4 of Brownian
    motion (Pérez Rey et al. (2020), with the curvature term's right factor). A density is known only where the
    manifold brings one.

    Args:
        manifold: the manifold.
        loc: points (..., n) on it.
        time: t > 0 (...).
        steps: L.
    """

    time: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "time": 0}
    options: ClassVar = ("steps",)
    arg_constraints: ClassVar = {
        "loc": constraints.dependent(is_discrete=False, event_dim=1),
        "time": constraints.positive,
    }

    def __init__(
        self, manifold: Manifold, loc: Tensor, time: Tensor, steps: int = 10, validate_args: bool | None = None
    ) -> None:
        self.manifold, self.steps = manifold, steps
        batch_shape = self._broadcast(loc=loc, time=time)
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Points of the manifold."""
        return OnManifold(self.manifold)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., n), differentiable in ``loc`` and ``time``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        z, scale = self.loc.expand(shape), (self.time / self.steps).sqrt()[..., None]
        for _ in range(self.steps):
            z = self.manifold.project(z + scale * torch.randn_like(z))
        return z

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) of Brownian motion at ``value`` (..., n), where the manifold has one.

        Raises:
            UsageError: where it has none.
        """
        if self.manifold.log_density is None:
            raise UsageError(
                f"random walks on {self.manifold.name} have no known density",
                "likelihoods and total correlation need one: choose another space or objective (beta_vae, capacity)",
            )
        return self.manifold.log_density(self.loc, self.time, value)

    def divergence_from_uniform(self) -> Tensor:
        """KL to the uniform distribution (...), to first order in t."""
        return self.manifold.short_time_divergence(self.time, self.manifold.curvature(self.loc))

    def entropy(self) -> Tensor:
        """Differential entropy (...), to first order in t."""
        return self.manifold.log_volume - self.divergence_from_uniform()


@register_kl(ProjectedWalk, ProjectedUniform)
def _walk_uniform(p: ProjectedWalk, q: ProjectedUniform) -> Tensor:
    return p.divergence_from_uniform()
