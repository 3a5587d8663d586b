"""The leaderboard: entries of one data set, ranked as the challenge ranked or by one score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

import numpy as np

from submission.errors import UsageError
from submission.studies.entries import Entry
from submission.studies.ranking import aggregate

Repetitions = Literal["mean", "best", "each"]


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard.

    Attributes:
        place: 1 for the first; None for an entry that lacks a score and cannot be ranked.
        method: the method, or the run where seeds are shown one by one.
        seeds: number of runs behind it.
        scores: score → value, the mean over seeds unless the best run counts.
        spread: score → sample standard deviation over seeds; empty for one run.
        ranks: score → rank, in the challenge's ranking only.
        mean_rank: their mean.
        run: the run that counts, where it is a single one.
    """

    place: int | None
    method: str
    seeds: int
    scores: dict[str, float]
    spread: dict[str, float]
    ranks: dict[str, int]
    mean_rank: float | None
    run: str


def leaderboard(
    entries: Sequence[Entry], metrics: Sequence[str], repetitions: Repetitions = "mean", by: str = ""
) -> list[Row]:
    """Rows in order of place; those that lack a score follow at the end without a place.

    Args:
        entries: of one data set.
        metrics: the scores that are combined and shown.
        repetitions: ``mean`` averages the runs of a method before ranking; ``best`` ranks every run and lets each
            method's best one count, as the challenge did with submissions; ``each`` ranks every run on its own.
        by: order by this score alone; empty for the challenge's rank aggregation over ``metrics``.
    """
    if by and not any(by in entry.scores for entry in entries):
        known = sorted({name for entry in entries for name in entry.scores})
        raise UsageError(f"no entry has a score {by!r}", f"choose one of {', '.join(known)}")
    needed = [by] if by else list(metrics)
    shown = list(dict.fromkeys([*needed, *metrics]))
    candidates = averaged(entries, shown) if repetitions == "mean" else [single(entry, shown) for entry in entries]
    complete = [row for row in candidates if all(name in row.scores for name in needed)]
    owners = [row.method if repetitions != "each" else row.run for row in complete]
    lower = {name for entry in entries for name in entry.lower}
    signs = {name: -1.0 if name in lower else 1.0 for name in needed}
    scores = [[signs[name] * row.scores[name] for name in needed] for row in complete]
    table = np.array(scores).reshape(len(complete), len(needed))
    rows = []
    for place, ranked in enumerate(aggregate(table, owners), start=1):
        row = complete[ranked.entry]
        name = row.run if repetitions == "each" else row.method
        by_score = {} if by else dict(zip(needed, ranked.ranks, strict=True))
        mean_rank = None if by else ranked.mean_rank
        count = owners.count(owners[ranked.entry]) if repetitions == "best" else row.seeds
        rows.append(Row(place, name, count, row.scores, row.spread, by_score, mean_rank, row.run))
    placed = {id(row) for row in complete}
    return rows + [row for row in candidates if id(row) not in placed]


def single(entry: Entry, metrics: Sequence[str]) -> Row:
    """One run, without a place yet."""
    scores = {name: entry.scores[name] for name in metrics if name in entry.scores}
    return Row(None, entry.method, 1, scores, {}, {}, None, entry.run)


def averaged(entries: Sequence[Entry], metrics: Sequence[str]) -> list[Row]:
    """One row per method, in order of first appearance; a score counts only if every run of the method has it."""
    methods: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        methods[entry.method].append(entry)
    return [mean_row(method, runs, metrics) for method, runs in methods.items()]


def mean_row(method: str, runs: Sequence[Entry], metrics: Sequence[str]) -> Row:
    """Mean and standard deviation over the runs of one method."""
    values = {n: [run.scores[n] for run in runs] for n in metrics if all(n in run.scores for run in runs)}
    spread = {name: stdev(column) for name, column in values.items() if len(column) > 1}
    run = runs[0].run if len(runs) == 1 else ""
    return Row(None, method, len(runs), {name: fmean(column) for name, column in values.items()}, spread, {}, None, run)
