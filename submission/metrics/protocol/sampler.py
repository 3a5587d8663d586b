"""Draws on a full grid, in the reference's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Codes, Factors, Points
from submission.metrics.protocol.sources import Source
from submission.progress import QUIET, Progress


class GridSampler:
    """A ``submission.metrics.base.Sampler`` over a full grid of factors.

    The reference draws a batch's factors column by column, then whatever observing them draws (hidden factors, noise),
    then encodes. Encoding draws nothing, so here it waits until many rows have come together; every draw happens in
    the reference's order.

    Args:
        source: factors and codes.
        seed: of ``numpy.random.RandomState``, the reference's generator.
        progress: where long work is shown.
    """

    def __init__(self, source: Source, seed: int, progress: Progress = QUIET) -> None:
        self.seed, self.random_state, self.progress = seed, np.random.RandomState(seed), progress
        self._source = source
        self.factor_sizes = source.dataset.factor_sizes
        self.factor_names = source.dataset.factor_names
        self.periodic = source.dataset.periodic

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` random points, drawn in batches of ``batch_size`` as the reference does."""
        factors: list[Factors] = []

        def batches() -> Iterator[Factors]:
            for start in range(0, num, batch_size):
                factors.append(self.sample_factors(min(batch_size, num - start)))
                yield factors[-1]

        codes = np.concatenate(list(self._chunks(batches())))
        return Points(codes, np.concatenate(factors).astype(np.int64, copy=False))

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training points, then test points."""
        return self.points(num_train, batch_size), self.points(num_test, batch_size)

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """``num`` random factor rows, drawn column by column."""
        return self._source.dataset.sample_factors(num, self.random_state)

    def codes(self, factors: Factors) -> Codes:
        """Codes (n, D) of the factor rows (n, K), observed now."""
        return np.concatenate(list(self._chunks([factors])))

    def reduce(
        self,
        batches: Iterable[Factors],
        function: Callable[[Codes], npt.NDArray[np.floating]],
        per_row: int = 1,
        total: int = 0,
    ) -> npt.NDArray[np.floating]:
        """``function`` over the codes of equally sized batches of factor rows, streamed.

        Args:
            batches: factor rows (B, K), observed in the order in which they come.
            function: codes (R, per_row * B, D) → one row each (R, ...).
            per_row: how many batches make one row of the result.
            total: number of batches to come, for the progress bar.
        """
        size = 0

        def measured() -> Iterator[Factors]:
            nonlocal size
            for batch in batches:
                size = len(batch)
                yield batch

        results = []
        with self.progress.task("drawing and encoding", total) as task:
            for codes in self._chunks(measured(), per_row):
                results.append(function(codes.reshape(-1, per_row * size, codes.shape[1])))
                task.advance(len(codes) // size)
        return np.concatenate(results)

    def _chunks(self, batches: Iterable[Factors], multiple: int = 1) -> Iterator[Codes]:
        """Observe batch after batch; yield the codes of ``multiple`` · n batches whenever a chunk has come together."""
        pending: list[npt.NDArray[Any]] = []
        waiting = 0
        for batch in batches:
            pending.append(self._source.observe(batch, self.random_state))
            waiting += len(batch)
            if waiting >= self._source.chunk and len(pending) % multiple == 0:
                yield self._source.codes(np.concatenate(pending))
                pending, waiting = [], 0
        if pending:
            yield self._source.codes(np.concatenate(pending))
