"""What a study adds to a report on several runs: the leaderboard of its methods, and the statistics of their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from submission.report.page import Item, Section, Table, Text
from submission.run import ScoreFile
from submission.studies import board
from submission.studies.entries import Entry
from submission.studies.leaderboard import leaderboard
from submission.studies.results import against_reference, comparison_table
from submission.studies.statistics import aggregate

Runs = Sequence[tuple[int, ScoreFile]]
"""Training seed and scores of each run."""


def method_sections(methods: Mapping[str, Runs]) -> list[Section]:
    """A leaderboard and paired tests of methods that were scored on one data set in one way; nothing for a single one.

    Args:
        methods: name → training seed and scores of each of its runs; others are tested against the first method.
    """
    files = [scores for runs in methods.values() for _, scores in runs]
    if len(methods) < 2 or len({(scores.data.name, scores.protocol) for scores in files}) != 1:
        return []
    shared = shared_metrics(files)
    if not shared:
        return []
    return [
        Section("Leaderboard", leaderboard_items(methods, shared)),
        Section("Statistics", statistics_items(methods, shared)),
    ]


def shared_metrics(files: Sequence[ScoreFile]) -> list[str]:
    """The metrics that all files have, as far as their scores go from 0 to 1 and 1 is best."""
    about = files[0].metrics
    shared = [name for name in files[0].headlines() if all(name in scores.headlines() for scores in files)]
    return [name for name in shared if about[name].range == (0.0, 1.0) and about[name].higher_is_better]


def leaderboard_items(methods: Mapping[str, Runs], metrics: Sequence[str]) -> list[Item]:
    """Methods by the mean of their ranks, as the challenge ordered its participants."""
    entries = [
        Entry(f"{method}/seed_{seed}", scores.data.name, scores.protocol, scores.headlines(), seed, method=method)
        for method, runs in methods.items()
        for seed, scores in runs
    ]
    rows = leaderboard(entries, metrics)
    note = (
        f"Methods are ranked in each of {', '.join(metrics)} by their mean over seeds, and the ranks are averaged, as "
        f"in the challenge. {board.LEGEND}"
    )
    return [Table(board.header(metrics), board.cells(rows, metrics), "Leaderboard"), Text(note, "note")]


def statistics_items(methods: Mapping[str, Runs], metrics: Sequence[str]) -> list[Item]:
    """Each method's aggregate over metrics, and its differences from the first method."""
    reference = next(iter(methods))
    values = {method: {name: by_seed(runs, name) for name in metrics} for method, runs in methods.items()}
    found = against_reference(values, reference)
    items: list[Item] = [aggregate_table(methods, metrics)]
    if not found:
        return [*items, Text("Differences cannot be tested: no method has two training seeds in common with "
                             f"{reference}.", "note")]  # fmt: skip
    header, cells = comparison_table(found)
    note = (
        "Differences are paired by training seed. p: t-test, after Holm's correction over the metrics of "
        f"a method. Better: the probability that a seed of the method scores higher than one of {reference}. "
        "The last column says what so many seeds allow to conclude."
    )
    return [*items, Table(header, cells, f"Differences from {reference}"), Text(note, "note")]


def by_seed(runs: Runs, metric: str) -> dict[int, float]:
    """Training seed → score; the mean of runs that have one seed."""
    values: dict[int, list[float]] = {}
    for seed, scores in runs:
        values.setdefault(seed, []).append(scores.headlines()[metric])
    return {seed: sum(own) / len(own) for seed, own in values.items()}


def aggregate_table(methods: Mapping[str, Runs], metrics: Sequence[str]) -> Table:
    """Interquartile mean over seeds and metrics with its stratified bootstrap interval (Agarwal et al., 2021)."""
    rows = []
    for method, runs in methods.items():
        found = aggregate(np.array([[scores.headlines()[name] for name in metrics] for _, scores in runs]))
        rows.append([method, str(found.seeds), f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"])
    title = f"Interquartile mean over seeds and {len(metrics)} metrics, with its 95 % interval"
    return Table(["method", "seeds", "interquartile mean"], rows, title)
