"""Base class of distributions on manifolds: supports, expansion, pickling and their text form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Transform, constraints, transform_to


class UnitVector(constraints.Constraint):
    """Vectors (..., m) whose length is 1, within 1e−4 or eight roundings of their type."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector is one (...); not for NaN."""
        tolerance = max(1e-4, 8 * torch.finfo(value.dtype).eps)
        inside: Tensor = (torch.linalg.vector_norm(value, dim=-1) - 1).abs() < tolerance
        return inside


class UnitPairs(constraints.Constraint):
    """Vectors (..., 2k) whose columns 2i and 2i + 1 are unit vectors."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether all pairs of each vector are unit vectors (...)."""
        return unit_vector.check(value.unflatten(-1, (-1, 2))).all(-1)


unit_vector = UnitVector()
unit_pairs = UnitPairs()


class Normalise(Transform):
    """x → x/|x| over the last axis, or over pairs of columns; its ``inv`` is the identity.

    Args:
        codomain: ``unit_vector`` or ``unit_pairs``.
    """

    domain = constraints.real_vector
    bijective = False

    def __init__(self, codomain: constraints.Constraint) -> None:
        super().__init__()
        self.codomain = codomain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Normalise) and self.codomain is other.codomain

    __hash__ = Transform.__hash__

    def _call(self, x: Tensor) -> Tensor:
        if isinstance(self.codomain, UnitPairs):
            return torch.nn.functional.normalize(x.unflatten(-1, (-1, 2)), dim=-1).flatten(-2)
        return torch.nn.functional.normalize(x, dim=-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y


@transform_to.register(UnitVector)
@transform_to.register(UnitPairs)
def _normalise(constraint: constraints.Constraint) -> Transform:
    return Normalise(constraint)


def static(size: int | Tensor) -> int:
    """An axis' length as a number, also while a graph is recorded, which has one number of columns for ever."""
    if not isinstance(size, Tensor):
        return size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        return int(size)


def broadcast_shape(*shapes: Sequence[int]) -> torch.Size:
    """``torch.broadcast_shapes``, which would import a computer algebra system.

    >>> broadcast_shape((3, 1), (2,))
    torch.Size([3, 2])
    """
    return torch.Size(np.broadcast_shapes(*map(tuple, shapes)))


class ManifoldDistribution(Distribution):
    """A distribution on a manifold in R^e; points are the last axis (..., e).

    Attributes:
        tensor_parameters: name → number of event dimensions of each tensor parameter.
        options: names of the other arguments, for the text form.
    """

    loc: Tensor
    tensor_parameters: ClassVar[dict[str, int]] = {}
    options: ClassVar[tuple[str, ...]] = ()
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def _broadcast(self, **parameters: Tensor) -> torch.Size:
        """Set tensor parameters, expanded to their common batch shape, and return that shape."""
        dims = self.tensor_parameters
        shapes = [value.shape[: value.dim() - dims[name]] for name, value in parameters.items()]
        batch_shape = broadcast_shape(*shapes)
        for name, value in parameters.items():
            setattr(self, name, value.expand(batch_shape + value.shape[value.dim() - dims[name] :]))
        return batch_shape

    @property
    def mode(self) -> Tensor:
        """The centre, where the density is largest (..., e)."""
        if "loc" not in self.tensor_parameters:
            raise NotImplementedError(f"{type(self).__name__} has no mode")
        return self.loc

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distributions, of the same class, with a larger batch shape."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.__dict__.update(self.__getstate__())
        shape = torch.Size(batch_shape)
        for name, dims in self.tensor_parameters.items():
            value = getattr(self, name)
            setattr(new, name, value.expand(shape + value.shape[value.dim() - dims :]))
        Distribution.__init__(new, shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Attributes without what is computed from them on first use."""
        cached = {name for kind in type(self).__mro__ for name, value in vars(kind).items() if is_cached(value)}
        return {name: value for name, value in self.__dict__.items() if name not in cached}

    def __repr__(self) -> str:
        shown = [f"{name}: {short(getattr(self, name))}" for name in self.tensor_parameters]
        shown += [f"{name}={getattr(self, name)!r}" for name in self.options]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _checked(self, value: Tensor) -> Tensor:
        """``value``, checked against shape and support where arguments are validated."""
        if self._validate_args:
            self._validate_sample(value)
        return value


def is_cached(value: object) -> bool:
    """Whether a class attribute is a value computed on first use."""
    return isinstance(value, cached_property)


def short(value: Tensor) -> str:
    """A number, or the shape of several."""
    return f"{value.item():.6g}" if value.numel() == 1 else str(tuple(value.shape))


def axial_covariance(loc: Tensor, length: Tensor, square: Tensor) -> Tensor:
    """Covariance (..., m, m) of z with E w = ``length`` and E w² = ``square``, w = μᵀz, uniform around the axis μ.

    E z zᵀ = E w²·μμᵀ + (1 − E w²)/(m − 1)·(I − μμᵀ).

    Args:
        loc: μ (..., m).
        length, square: (...).
    """
    m = loc.shape[-1]
    across = ((1 - square) / (m - 1)).to(loc.dtype)[..., None, None]
    along = (square - length.square()).to(loc.dtype)[..., None, None]
    outer = loc[..., :, None] * loc[..., None, :]
    return across * torch.eye(m, dtype=loc.dtype, device=loc.device) + (along - across) * outer


class AxialDistribution(ManifoldDistribution):
    """A distribution of unit vectors that depends only on w = μᵀz, with known E w and E w²."""

    loc: Tensor
    support = unit_vector

    @property
    def mean_length(self) -> Tensor:
        """E w, (...), float64."""
        raise NotImplementedError

    @property
    def _mean_square(self) -> Tensor:
        """E w², (...), float64."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """E z = E w·μ, (..., m)."""
        return self.mean_length.to(self.loc.dtype)[..., None] * self.loc

    @property
    def covariance_matrix(self) -> Tensor:
        """Of the ambient coordinates, (..., m, m)."""
        return axial_covariance(self.loc, self.mean_length, self._mean_square)

    @property
    def variance(self) -> Tensor:
        """Of each ambient coordinate, (..., m)."""
        return self.covariance_matrix.diagonal(dim1=-2, dim2=-1)
