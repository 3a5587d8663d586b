"""Evaluated runs side by side: method × metric with intervals over seeds, and whether the metrics agree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission import provenance, text
from submission.errors import SubmissionError, UsageError
from submission.evaluation.statistics import Summary, rank_correlations, table
from submission.run import Run
from submission.studies.recording import entries_of, protocol_seeds, require_distinct
from submission.studies.store import Entry

FEWEST = 3  # runs from which a rank correlation is worth showing


@dataclass(frozen=True)
class Comparison:
    """Runs of one data set and protocol.

    Attributes:
        dataset, protocol: what they were scored on, and how.
        runs: method → its run folders.
        methods: method → metric → summary over its runs, in the order in which they were given.
        metrics: headline scores that at least one run has.
        shared: metrics that every run has.
        seeds: the protocol's seeds behind the scores; several tuples where scores were made with different ones.
        agreement: Spearman correlation (M, M) of the shared metrics over all runs; None for fewer than three runs.
    """

    dataset: str
    protocol: str
    runs: dict[str, list[str]]
    methods: dict[str, dict[str, Summary]]
    metrics: tuple[str, ...]
    shared: tuple[str, ...]
    seeds: tuple[tuple[int, ...], ...]
    agreement: npt.NDArray[np.float64] | None


def compare(folders: Iterable[Run], dataset: str = "", protocol: str = "challenge") -> Comparison:
    """Summaries of evaluated runs; those that differ in nothing but their seed are repetitions of one method.

    Args:
        folders: run folders with scores.
        dataset: whose scores to take; needed where there are several.
        protocol: preset of the scores, followed by era, backend and precision where they are not the default.

    Raises:
        SubmissionError: a run has no scores of this kind.
        UsageError: a run folder was given twice, or the scores are of several data sets.
    """
    folders = list(folders)
    entries = [entry for folder in folders for entry in chosen(folder, dataset, protocol)]
    datasets = sorted({entry.dataset for entry in entries})
    if len(datasets) != 1:
        raise UsageError(f"the runs were scored on {', '.join(datasets) or 'nothing'}", "choose with --data NAME")
    require_distinct(folders)
    metrics = tuple(dict.fromkeys(name for entry in entries for name in entry.scores))
    shared = tuple(name for name in metrics if all(name in entry.scores for entry in entries))
    return Comparison(
        datasets[0],
        protocol,
        {method: [entry.run for entry in group] for method, group in grouped(entries).items()},
        table({method: collected(group, metrics) for method, group in grouped(entries).items()}),
        metrics,
        shared,
        tuple(sorted(set().union(*(protocol_seeds(folder, datasets[0], protocol) for folder in folders)))),
        agreement(entries, shared),
    )


def chosen(folder: Run, dataset: str, protocol: str) -> list[Entry]:
    """The entries of a run that are asked for, at least one."""
    found = entries_of(folder)
    wanted = [entry for entry in found if entry.protocol == protocol and dataset in ("", entry.dataset)]
    if not wanted:
        there = ", ".join(f"{entry.protocol} on {entry.dataset}" for entry in found)
        asked = f"{protocol} scores" + (f" on {dataset}" if dataset else "")
        raise SubmissionError(f"{folder.path} has no {asked}, only {there}", "evaluate it so, or choose others")
    return wanted


def grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries by method."""
    methods = dict.fromkeys(entry.method for entry in entries)
    return {method: [entry for entry in entries if entry.method == method] for method in methods}


def collected(entries: Sequence[Entry], metrics: Sequence[str]) -> dict[str, list[float]]:
    """Metric → the scores of the runs that have it."""
    found = {name: [entry.scores[name] for entry in entries if name in entry.scores] for name in metrics}
    return {name: scores for name, scores in found.items() if scores}


def agreement(entries: Sequence[Entry], metrics: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Rank correlations of metrics that every run has, where there are enough of both."""
    if len(entries) < FEWEST or len(metrics) < 2:
        return None
    return rank_correlations({"runs": collected(entries, metrics)})[1]


def seeds_note(comparison: Comparison) -> str:
    """A caution where scores were made with different seeds of the protocol, else nothing."""
    if len(comparison.seeds) < 2:
        return ""
    spans = [f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) for seeds in comparison.seeds]
    return f"Scores were made with different seeds of the protocol ({', '.join(spans)}): evaluate the runs alike."


def score_rows(comparison: Comparison) -> list[list[str]]:
    """Method, number of runs, and each metric's summary, its interval on a second line."""
    return [
        [method, str(len(comparison.runs[method])), *(cell(scores.get(name)) for name in comparison.metrics)]
        for method, scores in comparison.methods.items()
    ]


def cell(summary: Summary | None) -> str:
    """A summary in a narrow column."""
    return "–" if summary is None else str(summary).replace(" [", "\n[")


def agreement_rows(comparison: Comparison) -> list[list[str]]:
    """Each shared metric's correlation with each other one."""
    assert comparison.agreement is not None
    return [
        [name, *("–" if math.isnan(value) else f"{value:+.2f}" for value in row)]
        for name, row in zip(comparison.shared, comparison.agreement, strict=True)
    ]


def plain(comparison: Comparison) -> dict[str, Any]:
    """For JSON; a correlation with a constant score is null."""
    matrix = None
    if comparison.agreement is not None:
        matrix = [[None if math.isnan(value) else value for value in row] for row in comparison.agreement.tolist()]
    return {
        "created": provenance.now(),
        "dataset": comparison.dataset,
        "protocol": comparison.protocol,
        "seeds": [list(seeds) for seeds in comparison.seeds],
        "methods": {
            method: {
                "runs": comparison.runs[method],
                "scores": {name: dataclasses.asdict(summary) for name, summary in scores.items()},
            }
            for method, scores in comparison.methods.items()
        },
        "rank_correlation": {"metrics": list(comparison.shared), "spearman": matrix},
    }


def csv_text(comparison: Comparison) -> str:
    """One line per method and metric, every digit."""
    fields = [field.name for field in dataclasses.fields(Summary)]
    lines: list[list[object]] = [["method", "metric", *fields]]
    for method, scores in comparison.methods.items():
        lines += [[method, name, *(getattr(summary, f) for f in fields)] for name, summary in scores.items()]
    return text.csv_text(lines)
