"""Products of a matrix and images that are mostly constant, by ``sparse.c``; both float32, on the CPU."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import torch
from torch import Tensor

from submission.accelerators.library import kernel_threads, library

BLOCK = 32
"""As in ``sparse.c``."""


class Changes(NamedTuple):
    """The changes along the rows of a matrix, row by row.

    Attributes:
        starts: (rows + 1) int64; row i has the entries from ``starts[i]`` to ``starts[i + 1]``.
        places: (entries) int32, their columns.
        values: (entries) float32.
    """

    starts: Tensor
    places: Tensor
    values: Tensor

    def lists(self) -> Lists:
        """What the kernel reads."""
        return Lists(*(each.data_ptr() for each in self), len(self.starts) - 1)


class Lists(ctypes.Structure):
    """``Lists`` of ``sparse.c``."""

    _fields_ = (*((name, ctypes.c_void_p) for name in Changes._fields), ("count", ctypes.c_int64))


def changes_of(rows: Tensor, most: float) -> Changes | None:
    """The changes of contiguous ``rows`` (n, m); None where they are more than a share ``most`` of its numbers.

    A change is a value less the next one in its row, or itself at the end of each 64 places. NaN is a change.
    """
    starts = rows.new_zeros(len(rows) + 1, dtype=torch.int64)
    call("list_changes", rows, Lists(starts.data_ptr(), None, None, len(rows)), rows.shape[1], kernel_threads())
    count = int(starts.cumsum_(0)[-1])
    if count > most * rows.numel():
        return None
    found = Changes(starts, starts.new_empty(count, dtype=torch.int32), rows.new_empty(count))
    call("list_changes", rows, found.lists(), rows.shape[1], kernel_threads())
    return found


def multiply(changes: Changes, dense: Tensor, bias: Tensor | None = None) -> Tensor:
    """The rows (n, m) of these changes times contiguous ``dense`` (m, k), plus ``bias`` (k).

    Each sum runs in the order of its row, on any number of threads.
    """
    rows, columns = dense.shape
    product = dense.new_empty(len(changes.starts) - 1, columns)
    tables = dense.new_empty(kernel_threads(), rows, BLOCK)
    call("multiply_changes", changes.lists(), dense, bias, product, tables, rows, columns, kernel_threads())
    return product


def call(name: str, *arguments: Tensor | ctypes.Structure | int | None) -> None:
    """Call a function of the kernel, which must have been built."""
    kernel = library("sparse")
    assert kernel is not None
    kernel[name](*map(argument, arguments))


def argument(value: Tensor | ctypes.Structure | int | None) -> object:
    """``value`` as C takes it: a structure by its address, a tensor by that of its memory."""
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    return None if value is None else ctypes.c_int64(value)
