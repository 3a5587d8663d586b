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


class Nonzeros(NamedTuple):
    """The non-zeros of a matrix, row by row.

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

    _fields_ = (*((name, ctypes.c_void_p) for name in Nonzeros._fields), ("count", ctypes.c_int64))


class Matrix(ctypes.Structure):
    """``Matrix`` of ``sparse.c``."""

    _fields_ = (("values", ctypes.c_void_p), *((name, ctypes.c_int64) for name in ("rows", "columns", "row", "column")))


def nonzeros(matrix: Tensor, most: float) -> Nonzeros | None:
    """The non-zeros of a contiguous matrix, or None where they are more than its share ``most``; NaN is one of them."""
    starts = matrix.new_zeros(len(matrix) + 1, dtype=torch.int64)
    lists = Lists(starts.data_ptr(), None, None, len(matrix))
    call("list_nonzeros", matrix, lists, matrix.shape[1], kernel_threads())
    entries = int(starts.cumsum_(0)[-1])
    if entries > most * matrix.numel():
        return None
    found = allocated(starts, entries)
    call("list_nonzeros", matrix, pointers(found), matrix.shape[1], kernel_threads())
    return found


def transposed(sparse: Nonzeros, columns: int) -> Nonzeros:
    """The non-zeros of the transpose of a matrix of ``columns`` columns."""
    turned = allocated(sparse.starts.new_zeros(columns + 1), len(sparse.places))
    call("transpose", pointers(sparse), pointers(turned))
    return turned


def multiply(sparse: Nonzeros, dense: Tensor, product: Tensor, bias: Tensor | None = None) -> None:
    """Fill ``product`` (n, k) with the matrix (n, m) of the non-zeros times ``dense`` (m, k), plus ``bias`` (k).

    Strides may be any, but those of ``bias``. Each sum runs in the order of its row, on any number of threads.
    """
    tables = dense.new_empty(kernel_threads(), len(dense), BLOCK)
    operands = [Matrix(each.data_ptr(), *each.shape, *each.stride()) for each in (dense, product)]
    call("multiply_sparse", pointers(sparse), operands[0], bias, operands[1], tables, kernel_threads())


def allocated(starts: Tensor, entries: int) -> Nonzeros:
    """Room for that many entries."""
    places = starts.new_empty(entries, dtype=torch.int32)
    return Nonzeros(starts, places, starts.new_empty(entries, dtype=torch.float32))


def pointers(sparse: Nonzeros) -> Lists:
    """What the kernel reads."""
    return Lists(*(each.data_ptr() for each in sparse), len(sparse.starts) - 1)


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
