"""What a metric is: a function of plain arrays, and the line that makes it known by name.

A metric is one file ``submission/metrics/<name>.py`` with

* a frozen dataclass of its settings, whose defaults are the published study's values,
* a function of plain arrays, e.g. ``mig(codes, factors, num_bins) -> Scores``,
* ``METRIC``: a ``Metric`` whose ``score(sampler, settings)`` draws the samples and calls that function,

and one line in ``submission/metrics/registry.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from submission.progress import Progress

Codes = npt.NDArray[np.float32]  # (N, D)
Factors = npt.NDArray[np.integer]  # (N, K)
Era = Literal["installed", "2019"]
Blocks = Sequence[Sequence[int]]  # columns of the codes that belong together


class Points(NamedTuple):
    """Codes (N, D) float32 and the factor values (N, K) they were computed from."""

    codes: Codes
    factors: npt.NDArray[np.int64]


class Sampler(Protocol):
    """Draws of one seed, in the reference's order; ``submission.metrics.protocol`` has the implementations.

    Attributes:
        seed: the seed that ``random_state`` started from; also for estimators with randomness of their own.
        random_state: the generator of all draws.
        factor_sizes: number of values of each factor.
        factor_names: their names.
        periodic: which factors are cycles.
        progress: where long work is shown.
    """

    seed: int
    random_state: np.random.RandomState
    factor_sizes: tuple[int, ...]
    factor_names: tuple[str, ...]
    periodic: tuple[bool, ...]
    progress: Progress

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` random points, drawn in batches as the reference does; call it for the training set first."""

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training points, then test points."""

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """``num`` random factor rows, drawn column by column; for metrics that force factors (needs a full grid)."""

    def codes(self, factors: Factors) -> Codes:
        """Codes (n, D) of the factor rows (n, K), observed now (needs a full grid)."""

    def votes(self, num: int, batch_size: int, sets: int = 1) -> Iterator[tuple[Factors, Factors]]:
        """``num`` random factors, with ``sets`` batches of random rows drawn after each, some V votes at a time.

        Needs a full grid. Rows may be changed, and must have been observed by ``reduce`` before more are asked for.

        Yields:
            Factors (V,) and rows (V, sets, batch_size, K).
        """

    def reduce(
        self,
        votes: Iterable[Factors],
        function: Callable[[Codes], npt.NDArray[np.floating]],
        total: int = 0,
    ) -> npt.NDArray[np.floating]:
        """``function`` over the codes of votes, streamed (needs a full grid).

        Args:
            votes: factor rows (V, S, B, K), any V at a time, observed batch by batch as they come.
            function: codes (V, S * B, D) → one row each (V, ...).
            total: number of votes to come, for a progress bar.
        """


@dataclass(frozen=True)
class Scores:
    """Outcome of one metric.

    Attributes:
        values: named scores, finite numbers.
        details: named arrays behind them (mutual information, importances, votes ...).
        notes: what a reader must know about these values (dead dimensions, pruning, conventions).
    """

    values: dict[str, float]
    details: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
        name: what ``--metrics`` calls it.
        headline: key in ``Scores.values`` of the number to show first.
        shown: further keys worth a row of their own in a table.
        summary: one line for people.
        settings: the published study's settings.
        fast: settings for a quick look, on the same code path.
        score: draws and computes.
        version: raised whenever the same input gives another number.
        block_score: the same with columns joined into blocks, where the metric has such a variant.
        join: that variant from the plain outcome on the same codes, where it follows from it without new work.
        full_grid: whether it needs the codes of any combination of factor values, not just samples.
        range: lowest and highest possible headline.
        higher_is_better: direction of the headline.
        caution: what to print beside the score whenever it is shown, e.g. that it depends on the codes' scale.
    """

    name: str
    headline: str
    summary: str
    settings: Any
    fast: Any
    score: Callable[[Sampler, Any], Scores]
    shown: tuple[str, ...] = ()
    version: int = 1
    block_score: Callable[[Sampler, Any, Blocks], Scores] | None = None
    join: Callable[[Scores, Blocks], Scores] | None = None
    full_grid: bool = False
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    caution: str = ""
