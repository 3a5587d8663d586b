"""Computation of every metric of a plan on every representation."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from submission import reference
from submission.errors import SubmissionError
from submission.evaluation.encoding.encoder import RepresentationError
from submission.evaluation.plan import Plan
from submission.evaluation.representation import ScoredRepresentation, require_reference
from submission.metrics.base import Metric, Scores
from submission.progress import QUIET, Progress

INTERRUPTED = "interrupted before it was finished"


@dataclass(frozen=True)
class MetricResult:
    """Result of one metric for one representation.

    Attributes:
        metric: the metric.
        settings: the settings it ran with.
        runs: its scores, one per seed; empty where it failed or was not computed.
        block_runs: the same with columns joined into blocks, where the metric has such a variant.
        seconds: time it took, encoding included.
        error: why it failed, in one line.
        block_error: why the variant by block failed, where the metric itself did not.
        unavailable: why the preset's metric cannot be computed on this data set; not a failure.
    """

    metric: Metric
    settings: Any
    runs: tuple[Scores, ...] = ()
    block_runs: tuple[Scores, ...] = ()
    seconds: float = 0.0
    error: str = ""
    block_error: str = ""
    unavailable: str = ""


@dataclass(frozen=True)
class ResultColumn:
    """One representation's results in the plan's order.

    Attributes:
        representation: what was scored.
        results: one per metric.
        deviations: standard deviation of each code dimension over 1,000 points of the first seed.
    """

    representation: ScoredRepresentation
    results: tuple[MetricResult, ...]
    deviations: tuple[float, ...]

    def result(self, name: str) -> MetricResult:
        """The result of the metric called ``name``."""
        return next(result for result in self.results if result.metric.name == name)


class ScoringInterrupted(KeyboardInterrupt):
    """Scoring was interrupted.

    Attributes:
        columns: what was finished until then.
    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        super().__init__()
        self.columns = tuple(columns)


def score_all(
    plan: Plan, representations: Sequence[ScoredRepresentation], progress: Progress = QUIET
) -> tuple[ResultColumn, ...]:
    """Every metric of ``plan`` on every representation, the first one first.

    A metric that cannot be computed leaves its reason in the result and does not stop the others.

    Raises:
        RepresentationError: a representation itself is broken.
        ScoringInterrupted: by the user; it holds the metrics that were finished.
    """
    columns: list[ResultColumn] = []
    for representation in representations:
        results: list[MetricResult] = []
        spread: tuple[float, ...] = ()
        try:
            spread = deviations(representation, plan.seeds[0])
            score_one(plan, representation, results, progress)
        except KeyboardInterrupt:
            missing = plan.metrics[len(results) :]
            results += [MetricResult(metric, settings, unavailable=INTERRUPTED) for metric, settings in missing]
            raise ScoringInterrupted([*columns, ResultColumn(representation, tuple(results), spread)]) from None
        columns.append(ResultColumn(representation, tuple(results), spread))
    return tuple(columns)


def deviations(representation: ScoredRepresentation, seed: int) -> tuple[float, ...]:
    """Standard deviation of each code dimension over 1,000 points."""
    codes = representation.sampler(seed, QUIET).points(1_000).codes
    exponents = np.frexp(np.abs(codes).max(axis=0, initial=0))[1]
    scale = np.ldexp(1.0, exponents - 1)  # a power of two, so that nothing is rounded: squares of codes may overflow
    return tuple((scale * (codes / scale).std(axis=0, dtype=np.float64)).tolist())


def score_one(
    plan: Plan, representation: ScoredRepresentation, results: list[MetricResult], progress: Progress
) -> None:
    """Append every metric's result on one representation to ``results``, each as soon as it is there."""
    with progress.task(f"scoring {representation.label}", len(plan.metrics)) as task:
        for metric, settings in plan.metrics:
            task.advance(0, metric.name)
            results.append(attempt(plan, representation, metric, settings, progress))
            task.advance(1)


