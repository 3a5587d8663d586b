"""Products of a matrix that is mostly zeros and another one, by ``sparse.c``; both float32, on the CPU."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import torch
from torch import Tensor

from submission.native import library
from submission.native.processor import kernel_threads

BLOCK = 32
"""As in ``sparse.c``."""


class Entries(NamedTuple):
    """The non-zeros of a matrix, or the changes along its rows, row by row.

    Attributes:
        starts: (rows + 1) int64; row i has the entries from ``starts[i]`` to ``starts[i + 1]``.
        places: (entries) int32, their columns.
        values: (entries) float32.
    """

    starts: Tensor
    places: Tensor
    values: Tensor


class Lists(ctypes.Structure):
    """``Lists`` of ``sparse.c``."""

    _fields_ = (*((name, ctypes.c_void_p) for name in Entries._fields), ("count", ctypes.c_int64))


class Matrix(ctypes.Structure):
    """``Matrix`` of ``sparse.c``."""

    _fields_ = (("values", ctypes.c_void_p), *((name, ctypes.c_int64) for name in ("rows", "columns", "row", "column")))


def entries(matrix: Tensor, most: float, changes: bool = False) -> Entries | None:
    """The non-zeros of a contiguous matrix, or its ``changes``; None where they are more than its share ``most``.

    A change is a value less the next one in its row, or itself at the end of each 64 places. NaN is an entry.
    """
    starts = matrix.new_zeros(len(matrix) + 1, dtype=torch.int64)
    lists = Lists(starts.data_ptr(), None, None, len(matrix))
    call("list_entries", matrix, lists, matrix.shape[1], changes, kernel_threads())
    count = int(starts.cumsum_(0)[-1])
    if count > most * matrix.numel():
        return None
    found = allocated(starts, count)
    call("list_entries", matrix, pointers(found), matrix.shape[1], changes, kernel_threads())
    return found


def transposed(listed: Entries, columns: int) -> Entries:
    """The entries of the transpose of a matrix of ``columns`` columns."""
    turned = allocated(listed.starts.new_zeros(columns + 1), len(listed.places))
    call("transpose", pointers(listed), pointers(turned))
    return turned


def multiply(
    listed: Entries, dense: Tensor, product: Tensor, bias: Tensor | None = None, changes: bool = False
) -> None:
    """Fill ``product`` (n, k) with a matrix (n, m) times ``dense`` (m, k), plus ``bias`` (k).

    Strides may be any, but those of ``bias``. Each sum runs in the order of its row, on any number of threads.

    Args:
        listed: the matrix.
        changes: whether these are listed, not non-zeros.
    """
    tables = dense.new_empty(kernel_threads(), len(dense), BLOCK)
    operands = [Matrix(each.data_ptr(), *each.shape, *each.stride()) for each in (dense, product)]
    call("multiply_sparse", pointers(listed), operands[0], bias, operands[1], tables, changes, kernel_threads())


def allocated(starts: Tensor, entries: int) -> Entries:
    """Room for that many entries."""
    places = starts.new_empty(entries, dtype=torch.int32)
    return Entries(starts, places, starts.new_empty(entries, dtype=torch.float32))


def pointers(listed: Entries) -> Lists:
    """What the kernel reads."""
    return Lists(*(each.data_ptr() for each in listed), len(listed.starts) - 1)


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
