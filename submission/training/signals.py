"""Ctrl-C and SIGTERM as requests that the loop answers between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from submission.errors import SubmissionError


class StoppedError(SubmissionError):
    """Training was stopped by a signal after saving everything; the exit code is the shell's for that signal."""

    def __init__(self, what: str, fix: str, number: int) -> None:
        super().__init__(what, fix)
        self.number = number
        self.exit_code = 128 + number


class Requests:
    """The signal that asked to stop, if any."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note a request; a second Ctrl-C interrupts at once."""
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def requests() -> Iterator[Requests]:
    """Collect SIGINT and SIGTERM inside the block, in the main thread (elsewhere Python allows no handlers)."""
    noted = Requests()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.signal(number, noted.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
