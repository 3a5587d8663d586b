"""Annealing: how a weight depends on the position in the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from submission.errors import UsageError

WARM_UP = 500
"""Updates of a warm-up by default."""


@dataclass(frozen=True)
class TrainingPosition:
    """Where in the run a step is: ``step`` updates done out of ``total``."""

    step: int
    total: int

    @property
    def fraction(self) -> float:
        """Part of the run that is done, in [0, 1]."""
        return min(self.step / max(self.total, 1), 1.0)


class Schedule(Protocol):
    """A value that depends on the position."""

    def __call__(self, position: TrainingPosition) -> float:
        """The value at ``position``."""


@dataclass(frozen=True)
class Constant:
    """The same value throughout."""

    value: float

    def __call__(self, position: TrainingPosition) -> float:
        """``value``."""
        return self.value


@dataclass(frozen=True)
class Ramp:
    """From ``start`` to ``stop``, then ``stop`` for the rest of the run.

    Args:
        start, stop: first and last value.
        fraction: part of the run, in (0, 1], after which ``stop`` is reached.
        steps: the same as a number of updates, instead of ``fraction``; 0 where ``fraction`` says it.
    """

    start: float
    stop: float
    fraction: float = 1.0
    steps: int = 0

    def __post_init__(self) -> None:
        require_length(type(self).__name__.lower(), self.steps, self.fraction)

    def part(self, position: TrainingPosition) -> float:
        """Part of the way from ``start`` to ``stop``, in [0, 1]."""
        return part_done(position, self.steps, self.fraction)


@dataclass(frozen=True)
class Linear(Ramp):
    """From ``start`` to ``stop`` in a straight line.

    With the defaults it is Rey's annealing of C (start = C_min, stop = C_max, over the whole run); Davidson et al.'s
    warm-up of the KL, 100 epochs of 300, is ``Linear(0, 1, fraction=1 / 3)``.

    Args:
        start, stop, fraction, steps: as for ``Ramp``.
    """

    def __call__(self, position: TrainingPosition) -> float:
        """The value at ``position``."""
        return self.start + (self.stop - self.start) * self.part(position)


@dataclass(frozen=True)
class Geometric(Ramp):
    """From ``start`` to ``stop`` by the same factor in every update.

    A weight of the KL or of the total correlation that falls this way spends as many updates between 20 and 10 as
    between 2 and 1: latents that save much are learned one after another, those that save little come last.

    Args:
        start, stop: as for ``Ramp``, both above 0.
        fraction, steps: as for ``Ramp``.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.start, self.stop) <= 0:
            raise UsageError(
                f"a geometric schedule cannot go from {self.start} to {self.stop}", "give two positive numbers"
            )

    def __call__(self, position: TrainingPosition) -> float:
        """The value at ``position``."""
        return float(self.start * (self.stop / self.start) ** self.part(position))


@dataclass(frozen=True)
class Cosine:
    """From ``start`` to ``stop`` along half a period of a cosine (Loshchilov and Hutter, 2017), then ``stop``.

    value = stop + (start − stop)·(1 + cos π·done)/2, where done goes from 0 to 1 after the warm-up.

    Args:
        start, stop: first and last value.
        fraction: part of the run, in (0, 1], after which ``stop`` is reached.
        steps: the same as a number of updates; replaces ``fraction`` when positive.
        warm_up: updates before it in which the value rises in a straight line to ``start``.
    """

    start: float
    stop: float = 0.0
    fraction: float = 1.0
    steps: int = 0
    warm_up: int = 0

    def __post_init__(self) -> None:
        require_length("cosine", self.steps, self.fraction)
        if self.warm_up < 0:
            raise UsageError(f"a cosine schedule cannot have a warm_up of {self.warm_up} updates", "give 0 or more")

    def __call__(self, position: TrainingPosition) -> float:
        """The value of the update at ``position``."""
        if position.step < self.warm_up:
            return self.start * (position.step + 1) / self.warm_up
        length = (self.steps or self.fraction * position.total) - self.warm_up
        done = min((position.step - self.warm_up) / length, 1.0) if length > 0 else 1.0
        return self.stop + (self.start - self.stop) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class WarmUp:
    """From 0 to 1 in a straight line over the first updates, a tenth of the run at most.

    While the decoder is untrained, the gradient of the penalty dominates, and Adam, which divides gradients by their
    size, follows it at full speed: within twenty updates the encoder maps all images to one centre of a compact space.

    Args:
        steps: updates; 0 for a weight of 1 throughout.
    """

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise UsageError(f"a warm-up cannot take {self.steps} updates", "give 0 or more (0 for none)")

    def __call__(self, position: TrainingPosition) -> float:
        """The weight of the update that comes at ``position``."""
        updates = min(self.steps, position.total / 10)
        return min((position.step + 1) / max(updates, 1), 1.0)


def part_done(position: TrainingPosition, steps: int, fraction: float) -> float:
    """Which part of a schedule's length, ``steps`` updates or a ``fraction`` of the run, has passed, in [0, 1]."""
    return min(position.step / steps if steps else position.fraction / fraction, 1.0)


def require_length(kind: str, steps: int, fraction: float) -> None:
    """UsageError where a schedule's length makes no sense, or is given twice."""
    if steps < 0 or not 0 < fraction <= 1:
        raise UsageError(
            f"a {kind} schedule cannot take {steps} steps and {fraction} of the run",
            "give a fraction in (0, 1] or a positive number of steps",
        )
    if steps > 0 and fraction != 1:
        what = f"a {kind} schedule has steps = {steps} and fraction = {fraction}"
        raise UsageError(what, "give one of them: steps counts updates, fraction is a part of the run")


def weight(name: str, value: float | Schedule) -> Schedule:
    """A schedule of ``value``, the objective's setting ``name``; UsageError where it is negative anywhere in a run."""
    require_not_negative(name, value)
    return schedule(value)


def require_not_negative(name: str, value: object) -> None:
    """UsageError where the objective's setting ``name`` is negative: a number, one of several, or a schedule."""
    if isinstance(value, int | float):
        least = float(value)
    elif callable(value):
        least = min(value(TrainingPosition(step, 1000)) for step in range(0, 1001, 100))
    elif isinstance(value, tuple | list):
        least = min((float(item) for item in value if isinstance(item, int | float)), default=0.0)
    else:
        return
    if least < 0:
        raise UsageError(f"objective.{name} = {value!r:.60} is negative", "give 0 or a positive number")


def schedule(value: float | Schedule) -> Schedule:
    """``value`` itself if it is a schedule, else the constant one."""
    return value if callable(value) else Constant(float(value))
