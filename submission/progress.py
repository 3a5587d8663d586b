"""Progress reporting that library code can call without knowing whether anyone is watching."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that ``amount`` more units are done; ``note`` replaces the text behind the bar."""


class Progress(Protocol):
    """Where tasks are shown; ``submission.cli.console`` draws bars, ``QUIET`` draws nothing."""

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
