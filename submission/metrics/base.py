"""Types that all metrics share: codes, factors, samplers, ``Scores``, and ``Metric``, which has a name and settings.

``submission.metrics`` has the metrics as functions of arrays. ``submission/metrics/registration.py`` turns such a
function into a ``Metric``, which draws its own points from a ``Sampler``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.progress import Progress

Codes = npt.NDArray[np.floating[Any]]  # (N, D), float32 or float64
Factors = npt.NDArray[Any]  # (N, K), integers; real numbers in columns of continuous factors
Era = Literal["installed", "2019"]
Blocks = Sequence[Sequence[int]]  # columns of the codes that belong together
CodesFunction = Callable[[Codes], npt.NDArray[np.floating[Any]]]


class Points(NamedTuple):
    """Codes (N, D) and the factor values (N, K) they were computed from."""

    codes: Codes
    factors: Factors


class Posteriors(Protocol):
    """q(z|x) of N images over a latent space with C independent components."""

    components: int

    def __len__(self) -> int:
        """Number of images N."""

    def sample(self, rows: npt.NDArray[np.int64], random_state: np.random.RandomState) -> Any:
        """One sample of the posterior of each image in ``rows`` (n,), n entries."""

    def log_density(self, samples: Any, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.floating[Any]]:
        """Log density (s, n, C) of ``samples`` (s entries) under the posteriors of the images in ``rows`` (n,)."""


class PosteriorTable(NamedTuple):
    """Posteriors of N images and their factor values (N, K)."""

    posteriors: Posteriors
    factors: Factors


class Sampler(Protocol):
    """Random points of one seed.

    Attributes:
        name: of the data, for messages.
        seed: the seed that ``random_state`` started from; also for estimators with randomness of their own.
        random_state: the generator of all draws.
        factor_sizes: number of values of each factor (K,).
        factor_names: their names.
        periodic: which factors are cycles.
        continuous: which factors have real values.
        progress: where long work is shown.
        posteriors: gives the posteriors q(z|x) of all images with their factors; None where there are none.
    """

    name: str
    seed: int
    random_state: np.random.RandomState
    factor_sizes: tuple[int, ...]
    factor_names: tuple[str, ...]
    periodic: tuple[bool, ...]
    continuous: tuple[bool, ...]
    progress: Progress
    posteriors: Callable[[], PosteriorTable] | None

    def points(self, num: int, batch_size: int = 16) -> Points:
        """``num`` random points, drawn in batches as disentanglement_lib does."""

    def train_test(self, num_train: int, num_test: int, batch_size: int = 16) -> tuple[Points, Points]:
        """Training points, then test points."""


@runtime_checkable
class InterventionSampler(Sampler, Protocol):
    """A sampler that can also hold factors fixed and force them to values."""

    def sample_factors(self, num: int) -> npt.NDArray[np.int64]:
        """``num`` random factor rows (num, K)."""

    def codes(self, factors: Factors) -> Codes:
        """Codes (n, D) of the factor rows (n, K)."""

    def fixed_factor(
        self, num: int, batch_size: int, function: CodesFunction, pairs: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
        """Draw ``num`` times: a random factor k, and random rows in which factor k is fixed.

        Args:
            num: number of draws, V.
            batch_size: rows of a batch, B.
            function: codes of a few draws (v, B, D), or (v, 2 B, D) for pairs, → one row for each draw (v, ...).
            pairs: draw two batches; row b of the second shares the value of factor k with row b of the first.
                Otherwise draw one batch, whose rows all share one value.

        Returns:
            The fixed factors k (V,), and the function's rows (V, ...).
        """


def interventions(sampler: Sampler, metric: str) -> InterventionSampler:
    """``sampler``, if it can hold factors fixed.

    Raises:
        SubmissionError: it has points only.
    """
    if isinstance(sampler, InterventionSampler):
        return sampler
    raise SubmissionError(
        f"{metric} needs the codes of any combination of factor values, which {sampler.name} does not hold",
        "give codes of a full grid (`factor_sizes`), or choose metrics that work on samples, such as mig or dci",
    )


@dataclass(frozen=True, repr=False)
class Scores:
    """Result of one metric.

    Attributes:
        values: named scores.
        details: named arrays behind them (mutual information, importances, votes ...).
        notes: what a reader must know about these values (constant dimensions, pruning, conventions).

    >>> Scores({"IRS": 0.5, "num_active_dims": 3.0}, {"robustness": np.eye(2)}, ("a note",))
    Scores(IRS=0.5, num_active_dims=3, details: robustness (2, 2), 1 note)
    """

    values: dict[str, float]
    details: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float:
        """The score called ``name``."""
        return self.values[name]

    def __repr__(self) -> str:
        shown = [f"{name}={value:.6g}" for name, value in list(self.values.items())[:MOST_SHOWN]]
        if len(self.values) > MOST_SHOWN:
            shown.append(f"and {len(self.values) - MOST_SHOWN} more")
        if self.details:
            shown.append("details: " + ", ".join(f"{name} {array.shape}" for name, array in self.details.items()))
        if self.notes:
            shown.append(f"{len(self.notes)} note{'s' * (len(self.notes) > 1)}")
        return f"Scores({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """A table of the scores, and the notes below it, for notebooks."""
        rows = "".join(f"<tr><td>{html.escape(k)}</td><td>{v:.6g}</td></tr>" for k, v in self.values.items())
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        head = "<tr><th>score</th><th>value</th></tr>"
        return f"<table>{head}{rows}</table>" + (f"<ul>{notes}</ul>" if notes else "")

    def to_frame(self) -> Any:
        """The scores as a ``pandas.DataFrame`` with columns ``score`` and ``value``.

        Raises:
            SubmissionError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise SubmissionError("Scores.to_frame needs pandas", "install it: pip install pandas") from None
        return pandas.DataFrame({"score": list(self.values), "value": list(self.values.values())})


MOST_SHOWN = 8
"""Scores that ``repr`` shows; tasks have tens of them."""


@dataclass(frozen=True)
class Metric:
    """A metric with a name, settings and a direction.

    Attributes:
        name: what ``--metrics`` calls it.
        headline: key in ``Scores.values`` of the number to show first.
        shown: further keys with a row of their own in a table.
        summary: one line for people.
        settings: the published study's settings.
        fast: settings with fewer samples, on the same code path.
        score: draws points and computes.
        version: raised whenever the same input gives another number.
        block_score: the same with columns joined into blocks, where the metric has such a variant.
        join: that variant from the plain scores of the same codes, where it follows from them without new work.
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
