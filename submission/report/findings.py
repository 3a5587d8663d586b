"""Verdicts on a run or on methods in words, and the warnings of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from submission.errors import invocation
from submission.evaluation.statistics import summarise
from submission.latent.families import COLLAPSED
from submission.metrics.registry import title
from submission.run import Run, ScoreFile
from submission.run.scores import UNTRAINED

FEW_UPDATES = 10_000
"""Training runs shorter than this are called short; Locatello et al. (2019) train for 300,000 updates."""
FAR, CLEAR = 3.0, 0.1
"""A score is far above the untrained encoder's where it is at least ``FAR`` times as high and ``CLEAR`` higher."""


def collapsed(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Which of the components ``names`` have a KL below ``COLLAPSED`` nats in the last of the logged ``records``."""
    last = records[-1].get("kl", []) if records else []
    return [name for name, kl in zip(names, last, strict=False) if kl < COLLAPSED]


def main_metric(scores: ScoreFile) -> str:
    """The metric of the verdict: MIG, else the first whose scores lie between 0 and 1, else none."""
    values = scores.headlines()
    fitting = [
        name for name in values if scores.metrics[name].range == (0.0, 1.0) and scores.metrics[name].higher_is_better
    ]
    return "mig" if "mig" in fitting else next(iter(fitting), "")


def verdict(scores: Sequence[ScoreFile], unused: int | None = None, components: int = 0) -> str:
    """One sentence: the main score with its interval, how it compares with no training, and unused components.

    Args:
        scores: of one method, one file per training seed, on one data set.
        unused: how many components have collapsed, where it is known.
        components: how many there are.
    """
    parts = []
    name = main_metric(scores[0]) if scores else ""
    if name:
        values = [value for file in scores if (value := file.headlines().get(name)) is not None]
        base = [
            value for file in scores if UNTRAINED in file.columns and (value := file.value(UNTRAINED, name)) is not None
        ]
        parts.append(f"{title(name)} {amount(values)}{comparison(values, base)}")
    elif not scores:
        parts.append("Not evaluated yet")
    if unused is not None and components:
        many = f"{components:,} component{'s' if components != 1 else ''}"
        parts.append(f"{unused:,} of {many} unused" if unused else f"no unused component among {components:,}")
    return "; ".join(parts) + "." if parts else ""


def amount(values: Sequence[float]) -> str:
    """``0.31`` for one seed, ``0.31 [0.27, 0.36] over 5 seeds`` for several: mean and 95 % interval inside 0 to 1."""
    summary = summarise(values).within(0.0, 1.0)
    if summary.count == 1:
        return f"{summary.mean:.2f}"
    return f"{summary.mean:.2f} [{summary.low:.2f}, {summary.high:.2f}] over {summary.count} seeds"


def comparison(values: Sequence[float], base: Sequence[float]) -> str:
    """How values compare with those of the untrained encoder."""
    if not base:
        return ""
    mean, level = sum(values) / len(values), sum(base) / len(base)
    if mean <= level or f"{mean:.2f}" == f"{level:.2f}":
        words = "not above"
    elif mean >= FAR * level and mean - level >= CLEAR:
        words = "far above"
    else:
        words = "above"
    return f", {words} an untrained encoder ({level:.2f})"


def warnings(run: Run, scores: ScoreFile | None, stale: Sequence[ScoreFile], names: Sequence[str]) -> list[str]:
    """What a reader of one run's report must know before the numbers.

    Args:
        run: the run.
        scores: the scores that are shown, if there are any.
        stale: scores of an earlier export.
        names: of the latent components.
    """
    return [*score_warnings(run, scores, stale), *training_warnings(run), *component_warnings(run, names)]


def score_warnings(run: Run, scores: ScoreFile | None, stale: Sequence[ScoreFile]) -> list[str]:
    """Scores that are missing, out of date, or no better than without training."""
    found = []
    if stale:
        what = "score file is" if len(stale) == 1 else "score files are"
        found.append(f"{len(stale)} {what} of an earlier export and not shown. Run: {invocation('evaluate', run.path)}")
    if scores is None:
        if not stale:
            factors = run.meta.dataset.factor_names
            found.append(
                f"There are no scores yet: {invocation('evaluate', run.path)}" if factors
                else "The data set has no known factors of variation, so that no score can be computed."
            )  # fmt: skip
        return found
    low = [title(name) for name in low_metrics(scores)]
    if low:
        found.append(f"At or below the untrained encoder: {', '.join(low)}.")
    if UNTRAINED not in scores.columns:
        found.append("The untrained encoder was not scored: evaluate without --no-baselines to compare with it.")
    failed = [title(name) for name, outcome in scores.columns[scores.label].scores.items() if outcome.error]
    if failed:
        found.append(f"Could not be computed: {', '.join(failed)}; the table of scores says why.")
    return found


def low_metrics(scores: ScoreFile) -> list[str]:
    """Metrics whose headline is no better than the untrained encoder's."""
    found = []
    for name, value in scores.headlines().items():
        base = scores.value(UNTRAINED, name) if UNTRAINED in scores.columns else None
        better = 1 if scores.metrics[name].higher_is_better else -1
        if base is not None and better * value <= better * base:
            found.append(name)
    return found


def training_warnings(run: Run) -> list[str]:
    """Training that was interrupted, cut short, or is short."""
    training, found = run.meta.training, []
    if run.failure_file.is_file():
        found.append(f"A loss was not finite during training: see {run.failure_file.name}.")
    if not training.finished:
        found.append(
            f"Training was interrupted after {updates(training.steps)} ({training.fraction:.0%} of the schedule): "
            f"{invocation('train', '--resume', '--out', run.path)}"
        )
    elif training.ended_by == "time budget" and training.fraction < 1:
        found.append(f"The time budget ended training at {training.fraction:.0%} of the schedule.")
    if training.ahead > 0:
        found.append(f"The time budget advanced the schedules by up to {training.ahead:.0%} of the run.")
    if training.finished and training.steps < FEW_UPDATES:
        found.append(
            f"Training was short: {updates(training.steps)}. "
            "Scores of such runs vary strongly between seeds and machines."
        )
    return found


def updates(count: int) -> str:
    """``1 update``, ``3,000 updates``."""
    return f"{count:,} update{'s' if count != 1 else ''}"


def component_warnings(run: Run, names: Sequence[str]) -> list[str]:
    """Collapsed components."""
    flat = collapsed(run.components(), names)
    if not flat:
        return []
    listed = ", ".join(flat[:12]) + (f" and {len(flat) - 12:,} more" if len(flat) > 12 else "")
    return [f"{len(flat):,} of {len(names):,} components have collapsed (KL below {COLLAPSED} nats): {listed}."]
