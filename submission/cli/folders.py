"""Run folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from submission.errors import UsageError
from submission.run import Run
from submission.run.places import runs_below


def open_runs(paths: Iterable[Path]) -> list[Run]:
    """The run folders ``paths``; a folder of runs, such as that of ``train.py --seeds``, means all runs in it.

    What ``runs/*`` names beside runs is left out: scores of named files, and the leaderboards of earlier versions.

    Raises:
        SubmissionError: a path is none of these.
        UsageError: no run is left.
    """
    given = list(paths)
    runs = [Run.open(run) for path in given if not beside_runs(path) for run in runs_below(path) or [path]]
    if not runs:
        raise UsageError(f"no run in {', '.join(map(str, given)) or 'nothing'}", "pass a folder that training wrote")
    return runs


def beside_runs(path: Path) -> bool:
    """Whether ``path`` is the scores of a named file, or a leaderboard's file of version 0.3."""
    named = (path / "scores").is_dir() and not Run(path).meta_file.exists()
    return named or path.name.startswith("leaderboard.sqlite")
