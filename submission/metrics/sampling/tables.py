"""Codes by cell of the grid: read from a full table, or computed when first asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from submission.data import FactorGrid
from submission.metrics.base import Codes

Indices = npt.NDArray[np.int64]
Encode = Callable[[npt.NDArray[np.float32]], Codes]  # images (n, height, width, channels) in [0, 1] → codes (n, D)
Rows = Callable[[Indices], Codes]  # cells (n,) → codes (n, D)

BATCH = 64
"""Images encoded at once: enough to keep two cores busy, few enough to stay in their caches."""


class MemoTable:
    """Codes of a grid's cells, each cell encoded once and in large batches.

    Args:
        cells: how many there are.
        rows: cells → codes; the same cell must always give the same codes.
        batch_size: cells per call of ``rows``.
        memory_limit: bytes of codes to keep; a table that would be larger is not kept, and only cells that repeat
            within one call are encoded once.
    """

    def __init__(self, cells: int, rows: Rows, batch_size: int = BATCH, memory_limit: int = 400 << 20) -> None:
        self._cells, self._rows, self._batch_size, self._limit = cells, rows, batch_size, memory_limit
        self._known: npt.NDArray[np.bool_] | None = None
        self._codes: Codes | None = None
        self.encoded = 0

    def __call__(self, indices: Indices) -> Codes:
        """Codes (n, D) of the cells ``indices`` (n,)."""
        if self._codes is None:
            self._codes = self._allocate(self._rows(indices[:1]))
        if self._known is None:
            distinct, inverse = np.unique(indices, return_inverse=True)
            return np.concatenate([self._encode(cells) for cells in self._batches(distinct)])[inverse]
        for cells in self._batches(np.unique(indices[~self._known[indices]])):
            self._codes[cells] = self._encode(cells)
            self._known[cells] = True
        return self._codes[indices]

    def _allocate(self, example: Codes) -> Codes:
        """Memory for every cell's codes, like the ``example`` (1, D), where that fits, else for none."""
        width, kind = example.shape[1], example.dtype
        if self._cells * width * kind.itemsize > self._limit:
            return np.empty((0, width), kind)
        self._known = np.zeros(self._cells, bool)
        return np.empty((self._cells, width), kind)

    def _batches(self, cells: Indices) -> list[Indices]:
        return [cells[start : start + self._batch_size] for start in range(0, len(cells), self._batch_size)]

    def _encode(self, cells: Indices) -> Codes:
        self.encoded += len(cells)
        return self._rows(cells)


def true_factors(dataset: FactorGrid) -> Rows:
    """The true factors as codes: one per factor, its values evenly spaced over [-1, 1]."""
    steps = np.maximum(np.asarray(dataset.factor_sizes) - 1, 1)

    def rows(indices: Indices) -> Codes:
        codes: Codes = (2 * dataset.factors(indices) / steps - 1).astype(np.float32)
        return codes

    return rows
