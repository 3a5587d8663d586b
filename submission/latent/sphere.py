"""Spheres with Brownian (Pérez Rey et al.), von Mises–Fisher (Davidson et al.) and power spherical posteriors."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.special import polygamma
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions.power_spherical import PowerSpherical
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.von_mises_fisher import VonMisesFisher
from submission.latent.components import unit
from submission.latent.families import Family, brownian, concentrated, flattest_time
from submission.latent.manifold import Geometry, ManifoldSpace
from submission.latent.spec import Factor, describe

BROWNIAN: dict[str, object] = {"sampler": "exact", "steps": 5, "step": "sqrt", "kl": "exact"}
"""Options of Brownian posteriors: ``SphereBrownian``'s, which see."""
DEFAULTS: dict[str, object] = {"posterior": "brownian", "gradient": "implicit"} | BROWNIAN
"""Options of S^d and T^k; ``gradient`` is for vmf."""


class Spheres(ManifoldSpace):
    """``count`` unit spheres S^d; every point is a unit vector of d + 1 numbers.

    Args:
        spec: the spec string.
        names: one per sphere.
        dimension: d.
        family: the posterior.
    """

    def __init__(self, spec: str, names: tuple[str, ...], dimension: int, family: Family) -> None:
        size, scale = dimension + 1, math.sqrt(dimension + 1)
        topology = "circle" if dimension == 1 else "sphere"
        super().__init__(spec, Geometry(names, topology, size, size, size, dimension, scale, scale), family)
        self.dimension = dimension

    def centre(self, raw: Tensor) -> Tensor:
        """The direction of ``raw``."""
        return unit(raw)

    def prior(self, like: Tensor) -> Distribution:
        """Uniform on S^d."""
        return SphereUniform(self.dimension, dtype=like.dtype, device=like.device)

    def coordinates(self, points: Tensor) -> Tensor:
        """Angles (..., d): on a circle the one from −π to π; else hyperspherical, d − 1 from 0 to π, then one more."""
        tails = points.square().flip(-1).cumsum(-1).flip(-1)[..., 1:].sqrt()
        polar = torch.atan2(tails[..., :-1], points[..., :-2])
        return torch.cat([polar, torch.atan2(points[..., -1:], points[..., -2:-1])], -1)


def diffusion(factor: Factor) -> dict[str, Any]:
    """Keyword arguments of a Brownian posterior from a factor's options."""
    return {
        "sampler": factor.choice("sampler", ("exact", "walk")),
        "steps": factor.integer("steps", 5, 1, 1000),
        "step": factor.choice("step", ("sqrt", "literal")),
        "kl": factor.choice("kl", ("exact", "short_time", "paper")),
    }


def family(factor: Factor, dimension: int, options: dict[str, object]) -> Family:
    """The posterior that a factor's options name; they are entered in ``options``."""
    options["posterior"] = factor.choice("posterior", ("brownian", "vmf", "power_spherical"))
    if options["posterior"] == "brownian":
        given = diffusion(factor)
        options |= given
        flattest = flattest_time(dimension, dimension + 1)
        return brownian(
            1 / dimension, flattest, lambda loc, time: SphereBrownian(loc, time, **given, validate_args=False)
        )
    if options["posterior"] == "power_spherical":
        variance = float(polygamma(1, dimension / 2) - polygamma(1, dimension))  # of log(1 + cos r), a beta law's
        return concentrated(dimension, variance, lambda loc, kappa: PowerSpherical(loc, kappa, validate_args=False))
    gradient = factor.choice("gradient", ("implicit", "two_term"))
    options["gradient"] = gradient
    variance = 1 / (dimension + 1)  # of cos r
    return concentrated(
        dimension, variance, lambda loc, kappa: VonMisesFisher(loc, kappa, gradient, validate_args=False)
    )


def build_sphere(factor: Factor) -> Spheres:
    """``S^d``, d from 1 to 64 (to 999 with vmf and power_spherical)."""
    options = dict(DEFAULTS)
    dimension = factor.exponent(1, 999)
    posterior = family(factor, dimension, options)
    if options["posterior"] == "brownian":
        factor.exponent(1, 64)
    factor.done()
    name = f"S^{dimension}"
    return Spheres(describe(name, options, DEFAULTS), (name,), dimension, posterior)


def build_torus(factor: Factor) -> Spheres:
    """``T^k``, k circles, k from 1 to 512."""
    options = dict(DEFAULTS)
    count = factor.exponent(1, 512)
    posterior = family(factor, 1, options)
    factor.done()
    name = f"T^{count}"
    names = (name,) if count == 1 else tuple(f"{name}[{index}]" for index in range(count))
    return Spheres(describe(name, options, DEFAULTS), names, 1, posterior)
