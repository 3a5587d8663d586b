"""Outcomes as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from submission.evaluation.evaluate import Column, Outcome
from submission.evaluation.statistics import summarise
from submission.metrics.base import Scores


def rows(columns: Sequence[Column]) -> list[list[str]]:
    """One row per shown score: its name, and its value in every column; block-aware scores below plain ones."""
    found = []
    for position, first in enumerate(columns[0].outcomes):
        outcomes = [column.outcomes[position] for column in columns]
        for key in (first.metric.headline, *first.metric.shown):
            found.append([title(first, key), *(cell(outcome.runs, key) for outcome in outcomes)])
            if any(key in run.values for outcome in outcomes for run in outcome.block_runs):
                found.append(["  by block", *(cell(outcome.block_runs, key) for outcome in outcomes)])
    return found


def title(outcome: Outcome, key: str) -> str:
    """Name of a row."""
    metric = outcome.metric
    arrow = "" if metric.higher_is_better else " (lower is better)"
    return f"{metric.name}{arrow}" if key == metric.headline and not metric.shown else f"{metric.name} {key}{arrow}"


def cell(runs: Sequence[Scores], key: str) -> str:
    """Mean, and where there are several seeds standard deviation and bootstrap interval."""
    values = [run.values[key] for run in runs if key in run.values]
    return str(summarise(values)) if values else "–"


def remarks(columns: Sequence[Column]) -> Iterator[str]:
    """Cautions about metrics, notes about values, reasons for gaps; what is true of several columns is said once."""
    for outcome in columns[0].outcomes:
        if outcome.metric.caution:
            yield f"{outcome.metric.name}: {outcome.metric.caution}"
    told: dict[str, list[str]] = {}
    for column in columns:
        for outcome in column.outcomes:
            for note in notes(outcome):
                told.setdefault(f"{outcome.metric.name}: {note}", []).append(column.subject.label)
    yield from (f"{', '.join(labels)}, {remark}" for remark, labels in told.items())


def notes(outcome: Outcome) -> tuple[str, ...]:
    """The first seed's notes, or why there is nothing."""
    if outcome.error:
        return (outcome.error,)
    return (*outcome.runs[0].notes, *([f"by block: {outcome.block_error}"] if outcome.block_error else []))
