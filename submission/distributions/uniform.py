"""Base classes of uniform distributions on compact manifolds."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from submission.distributions.manifold_distribution import ManifoldDistribution, broadcast_shape, unit_vector


def project_to_sphere(x: Tensor) -> Tensor:
    """x / |x| over the last axis (..., m); Pérez Rey et al.'s (2020) projection P."""
    direction: Tensor = x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    return direction


class ManifoldUniform(ManifoldDistribution):
    """The uniform distribution on a compact manifold; subclasses give its volume and its sampler.

    Args:
        event_shape: of one point.
        batch_shape, dtype, device: of samples.
        validate_args: whether ``log_prob`` checks that its points are on the manifold (torch's default: yes).
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._zero = torch.zeros((), dtype=dtype, device=device)
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args=validate_args)

    @property
    @abstractmethod
    def log_volume(self) -> float:
        """Logarithm of the manifold's Riemannian volume."""

    @abstractmethod
    def _draw(self, shape: torch.Size) -> Tensor:
        """Uniform points of shape (*shape, *event_shape)."""

    @property
    def mode(self) -> Tensor:
        """NaN (..., *event_shape), as for torch's uniform distribution: all points are equally likely."""
        return self._zero.new_full(self._extended_shape(), torch.nan)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, *batch_shape, *event_shape)."""
        return self._draw(torch.Size(sample_shape) + self.batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """-log volume, in the shape that ``value``'s batch and the distribution's broadcast to."""
        self._checked(value)
        shape = broadcast_shape(value.shape[: value.ndim - len(self.event_shape)], self.batch_shape)
        return value.new_full(shape, -self.log_volume)

    def entropy(self) -> Tensor:
        """log volume, of the batch's shape."""
        return self._zero.new_full(self.batch_shape, self.log_volume)


class UnitVectorUniform(ManifoldUniform):
    """The uniform distribution of a unit vector of R^{d+1}: on S^d, or on RP^d up to sign.

    Args:
        dim: d >= 1.
        batch_shape, dtype, device: of samples.
        validate_args: as for torch's distributions.

    Raises:
        ValueError: if ``dim`` is not a positive integer.
    """

    options: ClassVar = ("dim",)
    support = unit_vector

    def __init__(
        self,
        dim: int,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.dim = positive_integer("dim", dim)
        super().__init__((dim + 1,), batch_shape, dtype, device, validate_args)

    def _draw(self, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape + self.event_shape, dtype=self._zero.dtype, device=self._zero.device)
        return project_to_sphere(noise)


def positive_integer(name: str, value: int) -> int:
    """``value``.

    Raises:
        ValueError: if it is not an integer of at least 1.
    """
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={value!r}: give a positive integer")
    return value
