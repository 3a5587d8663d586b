"""``python -m submission compare``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from submission.studies.comparison import Comparison

SUMMARY = "Compare methods by all metrics, with confidence intervals over seeds, and show whether the metrics agree."
EPILOG = """examples:
  python -m submission compare runs/beta_vae/* runs/factor_vae/*
  python -m submission compare runs/* --data cars3d --protocol study --csv scores.csv --json scores.json
  python -m submission compare runs/mine runs/theirs scores.json   (names of `evaluate --name`, and score files)

Runs that differ only in their seed are repetitions of one method, named after the settings that differ between methods.
The table has each method's mean ± standard deviation, and below it the 95 % confidence interval of the mean. With
three runs or more, a second table has the rank correlation (Spearman) between the metrics. The scores are read from
the run folders' scores/*.json; scores of a model that was trained further afterwards are ignored. Another era, backend
or precision is another protocol, e.g. --protocol "challenge bf16"."""


@dataclass(frozen=True)
class CompareOptions:
    """The command line of ``compare``.

    Attributes:
        runs: run folders, folders of them, or score files.
        data: whose scores to take; empty where there is one data set.
        protocol: of the scores.
        csv, json: where to write the tables; None for nowhere.
    """

    runs: tuple[Path, ...]
    data: str
    protocol: str
    csv: Path | None
    json: Path | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> CompareOptions:
        """The command line."""
        return cls(tuple(arguments.runs), arguments.data, arguments.protocol, arguments.csv, arguments.json)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``compare``."""
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="evaluated run folders, folders of run folders, or score files",
    )
    add("--data", default="", metavar="NAME", help="data set (needed if the runs were scored on several)")
    add("--protocol", default="challenge", help="preset of the scores, or e.g. 'study bf16' (default: challenge)")
    add("--csv", type=Path, metavar="FILE", help="write a CSV file, one line per method and metric")
    add("--json", type=Path, metavar="FILE", help="write both tables as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Gather, write, show."""
    from submission.files import output_json, output_text
    from submission.studies.comparison import compare, csv_text, plain

    options = CompareOptions.of(arguments)
    comparison = compare(options.runs, options.data, options.protocol)
    if options.csv:
        output_text(options.csv, csv_text(comparison))
    if options.json:
        output_json(options.json, plain(comparison))
    show(comparison)
    return 0


def show(comparison: Comparison) -> None:
    """The tables on the terminal."""
    from submission.cli.console import say, table
    from submission.studies.comparison import agreement_rows, score_rows

    table(comparison.title, ["method", "runs", *comparison.metrics], score_rows(comparison))
    for caution in comparison.cautions:
        say(caution)
    if comparison.agreement is None:
        say("The agreement of metrics needs three runs or more with two metrics in common.")
        return
    table("rank correlation over all runs", ["", *comparison.shared], agreement_rows(comparison))
    if len(comparison.shared) < len(comparison.metrics):
        say("Metrics that are missing in some run are left out of the second table.")
