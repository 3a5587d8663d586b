"""Latent spaces on closed manifolds given by their projection P: R^n → M (Pérez Rey et al. (2020), any manifold)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions.closed_manifold import Manifold, ProjectedUniform, ProjectedWalk
from submission.distributions.manifold_examples import ellipsoid, klein_bottle, special_unitary, stiefel
from submission.latent.families import PosteriorFamily
from submission.latent.manifold import Geometry, ManifoldSpace
from submission.latent.spec import FactorSpec, describe

STEPS = 10
REACH = 2.0
"""Encoder outputs longer than this many radii are shortened to it."""
NUDGE = 1e-6
"""Share of a point of the manifold that is added, so that an encoder output of zero has a nearest point."""


class ProjectedSpace(ManifoldSpace):
    """One point of a closed manifold in R^n, with random-walk posteriors and a uniform prior.

    The encoder outputs n numbers, in the manifold's radius, which are projected as in the paper. KL is the short-time
    expansion; times stop where it is d/2 nats, so that the expansion holds. Densities of posteriors, and with them
    likelihoods and total correlation, exist only where the manifold has one. Scaled codes have a second moment of one
    on average over the columns.

    Args:
        spec: the spec string.
        manifold: the manifold.
        steps: of the walk.
    """

    base: Tensor

    def __init__(self, spec: str, manifold: Manifold, steps: int = STEPS) -> None:
        n, radius = manifold.ambient, manifold.radius
        scale = 1 / float(manifold.pool.square().mean().sqrt())
        coordinates = len(manifold.outline) or n
        limit = manifold.longest_time
        family = PosteriorFamily(
            "time", 1e-5 * radius**2, max(10.0 * radius**2, 2.0 * limit), 0.3 * limit, limit,
            lambda loc, time: ProjectedWalk(manifold, loc, time, steps, validate_args=False),
        )  # fmt: skip
        super().__init__(spec, Geometry((spec,), "manifold", n, n, n, coordinates, scale, scale), family)
        self.manifold = manifold
        self.register_buffer("base", manifold.pool[0].to(torch.get_default_dtype()), persistent=False)

    def centre(self, raw: Tensor) -> Tensor:
        """The points P(radius·raw) (..., n) nearest to encoder columns (..., n), long ones shortened."""
        largest = raw.detach().abs().amax(-1, keepdim=True).clamp_min(REACH)
        length = torch.linalg.vector_norm(raw / largest, dim=-1, keepdim=True) * (largest / REACH)
        return self.manifold.project(self.manifold.radius * raw / length.clamp_min(1.0) + NUDGE * self.base.to(raw))

    def prior(self, like: Tensor) -> Distribution:
        """Uniform on the manifold."""
        return ProjectedUniform(self.manifold, dtype=like.dtype, device=like.device, validate_args=False)

    def coordinates(self, points: Tensor) -> Tensor:
        """Coordinates in a fundamental domain (..., k) where the manifold has some; else the points."""
        return points if self.manifold.coordinates is None else self.manifold.coordinates(points)

    def geodesic(self, centre: Tensor, angles: Tensor) -> Tensor:
        """Points (steps, n) on a curve from ``centre`` that goes straight on, one radius of length per unit of angle.

        Each step goes along the tangent and is projected; the next tangent is the step that was made, transported.
        """
        ahead = self._tangent(centre)
        points, here, fine = [centre], centre, 20
        for step in angles.diff().tolist():
            for _ in range(fine):
                there = self.manifold.project(here + self.manifold.radius * step / fine * ahead)
                moved = there - here
                ahead = moved / torch.linalg.vector_norm(moved).clamp_min(1e-12)
                ahead = self._onto_tangent(there, ahead)
                here = there
            points.append(here)
        return torch.stack(points)

    def _tangent(self, centre: Tensor) -> Tensor:
        """A unit tangent vector (n,) at a point: the coordinate axis that has the longest tangent part, projected."""
        axes = torch.eye(len(centre), dtype=centre.dtype, device=centre.device)
        parts = self._onto_tangent(centre, axes, normalise=False)
        best = parts[torch.linalg.vector_norm(parts, dim=-1).argmax()]
        direction: Tensor = best / torch.linalg.vector_norm(best)
        return direction

    def _onto_tangent(self, point: Tensor, vectors: Tensor, normalise: bool = True) -> Tensor:
        """The tangent part of vectors (..., n) at a point (n,), by central differences of P."""
        step = 1e-2 * self.manifold.radius
        ends = [self.manifold.project(point + sign * step * vectors) for sign in (1, -1)]
        parts = (ends[0] - ends[1]) / (2 * step)
        return parts / torch.linalg.vector_norm(parts, dim=-1, keepdim=True) if normalise else parts


def build(
    manifold: Manifold, factor: FactorSpec, options: dict[str, Any], defaults: dict[str, object]
) -> ProjectedSpace:
    """The space of a manifold with the option ``steps``; ``options`` are the others that its spec shows."""
    steps = factor.integer("steps", STEPS, 1, 1000)
    factor.done(dimension=False, layout=True)
    base, _, layout = manifold.name.partition("(")
    spec = describe(base, options | {"steps": steps}, defaults | {"steps": STEPS})
    if layout:
        inside = spec[len(base) :].strip("()")
        spec = f"{base}({layout[:-1]}; {inside})" if inside else manifold.name
    return ProjectedSpace(spec, manifold, steps)


def numbers(factor: FactorSpec, example: str) -> list[float]:
    """The positive numbers in a factor's parentheses."""
    if not factor.layout:
        raise factor.name.error(f"{factor.name.text} takes numbers in parentheses", f'write "{example}", say')
    return [word.real("a number", 0.0, 1e3) for word in factor.layout]


