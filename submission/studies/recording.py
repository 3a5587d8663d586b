"""From a run folder's score files to the leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from submission.errors import SubmissionError, UsageError
from submission.run import Run, ScoreFile
from submission.studies.store import Entry, record

FILE_NAME = "leaderboard.sqlite"


def add_run(leaderboard: Path, folder: Run, method: str = "") -> list[Entry]:
    """Record every score file of ``folder``; returns the entries, one per data set and protocol.

    Args:
        leaderboard: the leaderboard's file, made if absent.
        folder: an evaluated run.
        method: what runs of different seeds share; by default made from the settings.

    Raises:
        SubmissionError: the run has no scores, or the leaderboard cannot be written.
    """
    found = entries_of(folder, method)
    for entry in found:
        record(leaderboard, entry)
    return found


def entries_of(folder: Run, method: str = "") -> list[Entry]:
    """The scores of a run, one entry per data set and protocol.

    Where several files hold scores of one data set and protocol, all their metrics count, the newest file's first.
    """
    found: dict[tuple[str, str], Entry] = {}
    for file in score_files(folder):
        entry = entry_of(folder, ScoreFile.read(file), method)
        key = (entry.dataset, entry.protocol)
        scores = {**(found[key].scores if key in found else {}), **entry.scores}
        found[key] = Entry(entry.run, entry.method, *key, entry.seed, scores)
    return list(found.values())


def score_files(folder: Run) -> list[Path]:
    """Score files, oldest first."""
    files = folder.score_paths()
    if not files:
        raise SubmissionError(f"{folder.path} has no scores", f"run evaluate.py {folder.path} first")
    return files


def entry_of(folder: Run, scores: ScoreFile, method: str) -> Entry:
    """One score file as an entry; its first column is the representation itself."""
    run, name = str(folder.path.resolve()), method or folder.method
    return Entry(run, name, scores.data.name, scores.protocol, folder.meta.seed, scores.headlines())


def protocol_seeds(folder: Run, dataset: str, rules: str) -> set[tuple[int, ...]]:
    """The seeds of the protocol that the scores of a run's entry were made with, one tuple unless they are mixed."""
    found: dict[str, tuple[int, ...]] = {}
    for file in score_files(folder):
        scores = ScoreFile.read(file)
        if (scores.data.name, scores.protocol) == (dataset, rules):
            found |= dict.fromkeys(scores.headlines(), scores.seeds)
    return set(found.values())


def require_distinct(folders: Sequence[Run]) -> None:
    """UsageError where a run folder was given twice, by whatever name."""
    paths = [folder.path.resolve() for folder in folders]
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError(f"{path} was given twice", "name each run once")
