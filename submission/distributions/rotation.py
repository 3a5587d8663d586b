"""Brownian motion and the uniform distribution on SO(3), as RP^3 scaled by 2 sqrt 2 (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from submission.distributions.brownian import Divergence, Sampler, Step
from submission.distributions.manifold_distribution import ManifoldDistribution, static, unit_vector
from submission.distributions.projective import ProjectiveBrownian, ProjectiveUniform
from submission.distributions.uniform import ManifoldUniform

SCALE = 2.0 * math.sqrt(2.0)
"""A unit of arc between unit quaternions is this long between rotation matrices, in the Frobenius norm."""


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Unit quaternions (..., 4), scalar first, -> rotation matrices (..., 3, 3)."""
    w, x, y, z = quaternion.unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) -> unit quaternions (..., 4), scalar first, one of the two signs.

    The entries of 4 q qᵀ are linear in the matrix; its column with the largest diagonal is q up to length.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in matrix.unbind(-2))
    one = torch.ones_like(a)
    rows = [
        [one + a + e + i, h - f, c - g, d - b],
        [h - f, one + a - e - i, b + d, c + g],
        [c - g, b + d, one - a + e - i, f + h],
        [d - b, c + g, f + h, one - a - e + i],
    ]
    product = torch.stack([torch.stack(row, -1) for row in rows], -2)
    best = product.diagonal(dim1=-2, dim2=-1).argmax(-1)
    column = torch.take_along_dim(product, best[..., None, None], -2).squeeze(-2)
    quaternion: Tensor = column / torch.linalg.vector_norm(column, dim=-1, keepdim=True)
    return quaternion


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotation nearest to each matrix (..., 3, 3) in the Frobenius norm.

    From the singular value decomposition U S Vᵀ; where det(U Vᵀ) = -1 the *last* singular vector, the cheapest, changes
    sign. (Multiplying U Vᵀ by its determinant flips all three and is a rotation, but not the nearest.)
    """
    u, _, v = torch.linalg.svd(matrix)
    sign = torch.linalg.det(u @ v).sign()
    flip = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1)
    rotation: Tensor = (u * flip[..., None, :]) @ v
    return rotation


class RotationUniform(ManifoldUniform):
    """Haar measure on SO(3): unit quaternions (..., 4) up to sign; density 1 / (16 sqrt(2) π²), Frobenius volume.

    Args:
        batch_shape, dtype, device: of samples.

    Example:
        >>> quaternion_to_matrix(RotationUniform().sample((5,))).shape
        torch.Size([5, 3, 3])
    """

    support = unit_vector

    def __init__(
        self,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__((4,), batch_shape, dtype, device, validate_args)

    @property
    def log_volume(self) -> float:
        """log Vol(RP^3) + 3 log(2 sqrt 2)."""
        return ProjectiveUniform(3).log_volume + 3.0 * math.log(SCALE)

    def _draw(self, shape: torch.Size) -> Tensor:
        return ProjectiveUniform(3, dtype=self._zero.dtype, device=self._zero.device).sample(shape)


class RotationBrownian(ManifoldDistribution):
    """Brownian motion on SO(3) at time t, in unit quaternions (scalar first, sign immaterial).

    Lengths are those of the Frobenius norm on rotation matrices, which the walk of Pérez Rey et al. uses: SO(3) is RP^3
    scaled by 2 sqrt 2, so this is ``ProjectiveBrownian`` at time t / 8, and densities, with respect to the Frobenius
    metric's Riemannian volume 16 sqrt(2) π², are smaller by (2 sqrt 2)³.

    Args:
        loc: unit quaternions (..., 4).
        time: t > 0 (...).
        sampler, steps, step, kl: as for ``ProjectiveBrownian``.

    Example:
        >>> q = RotationBrownian(torch.eye(4)[0], torch.tensor(0.5))
        >>> q.rsample_matrix().shape
        torch.Size([3, 3])
    """

    loc: Tensor
    time: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "time": 0}
    options: ClassVar = ("sampler", "kl")
    arg_constraints: ClassVar = {"loc": unit_vector, "time": constraints.positive}
    support = unit_vector

    def __init__(
        self,
        loc: Tensor,
        time: Tensor,
        sampler: Sampler = "exact",
        steps: int = 5,
        step: Step = "sqrt",
        kl: Divergence = "exact",
        validate_args: bool | None = None,
    ) -> None:
        self.sampler, self.steps, self.step, self.kl = sampler, steps, step, kl
        batch_shape = self._broadcast(loc=loc, time=time)
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)
        _ = self.projective  # checks the options

    @cached_property
    def projective(self) -> ProjectiveBrownian:
        """The same motion on RP³, at time t/8."""
        options = self.sampler, self.steps, self.step, self.kl
        return ProjectiveBrownian(self.loc, self.time / SCALE**2, *options, validate_args=False)

    @classmethod
    def from_matrix(cls, matrix: Tensor, time: Tensor, **options: Any) -> Self:
        """The distribution around rotation matrices (..., 3, 3)."""
        return cls(matrix_to_quaternion(matrix), time, **options)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Unit quaternions (*sample_shape, ..., 4), differentiable in ``loc`` and ``time``."""
        return self.projective.rsample(sample_shape)

    def rsample_matrix(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Rotation matrices (*sample_shape, ..., 3, 3)."""
        return quaternion_to_matrix(self.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at unit quaternions ``value`` (..., 4)."""
        self._checked(value)
        return self.projective.log_prob(value) - 3.0 * math.log(SCALE)

    def entropy(self) -> Tensor:
        """Differential entropy (...), exact."""
        return self.projective.entropy() + 3.0 * math.log(SCALE)


@register_kl(RotationBrownian, RotationUniform)
def _brownian_uniform(p: RotationBrownian, q: RotationUniform) -> Tensor:
    return p.projective.divergence_from_uniform()
