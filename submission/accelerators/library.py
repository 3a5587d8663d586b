"""Compiled kernels, and the threads that they may use."""

from __future__ import annotations

import ctypes
import functools
import importlib.util

import torch

from submission.acceleration import switched_off

MAX_THREADS = 64
"""As many as ``parallel.h`` starts."""


@functools.cache
def library(name: str) -> ctypes.CDLL | None:
    """The compiled ``<name>.c``, or C files of the folder ``<name>``, beside this file; None where there is none."""
    if switched_off():
        return None
    spec = importlib.util.find_spec(f"submission.accelerators._{name}")
    if spec is None or spec.origin is None:
        return None
    return ctypes.CDLL(spec.origin)


def kernel_threads() -> int:
    """Threads that a kernel uses where torch uses as many as it may."""
    return min(torch.get_num_threads(), MAX_THREADS)
