"""Points drawn from given codes and factors, where no other combination of factor values is available."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from submission.arrays import as_codes_array, as_factors_array, as_factors_arrays
from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Points, PosteriorTable
from submission.progress import QUIET, Progress

Rows = npt.NDArray[np.int64]


class PointSampler:
    """A ``submission.metrics.base.Sampler`` over given samples: points are drawn without replacement.

    Where there are fewer samples than a metric asks for, it gets those there are; training and test samples never
    overlap. They share the samples in the proportion that was asked for, or by half if that is more training.

    Args:
        codes: (N, D).
        factors: (N, K), values 0, 1, ... of each factor, real numbers for continuous ones.
        seed: of the draws.
        name: of the samples, for messages.
        progress: where metrics show long work.
        periodic: which factors (K,) are cycles; none by default.
        continuous: which factors (K,) have real values; none by default.
    """

    posteriors: Callable[[], PosteriorTable] | None = None

    def __init__(
        self,
        codes: Codes,
        factors: Factors,
        seed: int = 0,
        name: str = "codes",
        progress: Progress = QUIET,
        periodic: Sequence[bool] = (),
        continuous: Sequence[bool] = (),
    ) -> None:
        self.seed, self.random_state, self.progress = seed, np.random.RandomState(seed), progress
        self.name = name
        self.continuous = tuple(continuous) or (False,) * factors.shape[1]
        self.periodic = tuple(periodic) or (False,) * factors.shape[1]
        self._codes, self._factors = codes, factors if any(self.continuous) else factors.astype(np.int64)
        self.factor_sizes = tuple(
            len(np.unique(column)) if real else int(column.max()) + 1
            for column, real in zip(factors.T, self.continuous, strict=True)
        )
        self.factor_names = tuple(f"factor_{k}" for k in range(factors.shape[1]))

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` different samples, or all where there are fewer."""
        return self._take(self.random_state.permutation(len(self._codes))[:num])

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training and test samples, disjoint."""
        train, test = split(self.random_state.permutation(len(self._codes)), num_train, num_test)
        return self._take(train), self._take(test)

    def _take(self, rows: npt.NDArray[np.int64]) -> Points:
        return Points(self._codes[rows], self._factors[rows])


def split(rows: Rows, num_train: int, num_test: int) -> tuple[Rows, Rows]:
    """Training and test rows from ``rows`` (n,): as many as asked for, in that proportion, or half each."""
    share = min(1.0, len(rows) / (num_train + num_test))
    train, test = int(num_train * share), int(num_test * share)
    if (half := min(num_train, len(rows) // 2)) > train:
        train, test = half, len(rows) - half
    return rows[:train], rows[train : train + test]


def train_test(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    test_codes: npt.ArrayLike | None,
    test_factors: npt.ArrayLike | None,
    seed: int,
) -> tuple[Points, Points]:
    """Training and test points: those given, or two thirds and one third of the points, drawn from ``seed``.

    Args:
        codes, factors: (N, D) and (N, K). Words are numbered before the split, and together with those of test points.
        test_codes, test_factors: (M, D) and (M, K), or None for both.
        seed: of the split.

    Raises:
        SubmissionError: one of ``test_codes`` and ``test_factors`` is missing, or has other columns.
    """
    if test_codes is not None and test_factors is not None:
        return given_points(codes, factors, test_codes, test_factors)
    if test_codes is not None or test_factors is not None:
        raise SubmissionError("test points need both test_codes and test_factors", "give both or neither")
    points = with_rows(as_codes_array(codes, "codes"), as_factors_array(factors, "factors"))
    if len(points.codes) != len(points.factors):
        return points, points  # every metric refuses them
    order = np.random.RandomState(seed).permutation(len(points.codes))
    share = max(5_000, len(order) // 3)
    train, test = (Points(points.codes[rows], points.factors[rows]) for rows in split(order, 2 * share, share))
    return train, test


def with_rows(codes: Codes, factors: Factors) -> Points:
    """Points of arrays; SubmissionError for a single value instead of an array."""
    for kind, array in (("codes", codes), ("factors", factors)):
        if array.ndim == 0:
            raise SubmissionError(
                f"{kind} are a single value of type {array.dtype}", "give an array with a row a point"
            )
    return Points(codes, factors)


def given_points(
    codes: npt.ArrayLike, factors: npt.ArrayLike, test_codes: npt.ArrayLike, test_factors: npt.ArrayLike
) -> tuple[Points, Points]:
    """Training points (N, D), (N, K) and test points (M, D), (M, K) whose factors' words are numbered together."""
    numbered = as_factors_arrays([factors, test_factors], "factors")
    train = with_rows(as_codes_array(codes, "codes"), numbered[0])
    test = with_rows(as_codes_array(test_codes, "test codes"), numbered[1])
    for kind, own, other in zip(("codes", "factors"), train, test, strict=True):
        if own.ndim == other.ndim == 2 and own.shape[1] != other.shape[1]:
            what = f"training points have {own.shape[1]} columns of {kind}, test points {other.shape[1]}"
            raise SubmissionError(what, "give both the same columns")
    return train, test
