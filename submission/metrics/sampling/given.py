"""Draws with a fixed factor from given codes and factors: exactly on a full grid, by resampling otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, CodesFunction, Factors, InterventionSampler
from submission.metrics.checks import check_points
from submission.metrics.sampling.grid import GridSampler
from submission.metrics.sampling.points import PointSampler
from submission.metrics.sampling.sources import CodeGrid, IndexSource

TOGETHER = 64
"""Draws computed at once."""


def sampler_of(
    codes: npt.ArrayLike, factors: npt.ArrayLike, metric: str, seed: int = 0, periodic: Sequence[bool] = ()
) -> InterventionSampler:
    """Draws of one seed from codes (N, D) and factors (N, K), for metrics that hold factors fixed.

    Where every combination of factor values occurs exactly once, the draws are disentanglement_lib's. Otherwise rows
    are drawn with replacement (``ResamplingSampler``).
    """
    table, values = check_points(codes, factors, metric)
    numbers = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in values.T], axis=1)
    sizes = tuple(int(size) for size in numbers.max(axis=0) + 1)
    if math.prod(sizes) == len(table):
        cells = np.ravel_multi_index(tuple(numbers.T), sizes)
        if len(np.unique(cells)) == len(cells):
            ordered = table[np.argsort(cells)]
            grid = CodeGrid.of("codes", sizes, periodic)
            return GridSampler(IndexSource(grid, lambda rows: ordered[rows]), seed)
    return ResamplingSampler(table, numbers, seed, periodic=periodic)


class ResamplingSampler(PointSampler):
    """Draws with a fixed factor from given samples, with replacement.

    A fixed factor's value is that of a random sample, and the batch consists of random samples that share it. On a
    full grid this has the distribution of disentanglement_lib's draws.
    """

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """The factor rows (num, K) of random samples."""
        rows: npt.NDArray[np.int64] = self._factors[self.random_state.randint(len(self._factors), size=num)]
        return rows

    def codes(self, factors: Factors) -> Codes:
        """The codes (n, D) of a random sample with each of the factor rows (n, K).

        Raises:
            SubmissionError: no sample has such a row.
        """
        cells, order, starts = self._by_cell()
        wanted = np.ravel_multi_index(tuple(np.asarray(factors).T), self.factor_sizes)
        place = np.searchsorted(cells, wanted)
        missing = cells[np.minimum(place, len(cells) - 1)] != wanted
        if missing.any():
            raise SubmissionError(
                f"no sample has the factor values {factors[missing.argmax()].tolist()}, which this metric forces",
                "give codes of every combination of factor values",
            )
        return self._codes[order[self._within(starts, place)]]

    def fixed_factor(
        self, num: int, batch_size: int, function: CodesFunction, pairs: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
        """See ``submission.metrics.base.InterventionSampler``."""
        fixed = self.random_state.randint(len(self.factor_sizes), size=num)
        results = [
            function(self._codes[self._rows(fixed[i : i + TOGETHER], batch_size, pairs)])
            for i in range(0, num, TOGETHER)
        ]
        return fixed, np.concatenate(results)

    def _rows(self, fixed: npt.NDArray[np.int64], batch_size: int, pairs: bool) -> npt.NDArray[np.int64]:
        """Samples (v, B), or (v, 2 B) for pairs, of draws in which the factors ``fixed`` (v,) are fixed."""
        first = self.random_state.randint(len(self._codes), size=(len(fixed), batch_size if pairs else 1))
        alike = np.empty((len(fixed), batch_size), np.int64)
        for factor in np.unique(fixed):
            values = self._factors[:, factor]
            order = np.argsort(values, kind="stable")
            starts = np.searchsorted(values[order], np.arange(self.factor_sizes[factor] + 1))
            draws = fixed == factor
            wanted = np.broadcast_to(values[first[draws]], (int(draws.sum()), batch_size))
            alike[draws] = order[self._within(starts, wanted)]
        return np.concatenate([first, alike], axis=1) if pairs else alike

    def _within(self, starts: npt.NDArray[np.int64], group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """A random place between each group's start and the next one's."""
        sizes = starts[group + 1] - starts[group]
        places: npt.NDArray[np.int64] = starts[group] + np.floor(self.random_state.uniform(size=group.shape) * sizes)
        return places.astype(np.int64)

    def _by_cell(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The combinations that occur, ascending; the samples in their order; where each combination starts."""
        cell = np.ravel_multi_index(tuple(self._factors.T), self.factor_sizes)
        order = np.argsort(cell, kind="stable")
        found, starts = np.unique(cell[order], return_index=True)
        return found, order, np.append(starts, len(order))