def attempt(
    plan: Plan, representation: ScoredRepresentation, metric: Metric, settings: Any, progress: Progress
) -> MetricResult:
    """One metric on one representation, for every seed."""
    if metric.full_grid and not representation.full_grid and not plan.named:
        what = f"{metric.name} needs the codes of every combination of factor values, which this data does not have"
        return MetricResult(metric, settings, unavailable=what)
    started = time.perf_counter()
    try:
        runs = tuple(
            finite(score_metric(plan, representation, metric, settings, seed, progress), metric) for seed in plan.seeds
        )
    except RepresentationError:
        raise
    except Exception as error:  # noqa: BLE001 - hours of other metrics are not to be lost with one
        return MetricResult(metric, settings, seconds=time.perf_counter() - started, error=reason_of(error, metric))
    joined, reason = block_scores(plan, representation, metric, settings, runs, progress)
    runs = with_caution(runs, representation, settings)
    return MetricResult(metric, settings, runs, joined, time.perf_counter() - started, block_error=reason)


def finite(scores: Scores, metric: Metric) -> Scores:
    """``scores``, all of which must be numbers.

    Raises:
        SubmissionError: one is NaN or infinite.
    """
    wrong = [name for name, value in scores.values.items() if not math.isfinite(value)]
    if wrong:
        value = scores.values[wrong[0]]
        raise SubmissionError(f"{metric.name}: {wrong[0]} is {value} for these codes", "check the ranges of the codes")
    return scores


def with_caution(runs: tuple[Scores, ...], representation: ScoredRepresentation, settings: Any) -> tuple[Scores, ...]:
    """``runs`` with a note on the first one where most test points are training points, too."""
    share = overlap(representation, getattr(settings, "num_train", 0), getattr(settings, "num_test", 0))
    if share < OVERLAP or not runs:
        return runs
    note = (
        f"{share:.0%} of the test points are also training points, because disentanglement_lib's protocol draws with "
        f"replacement from only {representation.cells:,} images: accuracies are too high"
    )
    return (dataclasses.replace(runs[0], notes=(*runs[0].notes, note)), *runs[1:])


OVERLAP = 0.5
"""Share of test points among the training points from which a score gets a caution."""


def overlap(representation: ScoredRepresentation, train: Any, test: Any) -> float:
    """Expected share of test points that are training points as well, where both are drawn with replacement."""
    points = max(train, default=0) if isinstance(train, Sequence) else train
    if not representation.cells or not points or not test:
        return 0.0
    return 1.0 - (1.0 - 1.0 / representation.cells) ** int(points)


def reason_of(error: Exception, metric: Metric) -> str:
    """Why a metric failed, in one line."""
    if isinstance(error, SubmissionError):
        return str(error)
    lines = str(error).strip().splitlines() or [""]
    return f"{metric.name} stopped with {type(error).__name__}: {lines[0][:200]} — please report it with these codes"


def score_metric(
    plan: Plan, representation: ScoredRepresentation, metric: Metric, settings: Any, seed: int, progress: Progress
) -> Scores:
    """One metric, one seed, by our code or by the real disentanglement_lib."""
    if plan.backend == "submission":
        return metric.score(representation.sampler(seed, progress), settings)
    given = require_reference(representation)
    if metric.name not in reference.METRICS:
        raise SubmissionError(f"disentanglement_lib has no metric {metric.name}", "leave --backend out")
    known = reference.arguments(metric.name)
    named = {key: value for key, value in dataclasses.asdict(settings).items() if key in known}
    found = reference.score(metric.name, given.dataset, given.encode, named, seed)
    return Scores({key: float(value) for key, value in found.items()})


def block_scores(
    plan: Plan,
    representation: ScoredRepresentation,
    metric: Metric,
    settings: Any,
    runs: Sequence[Scores],
    progress: Progress,
) -> tuple[tuple[Scores, ...], str]:
    """The variant of ``runs`` by block, where the metric has one and it differs, or why it failed; by our code."""
    layout, sampler = representation.layout, representation.block_sampler
    block_score = metric.block_score
    if block_score is None or sampler is None or not layout.joins or plan.backend != "submission":
        return (), ""
    try:
        if metric.join is not None and not layout.angles:
            return tuple(metric.join(run, layout.blocks) for run in runs), ""
        return tuple(block_score(sampler(seed, progress), settings, layout.unrolled_blocks) for seed in plan.seeds), ""
    except Exception as error:  # noqa: BLE001 - as in attempt
        return (), reason_of(error, metric)
