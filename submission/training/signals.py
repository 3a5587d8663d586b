"""Ctrl-C, SIGTERM and SIGHUP as requests to stop, which the training loop obeys between two updates."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from submission.errors import SubmissionError

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end training after a checkpoint and an export; SIGHUP exists on POSIX systems only."""


class StoppedError(SubmissionError):
    """Training was stopped by a signal after everything was saved; the exit code is the shell's for that signal."""

    def __init__(self, what: str, fix: str, number: int) -> None:
        super().__init__(what, fix)
        self.number = number
        self.exit_code = 128 + number


class StopSignal:
    """The signal that asked to stop, if any."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note a request; a second Ctrl-C interrupts at once."""
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)


@contextlib.contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """Collect ``STOPPING`` signals inside the block, in the main thread (elsewhere Python allows no handlers).

    A SIGHUP that is ignored already stays ignored, as ``nohup`` wants it.
    """
    noted = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.signal(number, noted.receive) for number in STOPPING if not spared(number)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def spared(number: signal.Signals) -> bool:
    """Whether ``number`` is a SIGHUP that this process was started to ignore."""
    return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
