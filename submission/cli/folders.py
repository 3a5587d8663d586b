"""Run folders named on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from submission.run_folder import RunFolder


def open_runs(paths: Iterable[Path]) -> list[RunFolder]:
    """The run folders ``paths``, without the leaderboard that evaluation keeps beside them (``runs/*`` names it)."""
    from submission.studies.recording import FILE_NAME

    beside = {f"{FILE_NAME}{end}" for end in ("", "-shm", "-wal", "-journal")}
    return [RunFolder.open(path) for path in paths if path.name not in beside]
