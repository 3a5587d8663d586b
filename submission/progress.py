"""Progress of long work: library code reports it, ``Bars`` shows it on terminals and in notebooks."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from submission.text import printable

if TYPE_CHECKING:
    from rich.console import Console

WORTH_A_LINE = 2.0
"""Seconds from which a finished task is worth a line in a log."""
BETWEEN_LINES = 60.0
"""Seconds between two lines about the same task in a log."""
SPEED_OVER = 3600.0
"""Seconds over which the remaining time is estimated: parts of a task, such as trials, may take minutes."""


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that ``amount`` more units are done; ``note`` replaces the text behind the bar."""


class Progress(Protocol):
    """Where tasks are shown; ``Bars`` draws bars, ``QUIET`` draws nothing."""

    def task(self, description: str, total: int) -> contextlib.AbstractContextManager[Task]:
        """Start a task of ``total`` units."""


class _QuietTask:
    def advance(self, amount: int = 1, note: str = "") -> None:
        """Ignore."""


class _Quiet:
    @contextlib.contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        yield _QuietTask()


QUIET: Progress = _Quiet()


class _BarTask:
    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Move the bar."""
        self._progress.update(self._task, advance=amount, note=printable(note))


class _LineTask(_BarTask):
    """Prints where the task stands, at most once in ``BETWEEN_LINES``."""

    def __init__(self, progress: Any, task: Any, console: Console) -> None:
        super().__init__(progress, task)
        self._console, self._printed = console, time.monotonic()

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count, and print a line if the last one is old."""
        super().advance(amount, note)
        if time.monotonic() - self._printed >= BETWEEN_LINES:
            self._printed = time.monotonic()
            with contextlib.suppress(OSError):
                self._console.print(self._progress)


class Bars:
    """Bars with the remaining time, on a terminal or in a notebook; elsewhere a line a minute and one at the end.

    Args:
        console: where to draw; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console

    @contextlib.contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """One bar, gone when the task ends."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        console = self._console or Console(stderr=True, highlight=False, emoji=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            TextColumn("{task.percentage:>3.0f}%", markup=False, table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        )
        how: dict[str, Any] = {"refresh_per_second": 4, "transient": True, "speed_estimate_period": SPEED_OVER}
        progress = Progress(*columns, console=console, **how)
        name = progress.add_task(printable(description), total=total, note="")
        if draws(console):
            with progress:
                yield _BarTask(progress, name)
            return
        started = time.monotonic()
        try:
            yield _LineTask(progress, name, console)
        finally:
            if time.monotonic() - started >= WORTH_A_LINE:
                with contextlib.suppress(OSError):
                    console.print(progress)


def draws(console: Console) -> bool:
    """Whether a moving bar can be drawn: on a terminal, and in a notebook that has ipywidgets."""
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal
