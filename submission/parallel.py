"""Work shared out among processes of this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")
CHUNK = 50
"""Items that a process takes at a time."""
WORTHWHILE = 500
"""Fewer items than this take less time than starting a process."""
MOST_WORKERS = 61
"""Processes at most: Windows waits for no more at the same time."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_processes(function: Callable[[T], U], items: Sequence[T], workers: int) -> Iterator[U]:
    """``function(item)`` for every item, in order, computed in up to ``workers`` processes where there are many items.

    The processes start anew, so that they behave alike on every system: ``function`` must be a module's, items and
    results are pickled, and the program that calls this needs ``if __name__ == "__main__":``.
    """
    count = min(workers, MOST_WORKERS, -(-len(items) // CHUNK))
    if count < 2 or len(items) < WORTHWHILE:
        yield from map(function, items)
        return
    ignore = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; this one answers it
    with ProcessPoolExecutor(count, get_context("spawn"), signal.signal, ignore) as pool:
        yield from pool.map(function, items, chunksize=CHUNK)
