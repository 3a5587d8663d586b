"""``submission report``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from submission.cli.switches import data_root_option

SUMMARY = "Write a report: scores, the latent space, traversals, training and more in one HTML file."
EPILOG = """examples:
  python -m submission report runs/demo
  python -m submission report runs/seeds
  python -m submission report runs/a runs/b --out comparison.html
  python -m submission report runs/demo/scores/challenge-0.json

A folder of runs (seeds, a sweep) means all runs in it. The file contains all figures and needs no network: send it,
archive it, open it anywhere."""


@dataclass(frozen=True)
class ReportOptions:
    """The command line of ``report``.

    Attributes:
        runs: run folders, folders of them, or a score file.
        out: the page; None for ``report.html`` in the folder.
        root: folder of data files.
    """

    runs: tuple[Path, ...]
    out: Path | None
    root: Path | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ReportOptions:
        """The command line."""
        return cls(tuple(arguments.runs), arguments.out, arguments.data_root)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``report``."""
    about = "run folder, folder of run folders, or a score file"
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help=about)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="HTML file to write (default: report.html in the folder; of a score file, beside it)",
    )
    data_root_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from submission.cli.console import say
    from submission.report.write import write_report
    from submission.studies.sections import method_sections

    options = ReportOptions.of(arguments)
    path = write_report(options.runs, options.root, options.out, method_sections)
    say(f"report: {path}")
    return 0
