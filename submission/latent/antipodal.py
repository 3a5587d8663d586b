"""RP^d and SO(3): unit vectors up to sign, whose decoders and exports are even by construction (Pérez Rey et al.)."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.distributions.projective import ProjectiveBrownian, ProjectiveUniform
from submission.distributions.rotation import RotationBrownian, RotationUniform, quaternion_to_matrix
from submission.latent.components import unit
from submission.latent.families import MIN_TIME, DistributionFactory, PosteriorFamily, brownian, max_time, min_time
from submission.latent.manifold import Geometry, ManifoldSpace
from submission.latent.spec import FactorSpec, describe
from submission.latent.spheres import BROWNIAN, brownian_options


class AntipodalSpace(ManifoldSpace):
    """One unit vector z that represents the same point as −z.

    Exported points have a first coordinate ≥ 0; ``ambient`` codes are even in z and continuous everywhere.
    """

    def centre(self, raw: Tensor) -> Tensor:
        """The direction of ``raw``."""
        return unit(raw)

    def canonical(self, points: Tensor) -> Tensor:
        """The representative whose first coordinate is not negative."""
        return torch.where(points[..., :1] < 0, -points, points)

    def coordinates(self, points: Tensor) -> Tensor:
        """Normal coordinates (..., d) at the pole (1, 0, …, 0): direction times geodesic distance."""
        rest = points[..., 1:]
        length = torch.linalg.vector_norm(rest, dim=-1, keepdim=True)
        coordinates: Tensor = self.radius * torch.atan2(length, points[..., :1]) * rest / length.clamp_min(1e-12)
        return coordinates

    @property
    @abstractmethod
    def radius(self) -> float:
        """Geodesic distance per unit of angle between vectors."""


class ProjectiveSpace(AntipodalSpace):
    """RP^d; the decoder receives z zᵀ, isometrically: squares and √2 times products, (d+1)(d+2)/2 columns.

    Args:
        spec: the spec string.
        dimension: d.
        family: the posterior.
    """

    radius = 1.0

    def __init__(self, spec: str, dimension: int, family: PosteriorFamily) -> None:
        size = dimension + 1
        feature_scale = math.sqrt(size * (size + 2) / 2)  # √2·z_i·z_j has variance 2/(m(m+2)) under the prior
        geometry = Geometry(
            (f"RP^{dimension}",), "projective", size, size, size * (size + 1) // 2, dimension,
            math.sqrt(size), feature_scale, full_turn=math.pi,
        )  # fmt: skip
        super().__init__(spec, geometry, family)
        self.dimension = dimension

    def prior(self, like: Tensor) -> Distribution:
        """Uniform on RP^d."""
        return ProjectiveUniform(self.dimension, dtype=like.dtype, device=like.device, validate_args=False)

    def features(self, points: Tensor) -> Tensor:
        """z zᵀ (..., (d+1)(d+2)/2), row by row from the diagonal."""
        rows = []
        for index in range(self.dimension + 1):
            first = points[..., index : index + 1]
            rows += [first * first, math.sqrt(2) * first * points[..., index + 1 :]]
        return torch.cat(rows, -1)


class RotationSpace(AntipodalSpace):
    """SO(3) as unit quaternions, scalar first; the decoder receives the nine entries of the matrix, row by row.

    ``intrinsic`` codes are the rotation vector: axis times angle, from 0 to π.

    Args:
        spec: the spec string.
        family: the posterior.
    """

    radius = 2.0

    def __init__(self, spec: str, family: PosteriorFamily) -> None:
        geometry = Geometry(("SO(3)",), "rotation", 4, 4, 9, 3, 2.0, math.sqrt(3), full_turn=math.pi)
        super().__init__(spec, geometry, family)

    def prior(self, like: Tensor) -> Distribution:
        """Haar measure."""
        return RotationUniform(dtype=like.dtype, device=like.device, validate_args=False)

    def features(self, points: Tensor) -> Tensor:
        """Matrix entries (..., 9)."""
        return quaternion_to_matrix(points).flatten(-2)


def even_brownian(dimension: int, low: float, distribution: DistributionFactory, unit: float = 1.0) -> PosteriorFamily:
    """Brownian posteriors on RP^d, whose lowest eigenfunctions are the quadratic ones of S^d; times in ``unit``."""
    limit = max_time(2 * (dimension + 1), dimension * (dimension + 3) / 2)
    return brownian(1 / dimension, limit, low, distribution, unit)


def build_projective(factor: FactorSpec) -> ProjectiveSpace:
    """``RP^d``, d from 1 to 64."""
    dimension = factor.exponent(1, 64)
    given, low = brownian_options(factor), min_time(factor, 1 / dimension)
    factor.done()
    family = even_brownian(
        dimension, low, lambda loc, time: ProjectiveBrownian(loc, time, **given, validate_args=False)
    )
    return ProjectiveSpace(describe(f"RP^{dimension}", given | {"min_time": low}, BROWNIAN), dimension, family)


def build_rotations(factor: FactorSpec) -> RotationSpace:
    """``SO(3)``, the only SO(n); times are those of the Frobenius metric, 8 times those of RP³."""
    if [word.text for word in factor.layout] != ["3"]:
        raise (factor.layout or [factor.name])[0].error("SO is known for three dimensions", 'write "SO(3)"')
    given, low = brownian_options(factor), min_time(factor, 1 / 3, unit=8.0)
    factor.done(dimension=False, layout=True)
    family = even_brownian(
        3, low, lambda loc, time: RotationBrownian(loc, time, **given, validate_args=False), unit=8.0
    )
    spec = describe("SO", given | {"min_time": low}, BROWNIAN | {"min_time": 8.0 * MIN_TIME})
    return RotationSpace("SO(3)" if spec == "SO" else spec.replace("(", "(3; ", 1), family)
