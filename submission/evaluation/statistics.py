"""Statistics of repeated evaluations: mean, spread and bootstrap intervals; tables of methods; agreement of metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.registry import bounds

RESAMPLES = 10_000
STUDENTISED = 5
"""Values from which the studentised bootstrap is used."""
WIDEST = 2.0
"""Of its ends, in half-widths of Student's interval: resamples that hardly vary put ends anywhere beyond."""


@dataclass(frozen=True)
class Summary:
    """Repeated values of one score.

    Attributes:
        mean, sd: average and sample standard deviation (0 for a single value).
        low, high: interval of the mean (both the mean for a single value).
        count: how many values.
        level: coverage of the interval, e.g. 0.95.
    """

    mean: float
    sd: float
    low: float
    high: float
    count: int
    level: float

    def within(self, lowest: float, highest: float) -> Summary:
        """The same with an interval that stays between the lowest and the highest possible mean."""
        return dataclasses.replace(self, low=max(self.low, lowest), high=min(self.high, highest))

    def scaled(self, factor: float, summand: float = 0.0) -> Summary:
        """The summary of ``factor · value + summand``."""
        mean, *ends = (factor * value + summand for value in (self.mean, self.low, self.high))
        return dataclasses.replace(self, mean=mean, sd=abs(factor) * self.sd, low=min(ends), high=max(ends))

    def __str__(self) -> str:
        if self.count == 1:
            return f"{self.mean:.4f}"
        return f"{self.mean:.4f} ± {self.sd:.4f} [{self.low:.4f}, {self.high:.4f}]"


def summarise(values: Sequence[float], level: float = 0.95, seed: int = 0) -> Summary:
    """Mean, standard deviation and an interval of the mean that holds for few values, too (``mean_interval``).

    Args:
        values: one score from each of n >= 1 repetitions.
        level: coverage of the interval in (0, 1).
        seed: of the resampling.
    """
    scores = np.asarray(values, np.float64)
    if scores.size == 0 or not np.isfinite(scores).all():
        raise SubmissionError(f"cannot summarise {list(values)}", "give at least one value, all of them finite")
    low, high = mean_interval(scores, level, seed)
    sd = float(scores.std(ddof=1)) if scores.size > 1 else 0.0
    return Summary(float(scores.mean()), sd, low, high, int(scores.size), level)


def summarise_share(values: Sequence[float], level: float = 0.95) -> Summary:
    """Share of repetitions, each 0 or 1, with Wilson's (1927) interval: three of three do not make it certain."""
    from scipy.stats import binomtest

    count, found = len(values), np.asarray(values, np.float64)
    ends = binomtest(round(found.sum()), count).proportion_ci(level, method="wilson")
    sd = float(found.std(ddof=1)) if count > 1 else 0.0
    return Summary(float(found.mean()), sd, float(ends.low), float(ends.high), count, level)


def mean_interval(values: npt.NDArray[np.float64], level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of values (n,).

    From ``STUDENTISED`` values on, the studentised bootstrap (Efron and Tibshirani 1993, chapter 12.5), with ends at
    most ``WIDEST`` half-widths of Student's interval from the mean; Student's interval for fewer, where resampling is
    not accurate, and where the bootstrap's ends at the mean: all values but one are equal then. Percentile and BCa
    intervals of five values cover 80 to 84 % instead of 95 % (docs/methods/statistics.md).
    """
    from scipy.stats import t as student

    count, mean = values.size, float(values.mean())
    error = float(values.std(ddof=1)) / np.sqrt(count) if count > 1 else 0.0
    if error <= 1e-12 * abs(mean):
        return mean, mean
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    half = float(student.ppf(tails[1], count - 1))
    low, high = studentised(values, tails, seed) if count >= STUDENTISED else (-half, half)
    if max(low, -high) > -1e-9:
        low, high = -half, half
    return mean - min(high, WIDEST * half) * error, mean - max(low, -WIDEST * half) * error


def studentised(values: npt.NDArray[np.float64], tails: npt.NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Quantiles ``tails`` of (mean* − mean) / error* over resamples of values (n,), constant resamples left out."""
    count = values.size
    centred = values - values.mean()
    picks = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    means = picks @ centred
    errors = np.sqrt(np.maximum(picks @ centred**2 - means**2, 0) / (count - 1))
    usable = errors > 1e-6 * np.abs(centred).max()  # rounding alone gives 1e-8
    low, high = np.quantile(means[usable] / errors[usable], tails)
    return float(low), float(high)


RepeatedScores = Mapping[str, Mapping[str, Sequence[float]]]
"""Method → metric → one score per repetition."""


def table(results: RepeatedScores, level: float = 0.95) -> dict[str, dict[str, Summary]]:
    """Method × metric: a summary in each cell, from the repetitions' scores, inside the metric's range."""
    return {
        method: {metric: summarise(values, level).within(*bounds(metric)) for metric, values in scores.items()}
        for method, scores in results.items()
    }


def spearman(left: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Rank correlation of two equally long series, ties sharing their mean rank; nan if one of them is constant."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(left), rankdata(right)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    if norms.min() == 0:
        return float("nan")
    return float(np.clip(centred[0] @ centred[1] / norms.prod(), -1, 1))


def rank_correlations(results: RepeatedScores) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Agreement of metrics on which runs are better.

    Args:
        results: every run (method and repetition) must have every metric.

    Returns:
        The metrics' names (M,), and their Spearman correlations (M, M) over all runs; a metric that gives every run
        the same score correlates with nothing (nan).
    """
    names = tuple(dict.fromkeys(metric for scores in results.values() for metric in scores))
    for method, scores in results.items():
        if len({len(scores.get(name, ())) for name in names}) != 1:
            raise SubmissionError(
                f"{method} does not have equally many values of {', '.join(names)}",
                "evaluate every run by every metric",
            )
    runs = [np.concatenate([scores[name] for scores in results.values()]) for name in names]
    if len(runs[0]) < 3:
        raise SubmissionError(f"rank correlation of {len(runs[0])} runs has no meaning", "give three runs or more")
    return names, np.array([[spearman(left, right) for right in runs] for left in runs])
