"""Memory that is freed at every step and wanted again at the next."""

from __future__ import annotations

import ctypes
import sys

MMAP_THRESHOLD = -3
TRIM_THRESHOLD = -1
LARGEST = 1 << 30


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 1 GiB for the next step, where it would hand them back to the system.

     Every activation of a large batch is otherwise mapped, faulted in page by page and unmapped at each step
    . No effect on other C libraries.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, 2 * LARGEST - 1)
