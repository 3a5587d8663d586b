"""Uniform distributions on compact manifolds: what they share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints


def project_to_sphere(x: Tensor) -> Tensor:
    """x / |x| over the last axis (..., m); Pérez Rey et al.'s (2020) projection P."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)


class ManifoldUniform(Distribution):
    """The uniform distribution on a compact manifold; subclasses give its volume and its sampler."""

    arg_constraints = {}  # noqa: RUF012
    has_rsample = True

    def __init__(
        self,
        event_shape: tuple[int, ...],
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self._zero = torch.zeros((), dtype=dtype, device=device)
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args=False)

    @property
    @abstractmethod
    def log_volume(self) -> float:
        """Logarithm of the manifold's Riemannian volume."""

    @abstractmethod
    def _draw(self, shape: torch.Size) -> Tensor:
        """Uniform points of shape (*shape, *event_shape)."""

    @property
    def support(self) -> constraints.Constraint:
        """Real vectors; only those on the manifold are meaningful."""
        return constraints.real_vector

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution with another batch shape."""
        new = self._get_checked_instance(type(self), _instance)
        new.__dict__.update(self.__dict__)
        super(ManifoldUniform, new).__init__(torch.Size(batch_shape), self.event_shape, validate_args=False)
        return new

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, *batch_shape, *event_shape)."""
        return self._draw(torch.Size(sample_shape) + self.batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """-log volume, in the shape that ``value``'s batch and the distribution's broadcast to."""
        shape = torch.broadcast_shapes(value.shape[: value.ndim - len(self.event_shape)], self.batch_shape)
        return value.new_full(shape, -self.log_volume)

    def entropy(self) -> Tensor:
        """log volume, of the batch's shape."""
        return self._zero.new_full(self.batch_shape, self.log_volume)


class UnitVectorUniform(ManifoldUniform):
    """The uniform distribution of a unit vector of R^{d+1}: on S^d, or on RP^d up to sign.

    Args:
        dim: d >= 1.
        batch_shape, dtype, device: of samples.
    """

    def __init__(
        self,
        dim: int,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.dim = dim
        super().__init__((dim + 1,), batch_shape, dtype, device)

    def _draw(self, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape + self.event_shape, dtype=self._zero.dtype, device=self._zero.device)
        return project_to_sphere(noise)
