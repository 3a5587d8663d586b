"""Brownian motion and the uniform distribution on the flat torus T^k = (S^1)^k (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from submission.distributions.brownian import Divergence, Sampler, Step
from submission.distributions.manifold_distribution import ManifoldDistribution, static, unit_pairs
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.uniform import ManifoldUniform, positive_integer


class TorusUniform(ManifoldUniform):
    """The uniform distribution on (S^1)^k in R^{2k}; its density is (2π)^{-k} with respect to the Riemannian volume.

    Args:
        circles: k >= 1.
        batch_shape, dtype, device: of samples.

    Example:
        >>> TorusUniform(3).sample((5,)).shape
        torch.Size([5, 6])
    """

    options: ClassVar = ("circles",)
    support = unit_pairs

    def __init__(
        self,
        circles: int,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.circles = positive_integer("circles", circles)
        super().__init__((2 * circles,), batch_shape, dtype, device, validate_args)

    @property
    def log_volume(self) -> float:
        """k log 2π."""
        return self.circles * math.log(2.0 * math.pi)

    @property
    def mean(self) -> Tensor:
        """0 (..., 2k)."""
        return self._zero.expand(self._extended_shape())

    @property
    def variance(self) -> Tensor:
        """1/2 of each coordinate (..., 2k); coordinates are uncorrelated."""
        return self.mean + 0.5

    def _draw(self, shape: torch.Size) -> Tensor:
        circle = SphereUniform(1, dtype=self._zero.dtype, device=self._zero.device)
        return circle.sample(torch.Size([*shape, self.circles])).flatten(-2)


class TorusBrownian(ManifoldDistribution):
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

    loc: Tensor
    time: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "time": 1}
    options: ClassVar = ("sampler", "kl")
    arg_constraints: ClassVar = {"loc": unit_pairs, "time": constraints.independent(constraints.positive, 1)}
    support = unit_pairs

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
        columns = static(loc.shape[-1])
        if columns % 2:
            raise ValueError(f"loc has {columns} columns; give two for each circle")
        self.sampler, self.steps, self.step, self.kl = sampler, steps, step, kl
        batch_shape = self._broadcast(loc=loc, time=time)
        self.time = self.time.expand(*batch_shape, columns // 2)
        super().__init__(batch_shape, torch.Size([columns]), validate_args=validate_args)
        _ = self.circles  # checks the options

    @cached_property
    def circles(self) -> SphereBrownian:
        """The distributions on the circles, batch shape (..., k)."""
        points = self.loc.unflatten(-1, (-1, 2))
        return SphereBrownian(points, self.time, self.sampler, self.steps, self.step, self.kl, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """exp(−t_i/2) times the centre on each circle (..., 2k)."""
        return self.circles.mean.flatten(-2)

    @property
    def variance(self) -> Tensor:
        """Of each coordinate (..., 2k); circles are independent."""
        return self.circles.variance.flatten(-2)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., 2k), differentiable in ``loc`` and ``time``."""
        return self.circles.rsample(sample_shape).flatten(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at points ``value`` (..., 2k)."""
        self._checked(value)
        return self.circles.log_prob(value.unflatten(-1, (-1, 2))).sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy (...), exact."""
        return self.circles.entropy().sum(-1)


@register_kl(TorusBrownian, TorusUniform)
def _brownian_uniform(p: TorusBrownian, q: TorusUniform) -> Tensor:
    return p.circles.divergence_from_uniform().sum(-1)
