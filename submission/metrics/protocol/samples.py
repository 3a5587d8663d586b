"""Draws from plain samples of codes and factors, where no other combination can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Points
from submission.progress import QUIET, Progress


class SampleSampler:
    """A ``submission.metrics.base.Sampler`` over given samples: points are drawn without replacement.

    Where there are fewer samples than a metric asks for, it gets what there is; training and test samples never
    overlap. They share what there is in the proportion that was asked for, or by half if that is more training.

    Args:
        codes: (N, D) float32.
        factors: (N, K), values 0, 1, ... of each factor.
        seed: of the draws.
        name: what to call the samples in messages.
        progress: where metrics show long work.
        periodic: which factors (K,) are cycles; none by default.
    """

    def __init__(
        self,
        codes: Codes,
        factors: Factors,
        seed: int,
        name: str,
        progress: Progress = QUIET,
        periodic: Sequence[bool] = (),
    ) -> None:
        self.seed, self.random_state, self.progress = seed, np.random.RandomState(seed), progress
        self._codes, self._factors, self._name = codes, factors.astype(np.int64), name
        self.factor_sizes = tuple(int(size) for size in factors.max(axis=0) + 1)
        self.factor_names = tuple(f"factor_{k}" for k in range(factors.shape[1]))
        self.periodic = tuple(periodic) or (False,) * factors.shape[1]

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` different samples, or all where there are fewer."""
        return self._take(self.random_state.permutation(len(self._codes))[:num])

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training and test samples, disjoint."""
        order = self.random_state.permutation(len(self._codes))
        share = min(1.0, len(order) / (num_train + num_test))
        train, test = int(num_train * share), int(num_test * share)
        if (half := min(num_train, len(order) // 2)) > train:
            train, test = half, len(order) - half
        return self._take(order[:train]), self._take(order[train : train + test])

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """Refused."""
        self._refuse()

    def codes(self, factors: Factors) -> Codes:
        """Refused."""
        self._refuse()

    def votes(self, num: int, batch_size: int, sets: int = 1) -> Iterator[tuple[Factors, Factors]]:
        """Refused."""
        self._refuse()

    def reduce(
        self,
        votes: Iterable[Factors],
        function: Callable[[Codes], npt.NDArray[np.floating]],
        total: int = 0,
    ) -> npt.NDArray[np.floating]:
        """Refused."""
        self._refuse()

    def _take(self, rows: npt.NDArray[np.int64]) -> Points:
        return Points(self._codes[rows], self._factors[rows])

    def _refuse(self) -> NoReturn:
        raise SubmissionError(
            f"this metric needs the codes of any combination of factor values, which {self._name} does not hold",
            "give codes of a full grid (`factor_sizes`), or choose metrics that work on samples, such as mig or dci",
        )
