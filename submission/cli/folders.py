"""Run folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from submission.errors import UsageError
from submission.run import Run


def open_runs(paths: Iterable[Path]) -> list[Run]:
    """The run folders ``paths``; the folder of ``train.py --seeds`` means the runs in it.

    What ``runs/*`` names beside runs is left out: scores of named files, and the leaderboards of earlier versions.

    Raises:
        SubmissionError: a path is none of these.
        UsageError: no run is left.
    """
    given = list(paths)
    runs = [Run.open(run) for path in given if not beside_runs(path) for run in run_paths(path) or [path]]
    if not runs:
        raise UsageError(f"no run in {', '.join(map(str, given)) or 'nothing'}", "pass a folder that training wrote")
    return runs


def beside_runs(path: Path) -> bool:
    """Whether ``path`` is the scores of a named file, or a leaderboard's file of version 0.3."""
    named = (path / "scores").is_dir() and not Run(path).meta_file.exists()
    return named or path.name.startswith("leaderboard.sqlite")


def run_paths(path: Path) -> list[Path]:
    """The runs ``seed_0``, ``seed_1``, ... in ``path``, in this order; none where it is a run itself."""
    if Run(path).meta_file.exists():
        return []
    numbers = [run.name.removeprefix("seed_") for run in path.glob("seed_*")]
    return [path / f"seed_{number}" for number in sorted(map(int, filter(str.isdecimal, numbers)))]
