"""Many draws of one factor and batches of rows at once, equal to drawing them one by one."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from submission.native import library

Integers = npt.NDArray[np.int64]
WORD = 2**32
MARGIN = 1.05
"""Words that are made ready beyond those that will probably be used."""


def draw_votes(
    random_state: np.random.RandomState, sizes: Sequence[int], shape: tuple[int, int, int]
) -> tuple[Integers, Integers]:
    """For each vote a factor, then its batches of factor rows, drawn column by column.

    Args:
        random_state: numpy's legacy generator, which is left as if each number had been drawn with ``randint``.
        sizes: of the factors (K,).
        shape: votes V, batches S of each, rows B of a batch.

    Returns:
        Factors (V,) and rows (V, S, B, K).
    """
    if library("draws") is None:
        return one_by_one(random_state, sizes, shape)
    found = np.empty(shape[0], np.int64), np.empty((*shape, len(sizes)), np.int64)
    count = expected_words(sizes, shape)
    while (used := _fill(words(random_state, count), sizes, shape, *found)) < 0:
        count *= 2
    random_state.randint(WORD, size=used, dtype=np.uint32)
    return found


def one_by_one(
    random_state: np.random.RandomState, sizes: Sequence[int], shape: tuple[int, int, int]
) -> tuple[Integers, Integers]:
    """The same in numpy."""
    factors, values = np.empty(shape[0], np.int64), np.empty((*shape, len(sizes)), np.int64)
    for vote, batches in enumerate(values):
        factors[vote] = random_state.randint(len(sizes))
        for batch in batches:
            for column, size in enumerate(sizes):
                batch[:, column] = random_state.randint(size, size=len(batch))
    return factors, values


def expected_words(sizes: Sequence[int], shape: tuple[int, int, int]) -> int:
    """About how many 32-bit words are used: numbers that are too large are drawn again."""
    votes, sets, rows = shape
    tries = [(1 << (size - 1).bit_length()) / size for size in (len(sizes), *sizes)]
    return int(MARGIN * votes * (tries[0] + sets * rows * sum(tries[1:]))) + 100


def words(random_state: np.random.RandomState, count: int) -> npt.NDArray[np.uint32]:
    """The generator's next 32-bit words (count,), which stay its next ones."""
    copy = np.random.RandomState()
    copy.set_state(random_state.get_state())
    return copy.randint(WORD, size=count, dtype=np.uint32)


def _fill(
    stream: npt.NDArray[np.uint32], sizes: Sequence[int], shape: tuple[int, int, int], factors: Integers, rows: Integers
) -> int:
    """Fill ``factors`` and ``rows``; how many words that took, or -1 where there are too few."""
    kernel = library("draws")
    assert kernel is not None
    kernel.draw_votes.restype = ctypes.c_int64
    numbers = np.asarray(sizes, np.int64)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (stream, numbers, factors, rows)]
    counts = map(ctypes.c_int64, (*shape, len(sizes)))
    return int(kernel.draw_votes(pointers[0], ctypes.c_int64(len(stream)), pointers[1], *counts, *pointers[2:]))
