"""The torus of revolution in R³ with its area's metric and Brownian posteriors (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions.embedded_torus import EmbeddedTorusBrownian, EmbeddedTorusUniform
from submission.distributions.torus_coordinates import RATIOS, Radii, angles_of, point_of
from submission.latent.components import unit
from submission.latent.families import MIN_TIME, PosteriorFamily, max_time, min_time
from submission.latent.manifold import Geometry, ManifoldSpace
from submission.latent.spec import FactorSpec, describe

DEFAULTS: dict[str, object] = {"R": 2.0, "r": 1.0, "sampler": "diffusion", "steps": 32}


class TorusOfRevolution(ManifoldSpace):
    """Points at distance r from a circle of radius R in R³.

    The encoder outputs two directions, around the tube and around the axis. Scaled codes have unit variance on
    average over the three axes: Var x = Var y = (R² + 3r²/2)/2 and Var z = r²/2 under the uniform distribution.

    Args:
        spec: the spec string.
        radii: (R, r), R > r > 0.
        family: the posterior.
    """

    def __init__(self, spec: str, radii: Radii, family: PosteriorFamily) -> None:
        scale = math.sqrt(3 / (radii[0] ** 2 + 2 * radii[1] ** 2))
        super().__init__(spec, Geometry(("Torus",), "torus", 4, 3, 3, 2, scale, scale), family)
        self.radii = radii

    def centre(self, raw: Tensor) -> Tensor:
        """Points (..., 3) at the two directions of ``raw`` (..., 4)."""
        tube, axis = unit(raw[..., :2]), unit(raw[..., 2:])
        outwards = self.radii[0] + self.radii[1] * tube[..., :1]
        return torch.cat([outwards * axis, self.radii[1] * tube[..., 1:]], -1)

    def prior(self, like: Tensor) -> Distribution:
        """Uniform with respect to area."""
        return EmbeddedTorusUniform(self.radii, dtype=like.dtype, device=like.device, validate_args=False)

    def coordinates(self, points: Tensor) -> Tensor:
        """Angles (..., 2) around the tube and around the axis, −π to π."""
        return torch.stack(angles_of(points, self.radii), -1)

    def geodesic(self, centre: Tensor, angles: Tensor) -> Tensor:
        """Once around the axis."""
        tube, axis = angles_of(centre, self.radii)
        return point_of(tube.expand_as(angles), axis + angles, self.radii)


def build(factor: FactorSpec) -> TorusOfRevolution:
    """``Torus(R=2, r=1)``: radius of the centre circle and of the tube."""
    outer = factor.real("R", 2.0, 0.0, 1e3)
    inner = factor.real("r", 1.0, 0.0, 1e3)
    if not RATIOS[0] <= outer / inner <= RATIOS[1]:
        word = factor.take("r") or factor.take("R") or factor.name
        fix = f"make the circle {RATIOS[0]:g} to {RATIOS[1]:g} times as wide as its tube"
        raise word.error(f"R/r is {outer / inner:g}", fix)
    given: dict[str, Any] = {
        "sampler": factor.choice("sampler", ("diffusion", "walk")),
        "steps": factor.integer("steps", 32, 1, 1000),
    }
    low = min_time(factor, 0.5, unit=inner**2)
    factor.done(dimension=False)
    radii = (outer, inner)
    limit = max_time(outer**-2, 2)  # the lowest eigenfunction, once around the axis, decays hardly faster
    family = PosteriorFamily(
        "time", min(low, MIN_TIME * inner**2), 10 * outer**2, inner**2 / 2, limit,
        lambda loc, time: EmbeddedTorusBrownian(loc, time, radii, **given, validate_args=False),
        low,
    )  # fmt: skip
    options = {"R": outer, "r": inner} | given | {"min_time": low}
    return TorusOfRevolution(describe("Torus", options, DEFAULTS | {"min_time": MIN_TIME * inner**2}), radii, family)
