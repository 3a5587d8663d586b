"""``python -m submission report``."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "Write a run's report: scores, training curves, reconstructions and latent traversals in one HTML file."
EPILOG = """examples:
  python -m submission report runs/demo

The file refers to nothing outside itself: send it, archive it, open it anywhere."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``report``."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--data-root", type=Path, metavar="FOLDER", help="folder of data files")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from submission.cli.console import say
    from submission.report.run import write_report
    from submission.run import Run

    path = write_report(Run.open(arguments.folder), arguments.data_root)
    say(f"report: {path.resolve()}")
    return 0
