"""Statistics over training seeds: intervals, robust means, profiles, paired tests and model selection.

The unit is the training seed. A difference between two methods can be shown from ``SHOW`` seeds each and claimed from
``CLAIM`` seeds each. Aggregates over several data sets or metrics follow Agarwal et al. (2021), "Deep Reinforcement
Learning at the Edge of the Statistical Precipice".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import UsageError
from submission.evaluation.statistics import RESAMPLES

SHOW, CLAIM = 5, 10
"""Seeds per method from which a difference is worth showing, and from which it may be claimed."""
MIDDLE = "middle of the grid"

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Array]


@dataclass(frozen=True)
class Aggregate:
    """A statistic of the scores of all seeds on all tasks, with a stratified bootstrap interval.

    Attributes:
        value: the statistic.
        low, high: percentile interval from resampling the seeds of each task separately.
        seeds: number of seeds per task.
        tasks: number of tasks.
    """

    value: float
    low: float
    high: float
    seeds: int
    tasks: int


def interquartile_mean(scores: Array) -> Array:
    """Mean of the middle half of all scores: (..., seeds, tasks) → (...)."""
    from scipy.stats import trim_mean

    flat = scores.reshape(*scores.shape[:-2], -1)
    return np.asarray(trim_mean(flat, 0.25, axis=-1), np.float64)


def median(scores: Array) -> Array:
    """Median over tasks of the mean over seeds: (..., seeds, tasks) → (...)."""
    return np.asarray(np.median(scores.mean(axis=-2), axis=-1), np.float64)


def aggregate(
    scores: npt.ArrayLike, statistic: Statistic = interquartile_mean, level: float = 0.95, seed: int = 0
) -> Aggregate:
    """``statistic`` with an interval from the stratified bootstrap.

    Args:
        scores: (seeds, tasks); a task is a data set, or a metric whose values lie between 0 and 1.
        statistic: function of (..., seeds, tasks), e.g. ``interquartile_mean`` or ``median``.
        level: coverage of the interval in (0, 1).
        seed: of the resampling.
    """
    values = matrix(scores)
    low, high = np.quantile(statistic(resampled(values, seed)), [(1 - level) / 2, (1 + level) / 2])
    return Aggregate(float(statistic(values)), float(low), float(high), *values.shape)


def matrix(scores: npt.ArrayLike) -> Array:
    """Finite scores (seeds, tasks); UsageError for anything else."""
    values: Array = np.asarray(scores, np.float64)
    if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
        raise UsageError(
            f"scores of shape {values.shape} are not finite numbers (seeds, tasks)",
            "give finite numbers, seeds by tasks",
        )
    return values


def resampled(values: Array, seed: int, count: int = RESAMPLES // 5) -> Array:
    """Resamples (count, seeds, tasks) of values (seeds, tasks), each task's seeds drawn on their own."""
    picks = np.random.default_rng(seed).integers(len(values), size=(count, *values.shape))
    return np.asarray(values[picks, np.arange(values.shape[1])])


