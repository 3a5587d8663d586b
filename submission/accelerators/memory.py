"""Reuse of memory that is freed after every batch and allocated again for the next."""

from __future__ import annotations

import ctypes
import sys

MMAP_THRESHOLD = -3
TRIM_THRESHOLD = -1
LARGEST = 1 << 30


def prepare_memory() -> None:
    """Let glibc keep freed blocks of up to 1 GiB for the next batch, where it would return them to the system.

    Every activation of a large batch is otherwise mapped, faulted in page by page and unmapped again. Holds for the
    whole process; no effect on other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, 2 * LARGEST - 1)
