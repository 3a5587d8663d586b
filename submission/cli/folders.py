"""Run folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from submission.run import Run


def open_runs(paths: Iterable[Path]) -> list[Run]:
    """The run folders ``paths``, without the leaderboard that evaluation keeps beside them (``runs/*`` names it).

    The folder of ``train.py --seeds`` stands for the runs in it.
    """
    from submission.studies.recording import FILE_NAME

    beside = {f"{FILE_NAME}{end}" for end in ("", "-shm", "-wal", "-journal")}
    return [Run.open(run) for path in paths if path.name not in beside for run in seeds_in(path) or [path]]


def seeds_in(path: Path) -> list[Path]:
    """The runs ``seed_0``, ``seed_1``, ... in ``path``, in this order; none where it is a run itself."""
    if Run(path).meta_file.exists():
        return []
    numbers = [run.name.removeprefix("seed_") for run in path.glob("seed_*")]
    return [path / f"seed_{number}" for number in sorted(map(int, filter(str.isdecimal, numbers)))]