def build_ellipsoid(factor: FactorSpec) -> ProjectedSpace:
    """``Ellipsoid(2,1,1)``: semi-axes, two to ten, the longest at most ten times the shortest."""
    axes = numbers(factor, "Ellipsoid(2,1,1)")
    if not 2 <= len(axes) <= 10 or max(axes) > 10 * min(axes):
        raise factor.layout[0].error("these semi-axes", "give 2 to 10, the longest at most 10 times the shortest")
    return build(ellipsoid(tuple(axes)), factor, {}, {})


def build_klein(factor: FactorSpec) -> ProjectedSpace:
    """``Klein(R=2, r=1)``: radii of the large circle and of the one that turns."""
    outer, inner = factor.real("R", 2.0, 0.0, 1e3), factor.real("r", 1.0, 0.0, 1e3)
    if not 1.5 <= outer / inner <= 10:
        word = factor.take("r") or factor.take("R") or factor.name
        raise word.error(f"R/r is {outer / inner:g}", "make the large circle 1.5 to 10 times as wide as the small one")
    if factor.layout:
        raise factor.layout[0].error("Klein takes options only", 'write "Klein(R=2, r=1)"')
    return build(klein_bottle(outer, inner), factor, {"R": outer, "r": inner}, {"R": 2.0, "r": 1.0})


def sizes(factor: FactorSpec, count: int, example: str) -> list[int]:
    """The ``count`` whole numbers from 1 to 8 in a factor's parentheses."""
    if len(factor.layout) != count:
        word = factor.layout[0] if factor.layout else factor.name
        raise word.error(f"{factor.name.text} takes {count} whole number{'s' * (count > 1)}", f'write "{example}", say')
    return [word.integer("a size", 1, 8) for word in factor.layout]


def build_orthogonal(factor: FactorSpec) -> ProjectedSpace:
    """``O(n)``: orthogonal matrices, n from 2 to 8."""
    (n,) = sizes(factor, 1, "O(3)")
    if n < 2:
        raise factor.layout[0].error("O(1) has two points", "take n from 2 to 8")
    return build(stiefel(n, n), factor, {}, {})


def build_stiefel(factor: FactorSpec) -> ProjectedSpace:
    """``Stiefel(n, k)``: n × k matrices with orthonormal columns, k < n ≤ 8."""
    n, k = sizes(factor, 2, "Stiefel(3,2)")
    if k >= n or n < 2:
        raise factor.layout[1].error(f"Stiefel({n}, {k})", "take k < n; orthogonal matrices are O(n)")
    return build(stiefel(n, k), factor, {}, {})


def build_special_unitary(factor: FactorSpec) -> ProjectedSpace:
    """``SU(2)``, the only SU(n)."""
    if sizes(factor, 1, "SU(2)") != [2]:
        raise factor.layout[0].error("SU is known for two dimensions", 'write "SU(2)"')
    return build(special_unitary(), factor, {}, {})


def build_registered(manifold: Manifold, factor: FactorSpec) -> ProjectedSpace:
    """A manifold of one's own by its name."""
    if factor.layout:
        raise factor.layout[0].error(f"{manifold.name} takes options only", "leave it out")
    return build(manifold, factor, {}, {})
