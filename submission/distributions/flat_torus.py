"""Brownian motion and the uniform distribution on the flat torus T^k = (S^1)^k (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

from submission.distributions.brownian import Divergence, Sampler, Step
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.uniform import ManifoldUniform


class TorusUniform(ManifoldUniform):
    """The uniform distribution on (S^1)^k in R^{2k}; its density is (2π)^{-k} with respect to the Riemannian volume.

    Args:
        circles: k >= 1.
        batch_shape, dtype, device: of samples.

    Example:
        >>> TorusUniform(3).sample((5,)).shape
        torch.Size([5, 6])
    """

    def __init__(
        self,
        circles: int,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.circles = circles
        super().__init__((2 * circles,), batch_shape, dtype, device)

    @property
    def log_volume(self) -> float:
        """k log 2π."""
        return self.circles * math.log(2.0 * math.pi)

    def _draw(self, shape: torch.Size) -> Tensor:
        circle = SphereUniform(1, dtype=self._zero.dtype, device=self._zero.device)
        return circle.sample(torch.Size([*shape, self.circles])).flatten(-2)


class TorusBrownian(Distribution):
    """Brownian motion on (S^1)^k: an independent wrapped normal of variance t_i per circle.

    Densities are with respect to the Riemannian volume (arc length on each circle).

    Args:
        loc: (..., 2k); columns 2i and 2i + 1 are a unit vector, the centre on circle i.
        time: (..., k), or (..., 1) for one time on all circles.
        sampler, steps, step, kl: as for ``SphereBrownian``, per circle; curvature is zero, so ``paper`` and
            ``short_time`` are the same.

    Example:
        >>> q = TorusBrownian(torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([0.1, 0.2]))
        >>> q.rsample((7,)).shape
        torch.Size([7, 4])
    """

    arg_constraints = {"loc": constraints.real_vector, "time": constraints.independent(constraints.positive, 1)}  # noqa: RUF012
    has_rsample = True

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
        points = loc.unflatten(-1, (-1, 2))
        batch_shape = torch.broadcast_shapes(points.shape[:-1], time.shape)
        self.loc, self.time = loc.expand(batch_shape[:-1] + loc.shape[-1:]), time.expand(batch_shape)
        self.circles = SphereBrownian(points, time, sampler, steps, step, kl, validate_args=False)
        super().__init__(batch_shape[:-1], loc.shape[-1:], validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """Real vectors; ``log_prob`` takes the direction of each pair."""
        return constraints.real_vector

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distributions with a larger batch shape."""
        new = self._get_checked_instance(TorusBrownian, _instance)
        shape = torch.Size(batch_shape)
        new.circles = self.circles.expand(shape + self.time.shape[-1:])
        new.loc, new.time = self.loc.expand(shape + self.event_shape), new.circles.time
        super(TorusBrownian, new).__init__(shape, self.event_shape, validate_args=False)
        return new

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., 2k), differentiable in ``loc`` and ``time``."""
        return self.circles.rsample(sample_shape).flatten(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at points ``value`` (..., 2k)."""
        return self.circles.log_prob(value.unflatten(-1, (-1, 2))).sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy (...), exact."""
        return self.circles.entropy().sum(-1)


@register_kl(TorusBrownian, TorusUniform)
def _brownian_uniform(p: TorusBrownian, q: TorusUniform) -> Tensor:
    return p.circles.divergence_from_uniform().sum(-1)
