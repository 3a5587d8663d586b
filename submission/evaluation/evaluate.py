"""Run a plan on subjects."""

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
from submission.evaluation.subject import Subject, require_reference
from submission.metrics.base import Metric, Scores
from submission.progress import QUIET, Progress


@dataclass(frozen=True)
class Outcome:
    """What became of one metric on one subject.

    Attributes:
        metric: the metric.
        settings: the settings it ran with.
        runs: its scores, one per seed; empty where it failed.
        block_runs: the same with columns joined into blocks, where the metric has such a variant.
        seconds: time it took, encoding included.
        error: why it failed, in one line.
        block_error: why the block-aware variant failed, where the metric itself did not.
    """

    metric: Metric
    settings: Any
    runs: tuple[Scores, ...] = ()
    block_runs: tuple[Scores, ...] = ()
    seconds: float = 0.0
    error: str = ""
    block_error: str = ""

    def value(self, key: str = "") -> float | None:
        """Mean over seeds of a score (the headline by default), or None where there is none."""
        found = [run.values[key or self.metric.headline] for run in self.runs]
        return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class Column:
    """One subject's outcomes in the plan's order.

    Attributes:
        subject: what was scored.
        outcomes: one per metric.
        deviations: standard deviation of each code dimension over 1,000 points of the first seed.
    """

    subject: Subject
    outcomes: tuple[Outcome, ...]
    deviations: tuple[float, ...]

    def outcome(self, name: str) -> Outcome:
        """The outcome of the metric called ``name``."""
        return next(outcome for outcome in self.outcomes if outcome.metric.name == name)


def evaluate(plan: Plan, subjects: Sequence[Subject], progress: Progress = QUIET) -> tuple[Column, ...]:
    """Every metric of ``plan`` on every subject.

    A metric that cannot be computed leaves its reason in the outcome and does not stop the others.

    Raises:
        RepresentationError: a representation itself is broken.
    """
    return tuple(
        Column(subject, evaluate_one(plan, subject, progress), deviations(subject, plan.seeds[0]))
        for subject in subjects
    )


def deviations(subject: Subject, seed: int) -> tuple[float, ...]:
    """Standard deviation of each code dimension over 1,000 points."""
    codes = subject.sampler(seed, QUIET).points(1_000).codes
    return tuple(float(deviation) for deviation in codes.std(axis=0, dtype=np.float64))


def evaluate_one(plan: Plan, subject: Subject, progress: Progress) -> tuple[Outcome, ...]:
    """Every metric on one subject."""
    outcomes = []
    with progress.task(f"scoring {subject.label}", len(plan.metrics)) as task:
        for metric, settings in plan.metrics:
            task.advance(0, metric.name)
            outcomes.append(attempt(plan, subject, metric, settings, progress))
            task.advance(1)
    return tuple(outcomes)


def attempt(plan: Plan, subject: Subject, metric: Metric, settings: Any, progress: Progress) -> Outcome:
    """One metric on one subject, for every seed."""
    started = time.perf_counter()
    try:
        runs = tuple(finite(score(plan, subject, metric, settings, seed, progress), metric) for seed in plan.seeds)
    except RepresentationError:
        raise
    except Exception as error:  # noqa: BLE001 - hours of other metrics are not to be lost with one
        return Outcome(metric, settings, seconds=time.perf_counter() - started, error=reason_of(error, metric))
    joined, reason = block_scores(plan, subject, metric, settings, runs, progress)
    return Outcome(metric, settings, runs, joined, time.perf_counter() - started, block_error=reason)


def finite(scores: Scores, metric: Metric) -> Scores:
    """``scores``, all of which must be numbers.

    Raises:
        SubmissionError: one is NaN or infinite.
    """
    wrong = [name for name, value in scores.values.items() if not math.isfinite(value)]
    if wrong:
        raise SubmissionError(
            f"{metric.name}: {wrong[0]} is {scores.values[wrong[0]]} for these codes", "look at their ranges"
        )
    return scores


def reason_of(error: Exception, metric: Metric) -> str:
    """Why a metric failed, in one line."""
    if isinstance(error, SubmissionError):
        return str(error)
    lines = str(error).strip().splitlines() or [""]
    return f"{metric.name} stopped with {type(error).__name__}: {lines[0][:200]} — please report it with these codes"


def score(plan: Plan, subject: Subject, metric: Metric, settings: Any, seed: int, progress: Progress) -> Scores:
    """One metric, one seed, by our code or by the real disentanglement_lib."""
    if plan.backend == "submission":
        return metric.score(subject.sampler(seed, progress), settings)
    given = require_reference(subject)
    if metric.name not in reference.METRICS:
        raise SubmissionError(f"disentanglement_lib has no metric {metric.name}", "leave --backend out")
    known = reference.arguments(metric.name)
    named = {key: value for key, value in dataclasses.asdict(settings).items() if key in known}
    found = reference.score(metric.name, given.dataset, given.encode, named, seed)
    return Scores({key: float(value) for key, value in found.items()})


def block_scores(
    plan: Plan, subject: Subject, metric: Metric, settings: Any, runs: Sequence[Scores], progress: Progress
) -> tuple[tuple[Scores, ...], str]:
    """The block-aware variant of ``runs``, where the metric has one and it differs, or why it failed; by our code."""
    layout, sampler = subject.layout, subject.block_sampler
    if metric.block_score is None or sampler is None or not layout.joins or plan.backend != "submission":
        return (), ""
    try:
        if metric.join is not None and not layout.angles:
            return tuple(metric.join(run, layout.blocks) for run in runs), ""
        return tuple(
            metric.block_score(sampler(seed, progress), settings, layout.unrolled_blocks) for seed in plan.seeds
        ), ""
    except Exception as error:  # noqa: BLE001 - as in attempt
        return (), reason_of(error, metric)