def performance_profile(
    scores: npt.ArrayLike, thresholds: npt.ArrayLike, level: float = 0.95, seed: int = 0
) -> tuple[Array, Array]:
    """Fraction of runs above each threshold, and its pointwise interval.

    Args:
        scores: (seeds, tasks).
        thresholds: (T,).

    Returns:
        Fractions (T,), and the lower and upper ends (2, T) of their intervals.
    """
    values, cuts = matrix(scores), np.asarray(thresholds, np.float64)

    def fractions(sample: Array) -> Array:
        flat = np.sort(sample.reshape(*sample.shape[:-2], -1), axis=-1)
        above = [flat.shape[-1] - np.searchsorted(row, cuts, side="right") for row in np.atleast_2d(flat)]
        shares: Array = np.stack(above) / flat.shape[-1]
        return shares

    ends = np.quantile(fractions(resampled(values, seed)), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return fractions(values)[0], ends


def probability_of_improvement(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Probability that a seed of ``first`` scores higher than one of ``second``; ties count half; mean over tasks.

    Args:
        first: (seeds, tasks).
        second: (other seeds, the same tasks).
    """
    left, right = matrix(first), matrix(second)
    if left.shape[1] != right.shape[1]:
        raise UsageError(f"{left.shape[1]} and {right.shape[1]} tasks", "compare scores on the same tasks")
    difference = left[:, None, :] - right[None, :, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@dataclass(frozen=True)
class PairedTest:
    """Difference of two methods in one metric, over the seeds that both have.

    Attributes:
        difference: mean over seeds of first − second.
        p: two-sided p-value of the paired t-test.
        adjusted: the same after Holm's correction over all metrics tested together.
        seeds: how many pairs.
    """

    difference: float
    p: float
    adjusted: float
    seeds: int

    @property
    def verdict(self) -> str:
        """What so many seeds and this p-value allow to say."""
        if self.seeds < SHOW:
            return f"too few seeds ({self.seeds} of {SHOW}) to show a difference"
        if self.adjusted >= 0.05:
            return "no difference shown"
        return "a difference" if self.seeds >= CLAIM else f"a likely difference ({CLAIM} seeds needed to claim it)"


BySeed = Mapping[int, float]


def paired_tests(first: Mapping[str, BySeed], second: Mapping[str, BySeed]) -> dict[str, PairedTest]:
    """Paired tests by training seed, one per metric, with Holm's (1979) correction across the metrics.

    Args:
        first, second: metric → seed → score.

    Returns:
        A test for each metric that both methods have for at least two common seeds.

    Raises:
        UsageError: a score of a common seed is not finite.
    """
    pairs = {}
    for metric in [name for name in first if name in second]:
        common = sorted(first[metric].keys() & second[metric].keys())
        if len(common) > 1:
            pairs[metric] = matrix([[first[metric][seed], second[metric][seed]] for seed in common])
    ps = {metric: paired_p(pair[:, 0] - pair[:, 1]) for metric, pair in pairs.items()}
    adjusted = holm(ps)
    return {
        metric: PairedTest(float((pair[:, 0] - pair[:, 1]).mean()), ps[metric], adjusted[metric], len(pair))
        for metric, pair in pairs.items()
    }


def paired_p(differences: Array) -> float:
    """Two-sided p-value of Student's t-test of the hypothesis that differences (n,) have mean 0.

    Equal differences have no variance; their p-value is the share of sign flips that are as extreme, 2^(1 − n).
    """
    from scipy.stats import t

    count, largest = len(differences), np.abs(differences).max()
    if np.ptp(differences) <= 1e-12 * largest:
        return 2.0 ** (1 - count) if largest else 1.0
    found = differences.mean() / (differences.std(ddof=1) / np.sqrt(count))
    return float(2 * t.sf(abs(found), count - 1))


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p-values."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}


@dataclass(frozen=True)
class Selection:
    """A setting chosen from a grid by one rule.

    Attributes:
        rule: how it was chosen.
        setting: its label.
        mean: mean over seeds of the metric there.
        seeds: how many seeds.
    """

    rule: str
    setting: str
    mean: float
    seeds: int


def select(
    scores: Mapping[str, Sequence[float]], metric: str, udr: Mapping[str, float] | None = None, higher: bool = True
) -> list[Selection]:
    """A setting of a grid, chosen without labels (UDR), with labels (the metric itself) and without looking (middle).

    Choosing by the metric that is then reported flatters; the difference of the three says by how much.

    Args:
        scores: setting, in the grid's order → scores of its seeds, which may be none. Where the middle has none, it is
            not chosen.
        metric: the scores' name.
        udr: setting → UDR score (Duan et al. 2020), where it is known.
        higher: whether higher scores are better.

    Raises:
        UsageError: there are no scores, or one is not finite.
    """
    settings = [name for name, values in scores.items() if len(values)]
    if not settings:
        raise UsageError(f"no setting has scores of {metric}", "finish and evaluate some trials first")
    means = {name: float(matrix([scores[name]]).mean()) for name in settings}
    known = [name for name in settings if name in (udr or {})]
    chosen = {f"best {metric}": (max if higher else min)(settings, key=lambda name: means[name])}
    if udr and known:
        chosen = {"best UDR": max(known, key=lambda name: udr[name]), **chosen}
    chosen[MIDDLE] = list(scores)[(len(scores) - 1) // 2]
    found = {rule: name for rule, name in chosen.items() if name in means}
    return [Selection(rule, name, means[name], len(scores[name])) for rule, name in found.items()]
