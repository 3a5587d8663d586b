"""SphereSpace with Brownian (Pérez Rey et al.), von Mises–Fisher (Davidson et al.) and power spherical posteriors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions.power_spherical import PowerSpherical
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.von_mises_fisher import VonMisesFisher
from submission.latent.components import unit
from submission.latent.families import MIN_TIME, PosteriorFamily, brownian, concentrated, max_time, min_time
from submission.latent.manifold import Geometry, ManifoldSpace
from submission.latent.spec import FactorSpec, describe

BROWNIAN: dict[str, object] = {"sampler": "exact", "steps": 5, "step": "sqrt", "kl": "exact", "min_time": MIN_TIME}
"""Default options of Brownian posteriors, described at ``SphereBrownian`` and ``min_time``."""
DEFAULTS: dict[str, object] = {"posterior": "brownian", "gradient": "implicit"} | BROWNIAN
"""Default options of S^d and T^k; ``gradient`` applies to ``posterior=vmf``."""


class SphereSpace(ManifoldSpace):
    """``count`` unit spheres S^d; every point is a unit vector of d + 1 numbers.

    Args:
        spec: the spec string.
        names: one per sphere.
        dimension: d.
        family: the posterior.
    """

    def __init__(self, spec: str, names: tuple[str, ...], dimension: int, family: PosteriorFamily) -> None:
        size, scale = dimension + 1, math.sqrt(dimension + 1)
        topology = "circle" if dimension == 1 else "sphere"
        super().__init__(spec, Geometry(names, topology, size, size, size, dimension, scale, scale), family)
        self.dimension = dimension

    def centre(self, raw: Tensor) -> Tensor:
        """The direction of ``raw``."""
        return unit(raw)

    def prior(self, like: Tensor) -> Distribution:
        """Uniform on S^d."""
        return SphereUniform(self.dimension, dtype=like.dtype, device=like.device, validate_args=False)

    def coordinates(self, points: Tensor) -> Tensor:
        """Angles (..., d): on a circle the one from −π to π; else hyperspherical, d − 1 from 0 to π, then one more."""
        tails = points.square().flip(-1).cumsum(-1).flip(-1)[..., 1:].sqrt()
        polar = torch.atan2(tails[..., :-1], points[..., :-2])
        return torch.cat([polar, torch.atan2(points[..., -1:], points[..., -2:-1])], -1)


def brownian_options(factor: FactorSpec) -> dict[str, Any]:
    """Keyword arguments of a Brownian posterior from a factor's options."""
    return {
        "sampler": factor.choice("sampler", ("exact", "walk")),
        "steps": factor.integer("steps", 5, 1, 1000),
        "step": factor.choice("step", ("sqrt", "literal")),
        "kl": factor.choice("kl", ("exact", "short_time", "paper")),
    }


def posterior_family(factor: FactorSpec, dimension: int) -> tuple[PosteriorFamily, dict[str, object]]:
    """The posterior family on S^d that a factor's options name, and the values of these options."""
    kind = factor.choice("posterior", ("brownian", "vmf", "power_spherical"))
    if kind == "brownian":
        given = brownian_options(factor)
        limit, low = max_time(dimension, dimension + 1), min_time(factor, 1 / dimension)
        family = brownian(
            1 / dimension, limit, low, lambda loc, time: SphereBrownian(loc, time, **given, validate_args=False)
        )
        return family, {"posterior": kind} | given | {"min_time": low}
    if kind == "power_spherical":
        from scipy.special import polygamma

        variance = float(polygamma(1, dimension / 2) - polygamma(1, dimension))  # of log(1 + cos r), log of a beta
        family = concentrated(dimension, variance, lambda loc, kappa: PowerSpherical(loc, kappa, validate_args=False))
        return family, {"posterior": kind}
    gradient = factor.choice("gradient", ("implicit", "two_term"))
    variance = 1 / (dimension + 1)  # of cos r
    family = concentrated(
        dimension, variance, lambda loc, kappa: VonMisesFisher(loc, kappa, gradient, validate_args=False)
    )
    return family, {"posterior": kind, "gradient": gradient}


def build_sphere(factor: FactorSpec) -> SphereSpace:
    """``S^d``, d from 1 to 64 (to 999 with vmf and power_spherical)."""
    dimension = factor.exponent(1, 999)
    family, options = posterior_family(factor, dimension)
    if options["posterior"] == "brownian":
        factor.exponent(1, 64)
    factor.done()
    name = f"S^{dimension}"
    return SphereSpace(describe(name, options, DEFAULTS), (name,), dimension, family)


def build_torus(factor: FactorSpec) -> SphereSpace:
    """``T^k``, k circles, k from 1 to 512."""
    count = factor.exponent(1, 512)
    family, options = posterior_family(factor, 1)
    factor.done()
    name = f"T^{count}"
    names = (name,) if count == 1 else tuple(f"{name}[{index}]" for index in range(count))
    return SphereSpace(describe(name, options, DEFAULTS), names, 1, family)
