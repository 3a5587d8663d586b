"""Draws on a full grid, in disentanglement_lib's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data import FactorGrid
from submission.metrics.base import Codes, CodesFunction, Factors, Points, PosteriorTable
from submission.metrics.sampling.draws import draw_votes
from submission.metrics.sampling.sources import Source
from submission.progress import QUIET, Progress

TOGETHER = 256
"""Votes drawn at once."""


class GridSampler:
    """A ``submission.metrics.base.InterventionSampler`` over a full grid of factors.

    disentanglement_lib draws a batch's factors column by column, then what observing them needs (hidden factors,
    noise), then encodes. Encoding draws nothing, so here it waits until many rows have been collected; every draw
    happens in disentanglement_lib's order.

    Args:
        source: factors and codes.
        seed: of ``numpy.random.RandomState``, disentanglement_lib's generator.
        progress: where long work is shown.
    """

    posteriors: Callable[[], PosteriorTable] | None = None

    def __init__(self, source: Source, seed: int, progress: Progress = QUIET) -> None:
        self.seed, self.random_state, self.progress = seed, np.random.RandomState(seed), progress
        self._source = source
        self.name = source.dataset.name
        self.continuous = source.dataset.continuous
        self.factor_sizes = source.dataset.factor_sizes
        self.factor_names = source.dataset.factor_names
        self.periodic = source.dataset.periodic

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` random points, drawn in batches of ``batch_size`` as disentanglement_lib does."""
        factors: list[Factors] = []

        def batches() -> Iterator[Factors]:
            for start in range(0, num, batch_size):
                factors.append(self.sample_factors(min(batch_size, num - start)))
                yield factors[-1]

        codes = np.concatenate(list(self._chunks(batches())))
        return Points(codes, observed_values(np.concatenate(factors), self._source.dataset))

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training points, then test points."""
        return self.points(num_train, batch_size), self.points(num_test, batch_size)

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """``num`` random factor rows, drawn column by column."""
        return self._source.dataset.sample_factors(num, self.random_state)

    def codes(self, factors: Factors) -> Codes:
        """Codes (n, D) of the factor rows (n, K), observed now."""
        return np.concatenate(list(self._chunks([factors])))

    def fixed_factor(
        self, num: int, batch_size: int, function: CodesFunction, pairs: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
        """See ``submission.metrics.base.InterventionSampler``."""
        fixed: list[Factors] = []

        def draws() -> Iterator[Factors]:
            for factors, rows in self.votes(num, batch_size, 2 if pairs else 1):
                each = np.arange(len(factors))
                if pairs:
                    rows[each, 1, :, factors] = rows[each, 0, :, factors]
                else:
                    rows[each, 0, :, factors] = rows[each, 0, :1, factors]
                fixed.append(factors)
                yield rows

        found = self.reduce(draws(), function, total=num)
        return np.concatenate(fixed), found

    def votes(self, num: int, batch_size: int, sets: int = 1) -> Iterator[tuple[Factors, Factors]]:
        """``num`` random factors, with ``sets`` batches of random rows drawn after each, some V votes at a time.

        Yields:
            Factors (V,) and rows (V, sets, batch_size, K).
        """
        if self._source.draws:
            for _ in range(num):
                factor = self.random_state.randint(len(self.factor_sizes))
                yield np.array([factor]), np.stack([[self.sample_factors(batch_size) for _ in range(sets)]])
            return
        for start in range(0, num, TOGETHER):
            shape = (min(TOGETHER, num - start), sets, batch_size)
            yield draw_votes(self.random_state, self.factor_sizes, shape)

    def reduce(
        self,
        votes: Iterable[Factors],
        function: CodesFunction,
        total: int = 0,
    ) -> npt.NDArray[np.floating[Any]]:
        """``function`` over the codes of votes, streamed.

        Args:
            votes: factor rows (V, S, B, K), any V at a time, observed batch by batch as they come.
            function: codes (V, S * B, D) → one row each (V, ...).
            total: number of votes to come, for the progress bar.
        """
        sets = size = 0

        def batches() -> Iterator[Factors]:
            nonlocal sets, size
            for rows in votes:
                _, sets, size, factors = rows.shape
                yield from rows.reshape(-1, size if self._source.draws else len(rows) * sets * size, factors)

        results = []
        with self.progress.task("drawing and encoding", total) as task:
            for codes in self._chunks(batches(), lambda: sets * size):
                results.append(function(codes.reshape(-1, sets * size, codes.shape[1])))
                task.advance(len(results[-1]))
        return np.concatenate(results)

    def _chunks(self, batches: Iterable[Factors], rows: Callable[[], int] = lambda: 1) -> Iterator[Codes]:
        """Observe batch after batch; yield codes whenever a chunk of a multiple of ``rows()`` rows is complete."""
        pending: list[npt.NDArray[Any]] = []
        waiting = 0
        for batch in batches:
            pending.append(self._source.observe(batch, self.random_state))
            waiting += len(batch)
            if waiting >= self._source.chunk and waiting % rows() == 0:
                yield self._source.codes(np.concatenate(pending))
                pending, waiting = [], 0
        if pending:
            yield self._source.codes(np.concatenate(pending))


def observed_values(factors: Factors, grid: FactorGrid) -> Factors:
    """Factor rows (n, K) as metrics see them: with the original values of continuous factors."""
    if not any(grid.continuous):
        return factors.astype(np.int64, copy=False)
    columns = [
        factor.values(column) if factor.continuous else column
        for factor, column in zip(grid.factors_of_variation, factors.T, strict=True)
    ]
    return np.stack(columns, axis=1)
