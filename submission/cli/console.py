"""Progress bars, tables and messages on the terminal."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from submission.progress import Task

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)
WORTH_A_LINE = 2.0
"""Seconds from which a finished task is worth a line in a log."""


class _BarTask:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Move the bar."""
        self._progress.update(self._task, advance=amount, note=note)


class Bars:
    """A ``submission.progress.Progress`` drawn with bars and ETA on stderr."""

    @contextlib.contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """One bar, gone when the task ends; where standard error is no terminal, one line after a long task."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            TextColumn("{task.percentage:>3.0f}%", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        )
        progress = Progress(*columns, console=ERR, refresh_per_second=4, transient=True)
        task = _BarTask(progress, progress.add_task(description, total=total, note=""))
        if ERR.is_terminal:
            with progress:
                yield task
            return
        started = time.monotonic()
        try:
            yield task
        finally:
            if time.monotonic() - started >= WORTH_A_LINE:
                ERR.print(progress)


def say(message: str) -> None:
    """One line for the user on standard output."""
    OUT.print(message, markup=False, soft_wrap=True)


def print_json(record: dict[str, Any]) -> None:
    """What would go into a file, on standard output."""
    OUT.print(json.dumps(record, indent=2, allow_nan=False), markup=False, soft_wrap=True)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output below its title; the first column is left-aligned, the others right-aligned."""
    say(title)
    view = Table()
    for position, column in enumerate(header):
        view.add_column(column, justify="left" if position == 0 else "right")
    for row in rows:
        view.add_row(*row)
    OUT.print(view)
