"""C kernels, built at install time where a compiler is at hand; callers have another way where it is not."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path


@functools.cache
def library(name: str) -> ctypes.CDLL | None:
    """The compiled ``submission/native/<name>.c``, or C files of the folder ``<name>``, or None where not built."""
    spec = importlib.util.find_spec(f"submission.native._{name}")
    if spec is None or spec.origin is None:
        return None
    return ctypes.CDLL(spec.origin)


def load_all() -> None:
    """Load every kernel that was built, for a process that is about to lose its file system."""
    for file in Path(__file__).parent.glob("_*.so"):
        library(file.name.partition(".")[0].removeprefix("_"))
