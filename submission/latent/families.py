"""Posterior families on compact manifolds: a centre and one dispersion parameter, its range and where it stops."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.latent.components import positive, positive_inverse
from submission.latent.spec import FactorSpec

NEARLY_UNIFORM = 0.01
"""KL to the uniform prior in nats, approximately, at which dispersion parameters stop."""
COLLAPSED = 2 * NEARLY_UNIFORM
"""KL in nats below which a component counts as collapsed: its posterior is nearly the prior for every image."""
MIN_TIME = 1e-5
"""Default of the option ``min_time``, on a space of radius one."""
DistributionFactory = Callable[[Tensor, Tensor], Distribution]
"""Centres (n, C, e) and dispersion parameters (n, C) → distribution with batch shape (n, C)."""


class OneSidedClamp(torch.autograd.Function):
    """Clamp that blocks gradients pointing past the limit and passes those pointing back."""

    @staticmethod
    def forward(values: Tensor, limit: float, above: bool) -> Tensor:
        """``values`` of any shape, clamped to at most (``above``) or at least ``limit``."""
        return values.clamp(max=limit) if above else values.clamp(min=limit)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float, bool], output: Tensor) -> None:
        """Keep which values reached the limit."""
        values, limit, above = inputs
        stopped = values >= limit if above else values <= limit
        ctx.save_for_backward(stopped)
        ctx.save_for_forward(stopped)
        ctx.above = above

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        """``outer``, but 0 where a descent step would move a clamped value past the limit."""
        (stopped,) = ctx.saved_tensors
        outwards = outer < 0 if ctx.above else outer > 0
        return outer.masked_fill(stopped & outwards, 0.0), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        """The clamp's own derivative: which way a loss descends is unknown here."""
        return tangent.masked_fill(ctx.saved_tensors[0], 0.0)

    @staticmethod
    def vmap(info: Any, in_dims: Any, values: Tensor, limit: float, above: bool) -> tuple[Tensor, int | None]:
        """Elementwise: the batch dimension stays where it is."""
        result: Tensor = OneSidedClamp.apply(values, limit, above)
        return result, in_dims[0]


@dataclass(frozen=True)
class PosteriorFamily:
    """A family of posteriors on one manifold with one dispersion parameter: a time or a concentration.

    The KL to a uniform prior falls to its infimum only as the time goes to infinity (the concentration to zero). Long
    before, the decoder gets no information about the centre, and Adam, which divides gradients by their size, keeps
    moving in that direction until no gradient leads back. The parameter therefore stops where the KL is about
    ``NEARLY_UNIFORM``, where gradients through the centre are still useful.

    Attributes:
        parameter: its name, ``time`` or ``concentration``.
        low, high: the open interval that encoder outputs are mapped into.
        initial: its value for an encoder output of 0.
        limit: its value at which the posterior is nearly uniform (largest time, smallest concentration).
        distribution: centres and dispersion parameters → distribution.
        least: a bound from below that values reach and stay at, as at ``limit``; none where it is at most ``low``.
    """

    parameter: str
    low: float
    high: float
    initial: float
    limit: float
    distribution: DistributionFactory
    least: float = 0.0

    def dispersion(self, raw: Tensor) -> Tensor:
        """Encoder columns (n, C) → dispersion parameters (n, C) between the limit and the other end."""
        interval = self.low, self.high, self.initial
        raw_limit = positive_inverse(self.limit, *interval)
        if self.least > self.low:
            raw = OneSidedClamp.apply(raw, positive_inverse(self.least, *interval), False)
        return positive(OneSidedClamp.apply(raw, raw_limit, raw_limit > 0), *interval)


def max_time(eigenvalue: float, multiplicity: float) -> float:
    """Time at which Brownian motion is ``NEARLY_UNIFORM``: its KL is about ½·multiplicity·exp(−eigenvalue·t).

    Args:
        eigenvalue: lowest positive eigenvalue of minus the Laplacian.
        multiplicity: of that eigenvalue.
    """
    return math.log(multiplicity / (2 * NEARLY_UNIFORM)) / eigenvalue


def brownian(
    initial: float, limit: float, least: float, distribution: DistributionFactory, unit: float = 1.0
) -> PosteriorFamily:
    """Brownian posteriors with times from ``least`` to ``limit``; it and ``initial`` are in multiples of ``unit``."""
    low = min(least, MIN_TIME * unit)
    return PosteriorFamily("time", low, 10.0 * unit, initial * unit, limit * unit, distribution, least)


def min_time(factor: FactorSpec, initial: float, unit: float = 1.0) -> float:
    """The option ``min_time`` of a factor with Brownian posteriors: the least time, below the ``initial`` one.

    Pérez Rey et al. (2020) bound the time by a tanh and print no bounds. The KLs of S² and RP³ in their Table 2, the
    same in every run, are those of a time of 0.023.
    """
    return factor.real("min_time", MIN_TIME * unit, 0.0, initial * unit)


def concentrated(dimension: int, variance: float, distribution: DistributionFactory) -> PosteriorFamily:
    """Posteriors on S^d with concentrations κ to 1e6 and an initial one of d + 1 (mean resultant length near ½).

    Args:
        dimension: d.
        variance: of the statistic that κ multiplies in the log density, under the uniform distribution; for small κ
            the KL is about ½·variance·κ².
        distribution: the family's distribution.
    """
    limit = math.sqrt(2 * NEARLY_UNIFORM / variance)
    return PosteriorFamily("concentration", 1e-6, 1e6, dimension + 1.0, limit, distribution)
