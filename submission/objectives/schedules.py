"""Annealing: how a weight depends on the position in the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from submission.errors import UsageError

WARM_UP = 500
"""Updates that a warm-up takes where nothing else is said."""


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
class Linear:
    """From ``start`` to ``stop`` in a straight line, then ``stop`` for the rest of the run.

    With the defaults it is Rey's annealing of C (start = C_min, stop = C_max, over the whole run); Davidson et al.'s
    warm-up of the KL, 100 epochs of 300, is ``Linear(0, 1, fraction=1 / 3)``.

    Args:
        start, stop: first and last value.
        fraction: part of the run, in (0, 1], after which ``stop`` is reached.
        steps: the same as a number of updates; replaces ``fraction`` when positive.
    """

    start: float
    stop: float
    fraction: float = 1.0
    steps: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0 or (self.steps == 0 and not 0 < self.fraction <= 1):
            raise UsageError(
                f"a linear schedule cannot take {self.steps} steps and {self.fraction} of the run",
                "give a fraction in (0, 1] or a positive number of steps",
            )

    def __call__(self, position: TrainingPosition) -> float:
        """The value at ``position``."""
        done = position.step / self.steps if self.steps else position.fraction / self.fraction
        return self.start + (self.stop - self.start) * min(done, 1.0)


@dataclass(frozen=True)
class WarmUp:
    """From 0 to 1 in a straight line over the first updates, a tenth of the run at most.

    While a decoder knows nothing, a penalty alone speaks, and Adam, which divides gradients by their size, follows it
    at full speed: within twenty updates the encoder's layers point all images of a compact space at one centre.

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


def schedule(value: float | Schedule) -> Schedule:
    """``value`` itself if it is a schedule, else the constant one."""
    return value if callable(value) else Constant(float(value))
