"""Evaluated runs side by side: method × metric with intervals over seeds, and whether the metrics agree."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission import provenance, text
from submission.errors import SubmissionError, UsageError, invocation
from submission.evaluation.statistics import Summary, rank_correlations, table
from submission.files import user_path
from submission.options import as_list
from submission.run import Run, ScoreFile
from submission.run.scores import data_frames, html_list, html_table
from submission.studies.entries import Collection, Entry, collect, seed_cautions

if TYPE_CHECKING:
    import pandas

    from submission.evaluation import Results

    Evaluated = Run | Path | str | ScoreFile | Results

FEWEST = 3  # runs from which a rank correlation is worth showing


@dataclass(frozen=True, repr=False)
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
        cautions: what a reader must know: scores that are not used, seeds that differ.
    """

    dataset: str
    protocol: str
    runs: dict[str, list[str]]
    methods: dict[str, dict[str, Summary]]
    metrics: tuple[str, ...]
    shared: tuple[str, ...]
    seeds: tuple[tuple[int, ...], ...]
    agreement: npt.NDArray[np.float64] | None
    cautions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        count = sum(map(len, self.runs.values()))
        return f"Comparison({len(self.methods)} methods, {count} runs, {self.dataset}, {self.protocol})"

    @property
    def title(self) -> str:
        """What the table of methods and metrics has in its cells."""
        cell = "mean ± standard deviation over runs, 95 % interval of the mean"
        return f"{self.dataset}, {self.protocol}: {cell}"

    def _repr_html_(self) -> str:
        """The table of methods and metrics, and the cautions, for notebooks."""
        return html_table(["method", "runs", *self.metrics], score_rows(self), self.title) + html_list(self.cautions)

    def to_frame(self) -> pandas.DataFrame:
        """One row per method and metric, with mean, deviation and interval; SubmissionError without pandas."""
        header, *rows = numbers(self)
        return data_frames().DataFrame(rows, columns=header)


def compare(runs: Evaluated | Iterable[Evaluated], dataset: str = "", protocol: str = "challenge") -> Comparison:
    """Summaries of evaluated runs; those that differ in nothing but their seed are repetitions of one method.

    Args:
        runs: evaluated runs, their folders, folders of them, score files, or scores in memory.
        dataset: whose scores to take; needed where there are several.
        protocol: preset of the scores, followed by era, backend and precision where they are not the default.

    Raises:
        SubmissionError: there are no scores of this kind.
        UsageError: a run was given twice, or the scores are of several data sets.
    """
    places = [place_of(run) for run in as_list(runs)]
    if not places:
        raise UsageError("there is nothing to compare", "name runs, folders of runs, or score files")
    collection = collect(places)
    require_scores([place for place in places if isinstance(place, Path)], collection)
    entries = collection.chosen(dataset, protocol)
    missing = [entry for entry in collection.entries if entry.run not in {own.run for own in entries}]
    if missing or not entries:
        raise lacking(missing or list(collection.entries), dataset, protocol)
    datasets = sorted({entry.dataset for entry in entries})
    if len(datasets) != 1:
        fix = f"choose one: --data {shlex.quote(datasets[0])}"
        raise UsageError(f"the runs were scored on {', '.join(datasets)}", fix)
    metrics = tuple(dict.fromkeys(name for entry in entries for name in entry.scores))
    shared = tuple(name for name in metrics if all(name in entry.scores for entry in entries))
    groups = grouped(entries)
    return Comparison(
        datasets[0],
        protocol,
        {method: [entry.run for entry in group] for method, group in groups.items()},
        table({method: collected(group, metrics) for method, group in groups.items()}),
        metrics,
        shared,
        tuple(sorted({seeds for entry in entries for seeds in entry.protocol_seeds})),
        agreement(entries, shared),
        (*collection.cautions(), *seed_cautions(entries)),
    )


def place_of(run: Evaluated) -> Path | ScoreFile:
    """Where the scores of ``run`` are, or the scores."""
    if isinstance(run, Path | str):
        return user_path(run)
    if isinstance(run, Run):
        return run.path
    return run if isinstance(run, ScoreFile) else run.record


def require_scores(places: Sequence[Path], collection: Collection) -> None:
    """SubmissionError for the first place without any scores that count."""
    if collection.unreadable:
        raise SubmissionError(collection.unreadable[0], "restore the file, or evaluate the run again")
    used = [Path(entry.run) for entry in collection.entries]
    for place in places:
        inside = place.resolve()
        if not any(inside in (run, *run.parents) for run in used):
            stale = any(inside in path.resolve().parents for path in collection.stale)
            why = "only scores of an earlier model" if stale else "no scores"
            raise SubmissionError(f"{place} has {why}", f"run: {invocation('evaluate', place)}")


def lacking(entries: Sequence[Entry], dataset: str, protocol: str) -> SubmissionError:
    """The error for runs that were scored, but not like this."""
    run = entries[0].run
    there = ", ".join(f"{entry.protocol} on {entry.dataset}" for entry in entries if entry.run == run)
    asked = f"{protocol} scores" + (f" on {dataset}" if dataset else "")
    return SubmissionError(f"{run} has no {asked}, only {there}", "evaluate it so, or choose others")


def grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries by method."""
    methods: dict[str, list[Entry]] = {}
    for entry in entries:
        methods.setdefault(entry.method, []).append(entry)
    return methods


def collected(entries: Sequence[Entry], metrics: Sequence[str]) -> dict[str, list[float]]:
    """Metric → the scores of the runs that have it."""
    found = {name: [entry.scores[name] for entry in entries if name in entry.scores] for name in metrics}
    return {name: scores for name, scores in found.items() if scores}


def agreement(entries: Sequence[Entry], metrics: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Rank correlations of metrics that every run has, where there are enough of both."""
    if len(entries) < FEWEST or len(metrics) < 2:
        return None
    return rank_correlations({"runs": collected(entries, metrics)})[1]


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
    return text.csv_text(numbers(comparison))


def numbers(comparison: Comparison) -> list[list[Any]]:
    """Header, and one row per method and metric with every digit."""
    fields = [field.name for field in dataclasses.fields(Summary)]
    return [
        ["method", "metric", *fields],
        *(
            [method, name, *(getattr(summary, field) for field in fields)]
            for method, scores in comparison.methods.items()
            for name, summary in scores.items()
        ),
    ]
