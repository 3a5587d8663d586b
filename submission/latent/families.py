"""Kinds of posteriors around a centre: what their one number is called, where it lies, and where it stops."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from submission.latent.components import positive, positive_inverse

FLAT = 0.01
"""KL in nats, nearly, from which on a posterior is as good as the uniform prior."""
COLLAPSED = 2 * FLAT
"""KL in nats below which a component says next to nothing about its image, wherever its posterior stopped."""
Law = Callable[[Tensor, Tensor], Distribution]
"""Centres (n, C, e) and spreads (n, C) → distribution with batch shape (n, C)."""


class Held(torch.autograd.Function):
    """Numbers that stop at a limit and are not pushed against it: only gradients that lead away from it pass there."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, limit: float, above: bool) -> Tensor:
        """``values`` of any shape, those above (else below) ``limit`` replaced by it."""
        ctx.save_for_backward(values >= limit if above else values <= limit)
        ctx.above = above
        return values.clamp(max=limit) if above else values.clamp(min=limit)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        """``outer`` where a step against it leads away from the limit, or there is none."""
        (stopped,) = ctx.saved_tensors
        outwards = outer < 0 if ctx.above else outer > 0
        return outer.masked_fill(stopped & outwards, 0.0), None, None


@dataclass(frozen=True)
class Family:
    """A kind of posterior on one manifold.

    The KL to a uniform prior has its minimum where the spread is infinite (a concentration zero). Long before, the
    decoder sees nothing of the centre any more, and yet Adam, which divides gradients by their size, goes on in that
    direction until nothing leads back. So spreads stop where the KL is next to nothing (``FLAT``) and the centre is
    still seen a little.

    Attributes:
        spread: what its one number per component is called: ``time`` or ``concentration``.
        low, high: the open interval that the encoder's number is mapped into.
        initial: its value where the encoder outputs 0.
        flattest: its value from which on the posterior is as good as uniform, beyond which it does not go.
        law: the distribution.
    """

    spread: str
    low: float
    high: float
    initial: float
    flattest: float
    law: Law

    def spreads(self, raw: Tensor) -> Tensor:
        """Encoder columns (n, C) → spreads (n, C)."""
        interval = self.low, self.high, self.initial
        limit = positive_inverse(self.flattest, *interval)
        return positive(Held.apply(raw, limit, limit > 0), *interval)


def flattest_time(eigenvalue: float, multiplicity: float) -> float:
    """When Brownian motion is ``FLAT`` from uniform: at time t its KL is nearly ½·multiplicity·exp(−eigenvalue·t).

    Args:
        eigenvalue, multiplicity: of the lowest oscillation of the manifold (minus the Laplacian's, but for constants).
    """
    return math.log(multiplicity / (2 * FLAT)) / eigenvalue


def brownian(initial: float, flattest: float, law: Law, unit: float = 1.0) -> Family:
    """A posterior with times from 1e−5 to ``flattest``, all three times in multiples of ``unit``."""
    return Family("time", 1e-5 * unit, 10.0 * unit, initial * unit, flattest * unit, law)


def concentrated(dimension: int, variance: float, law: Law) -> Family:
    """A posterior on S^d with concentrations κ to 1e6, at first d + 1 (mean lengths around ½).

    Args:
        dimension: d.
        variance: over uniform points, of what κ multiplies in the log-density; the KL is nearly ½·variance·κ² at first.
        law: the distribution.
    """
    return Family("concentration", 1e-6, 1e6, dimension + 1.0, math.sqrt(2 * FLAT / variance), law)
