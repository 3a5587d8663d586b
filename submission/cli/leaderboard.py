"""``python -m submission leaderboard``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import hidden
from submission.errors import SubmissionError, UsageError, invocation

if TYPE_CHECKING:
    from submission.studies.entries import Collection
    from submission.studies.leaderboard import Repetitions, Row

SUMMARY = "Rank evaluated runs by the challenge's rule, or by one metric."
EPILOG = """examples:
  python -m submission leaderboard                                 every run in runs/, by mean rank in five metrics
  python -m submission leaderboard runs elsewhere/run scores.json  folders, runs and score files
  python -m submission leaderboard --by mig --show each
  python -m submission leaderboard --data cars3d --csv board.csv --json board.json --html board.html

Scores are read from the runs' score files, including those saved by `evaluate --name`. The challenge's rule: rank the
runs in each of five metrics, then order them by their mean rank. A mean rank depends on the other runs in the table:
do not compare mean ranks between tables."""
DEFAULT = Path("runs")


@dataclass(frozen=True)
class LeaderboardOptions:
    """The command line of ``leaderboard``.

    Attributes:
        places: runs, folders of runs, score files.
        data, protocol: which scores; any data set where ``data`` is empty.
        by: the metric to order by; empty for the challenge's order.
        show: average a method's runs, its best one, or each run.
        csv, json, html: files to write.
    """

    places: tuple[Path, ...]
    data: str
    protocol: str
    by: str
    show: Repetitions
    csv: Path | None
    json: Path | None
    html: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``leaderboard``."""
    add = parser.add_argument
    add("runs", nargs="*", type=Path, metavar="RUN", help=f"runs, folders of them, score files (default: {DEFAULT})")
    add("--data", default="", metavar="NAME", help="data set (default: one table per data set)")
    add("--protocol", default="challenge", help="preset of the scores, or e.g. 'study bf16' (default: challenge)")
    add("--by", default="", metavar="METRIC", help="rank by one metric, not by the mean rank of the challenge's five")
    shown = ("mean", "best", "each")
    add(
        "--show",
        choices=shown,
        default="mean",
        help="a method's mean over its runs, its best run, or each run (default: mean)",
    )
    add("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    add("--json", type=Path, metavar="FILE", help="write the table as JSON")
    add("--html", type=Path, metavar="FILE", help="write the table as an HTML page")
    add("--seeds", choices=shown, help=hidden())
    for former in ("--file", "--add", "--method"):
        add(former, nargs="*", help=hidden())


def run(arguments: argparse.Namespace) -> int:
    """Read, rank, show."""
    options = options_of(arguments)
    from submission.challenge.contract import METRICS
    from submission.cli.console import say
    from submission.parallel import available_cores
    from submission.studies.entries import collect, seed_cautions
    from submission.studies.leaderboard import leaderboard

    collection = collect(options.places, available_cores())
    datasets = datasets_of(collection, options)
    files = [f"--{name}" for name in ("csv", "json", "html") if getattr(options, name) is not None]
    if len(datasets) > 1 and files:
        raise UsageError(f"{files[0]} takes one data set, found {', '.join(datasets)}", "choose one with --data NAME")
    for dataset in datasets:
        entries = collection.chosen(dataset, options.protocol)
        rows = leaderboard(entries, list(METRICS), options.show, options.by)
        show(options, dataset, rows, list(dict.fromkeys([*([options.by] if options.by else []), *METRICS])))
        for caution in seed_cautions(entries):
            say(caution)
    for line in collection.cautions():
        say(line)
    return 0


def options_of(arguments: argparse.Namespace) -> LeaderboardOptions:
    """The command line as typed options; UsageError for former ones."""
    from submission.cli.console import warn

    former = {"file": "it reads the runs' score files", "add": "pass the runs", "method": "evaluate with --name"}
    for name, instead in former.items():
        if getattr(arguments, name) is not None:
            fix = f"{instead}: python -m submission leaderboard RUN ..."
            raise UsageError(f"leaderboard --{name} was removed", fix)
    if arguments.seeds is not None:
        warn(f"leaderboard --seeds is now called --show: --show {arguments.seeds}")
    return LeaderboardOptions(
        tuple(arguments.runs) or (DEFAULT,),
        arguments.data,
        arguments.protocol,
        arguments.by,
        arguments.seeds or arguments.show,
        arguments.csv,
        arguments.json,
        arguments.html,
    )


def datasets_of(collection: Collection, options: LeaderboardOptions) -> list[str]:
    """The data sets to rank: the one asked for, or all that have such scores."""
    found = {entry.dataset for entry in collection.entries if entry.protocol == options.protocol}
    names = sorted(name for name in found if options.data in ("", name))
    if names:
        return names
    where = ", ".join(map(str, options.places))
    there = sorted({f"{entry.protocol} on {entry.dataset}" for entry in collection.entries})
    if not there:
        lines = collection.cautions()
        raise SubmissionError(lines[0] if lines else f"{where} has no scores", f"run: {invocation('evaluate')} RUN")
    asked = f"{options.protocol} scores" + (f" on {options.data}" if options.data else "")
    raise SubmissionError(f"{where} has no {asked}, only {', '.join(there)}", "choose with --data and --protocol")


def show(options: LeaderboardOptions, dataset: str, rows: list[Row], metrics: list[str]) -> None:
    """The table in the files asked for, and then on standard output, which may be closed."""
    from submission.cli.console import say, table
    from submission.files import output_json, output_text
    from submission.studies import board

    order = f"by {options.by}" if options.by else "by mean rank, as in the challenge"
    title = f"{dataset}, {options.protocol}, {order}"
    if options.csv:
        output_text(options.csv, board.csv_text(rows, metrics))
    if options.json:
        output_json(options.json, board.plain(dataset, options.protocol, order, rows))
    if options.html:
        output_text(options.html, board.page(title, metrics, rows))
    table(title, board.header(metrics), board.cells(rows, metrics))
    for note in board.notes(rows):
        say(note)
