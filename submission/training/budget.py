"""The time budget: when to stop, and how far annealing is."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from submission.errors import UsageError
from submission.objectives import TrainingPosition
from submission.options import accepts

HORIZON = 100
"""Steps over which the pace is averaged."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """Seconds of ``90s``, ``1h30m``, ``2h``, ``1d``; UsageError for anything else, a number without a unit included."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(map("".join, parts)) != text:
        fix = f"write {text}s, {text}m or {text}h" if text.isdecimal() else "write it like 90s, 45m, 2h or 1h30m"
        raise UsageError(f"invalid duration {text!r}", fix)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def duration(budget: float | str | None) -> float | None:
    """Seconds of a time budget: a number of them, or a text such as ``1h30m``; None where there is none.

    Raises:
        UsageError: a text that is not a duration, or a number that is negative or not finite.
    """
    if budget is None:
        return None
    if isinstance(budget, str):
        return seconds(budget)
    if not accepts(float, budget) or not math.isfinite(budget) or budget < 0:
        raise UsageError(f"invalid time budget {budget!r:.60}", "give seconds, or text such as 90s, 45m, 2h or 1h30m")
    return float(budget)


@dataclass
class Budget:
    """How much of the run is done, when only ``limit`` seconds are left for it.

    Without a limit the fraction is step / total. With one, each step moves the fraction by the share of what remains
    that the step is expected to be, so that annealing ends with the time and follows changes of speed. The fraction
    never decreases, also where a run is resumed with more updates or without its limit.

    Attributes:
        total: updates in all.
        limit: seconds for the whole process, or None.
        started: ``time.monotonic()`` at the process's start.
        reserve: seconds to keep for the last checkpoint and the export.
        fraction: part of the run that is done, in [0, 1].
        ahead: by how much the fraction has exceeded that of the updates, at most.
    """

    total: int
    limit: float | None = None
    started: float = field(default_factory=time.monotonic)
    reserve: float = 1.0
    fraction: float = 0.0
    ahead: float = 0.0
    _steps: int = 0
    _last: float = 0.0
    _pace: float = 0.0

    def position(self, step: int) -> TrainingPosition:
        """The position at which schedules are evaluated: ``step`` and a total that gives the fraction."""
        if self.fraction <= step / self.total:
            return TrainingPosition(step, self.total)
        return TrainingPosition(step, max(step, round(step / self.fraction)))

    def advance(self, step: int) -> None:
        """Count update ``step`` (from 0) as done."""
        if self.limit is None:
            self.fraction = max(self.fraction, (step + 1) / self.total)
            return
        self._measure()
        remaining = self.total - step
        if self._pace > 0:
            remaining = min(remaining, max(1, int(self.left() / self._pace)))
        self.fraction += (1 - self.fraction) / remaining
        self.ahead = max(self.ahead, self.fraction - (step + 1) / self.total)

    def _measure(self) -> None:
        """Follow the seconds per step; the first step, which warms up, is not typical."""
        now = time.monotonic()
        if self._steps > 0:
            self._pace += (now - self._last - self._pace) / min(self._steps, HORIZON)
        self._steps, self._last = self._steps + 1, now

    def left(self) -> float:
        """Seconds for further steps; infinite without a limit."""
        if self.limit is None:
            return float("inf")
        return self.limit - self.reserve - (time.monotonic() - self.started)

    def over(self) -> bool:
        """Whether to stop now."""
        return self.left() <= 0

    def keep(self, seconds: float) -> None:
        """Reserve so many seconds more."""
        self.reserve += seconds

    def shorten(self, seconds: float) -> None:
        """End so many seconds earlier, where there is a limit."""
        if self.limit is not None:
            self.limit -= seconds

    def state(self) -> dict[str, float]:
        """What a checkpoint holds of it."""
        return {"fraction": self.fraction, "reserve": self.reserve, "ahead": self.ahead}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        self.fraction, self.reserve, self.ahead = state["fraction"], state["reserve"], state["ahead"]
