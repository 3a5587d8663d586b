"""The progress bar of a loop."""

from __future__ import annotations

import time
from dataclasses import dataclass

from submission.progress import Task

REDRAW = 0.2
"""Seconds between two moves of the progress bar."""


@dataclass
class Meter:
    """A progress bar that is moved a few times a second, however short the updates are."""

    bar: Task
    shown: int
    note: str = ""
    drawn: float = 0.0

    def show(self, done: int, at_once: bool = False) -> None:
        """Show that ``done`` updates are done, if it is time to."""
        now = time.monotonic()
        if at_once or now - self.drawn > REDRAW:
            self.bar.advance(done - self.shown, self.note)
            self.shown, self.drawn = done, now
