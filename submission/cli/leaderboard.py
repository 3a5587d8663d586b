"""``python -m submission leaderboard``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import refuse
from submission.errors import SubmissionError, UsageError

if TYPE_CHECKING:
    from submission.studies.leaderboard import Row

SUMMARY = "Rank every evaluated run as the challenge ranked, or by one metric."
EPILOG = """examples:
  python -m submission leaderboard                                 mean of the five metrics' ranks, seeds averaged
  python -m submission leaderboard --by mig --seeds each
  python -m submission leaderboard --add elsewhere/run             record scores made elsewhere as well
  python -m submission leaderboard --data cars3d --csv board.csv --json board.json --html board.html

The challenge's order: every run is ranked in each of the five metrics, and the ranks are averaged. A score alone means
nothing; places depend on who else is there."""
DEFAULT = Path("runs/leaderboard.sqlite")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``leaderboard``."""
    add = parser.add_argument
    add("--file", type=Path, default=DEFAULT, help=f"the leaderboard (default: {DEFAULT})")
    add("--add", nargs="+", type=Path, metavar="RUN", help="record the scores of these run folders first")
    add("--method", default="", help="with --add: what runs of different seeds share (default: from their settings)")
    add("--data", default="", metavar="NAME", help="data set (needed where there are several)")
    add("--protocol", default="challenge", help="of the scores: the preset, or e.g. 'study bf16' (default: challenge)")
    add("--by", default="", metavar="METRIC", help="order by one metric instead of the challenge's combined ranks")
    add("--seeds", choices=("mean", "best", "each"), default="mean", help="average runs, best run counts, or each run")
    add("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    add("--json", type=Path, metavar="FILE", help="write the table as JSON")
    add("--html", type=Path, metavar="FILE", help="write the table as a page")


def run(arguments: argparse.Namespace) -> int:
    """Record, rank, show."""
    if arguments.add is None:
        refuse(arguments, add_arguments, ["method"], "means nothing without --add", "add --add RUN, or leave it out")
    from submission.challenge.contract import METRICS
    from submission.cli.folders import open_runs
    from submission.studies.leaderboard import leaderboard
    from submission.studies.recording import add_run
    from submission.studies.store import entries

    for folder in open_runs(arguments.add or ()):
        add_run(arguments.file, folder, arguments.method)
    found = entries(arguments.file, arguments.data, arguments.protocol)
    names = sorted({entry.dataset for entry in found})
    if not names:
        raise SubmissionError(f"{arguments.file} has no such entries", "check --data and --protocol, or --add runs")
    if len(names) > 1:
        raise UsageError(f"{arguments.file} has several data sets", f"choose one with --data: {', '.join(names)}")
    rows = leaderboard(found, list(METRICS), arguments.seeds, arguments.by)
    show(arguments, names[0], rows, list(dict.fromkeys([*([arguments.by] if arguments.by else []), *METRICS])))
    return 0


def show(arguments: argparse.Namespace, dataset: str, rows: list[Row], metrics: list[str]) -> None:
    """The table in the files asked for, and then on standard output, which may be closed."""
    from submission.cli.console import say, table
    from submission.files import output_json, output_text
    from submission.studies import board

    order = f"by {arguments.by}" if arguments.by else "by mean rank, as the challenge ordered"
    title = f"{dataset}, {arguments.protocol}, {order}"
    header, cells = board.header(metrics), board.cells(rows, metrics)
    if arguments.csv:
        output_text(arguments.csv, board.csv_text(rows, metrics))
    if arguments.json:
        output_json(arguments.json, board.plain(dataset, arguments.protocol, order, rows))
    if arguments.html:
        output_text(arguments.html, board.page(title, header, cells))
    table(title, header, cells)
    if any(row.place is None for row in rows):
        say("Without a place: a score is missing in at least one run.")
