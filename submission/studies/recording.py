"""From a run folder's score files to the leaderboard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from submission.errors import SubmissionError, UsageError
from submission.evaluation import read_scores
from submission.run_folder import RunFolder
from submission.studies.store import Entry, record

SEED_BINDING = "train.seed"
FILE_NAME = "leaderboard.sqlite"


def add_run(leaderboard: Path, folder: RunFolder, method: str = "") -> list[Entry]:
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


def entries_of(folder: RunFolder, method: str = "") -> list[Entry]:
    """The scores of a run, one entry per data set and protocol.

    Where several files hold scores of one data set and protocol, all their metrics count, the newest file's first.
    """
    found: dict[tuple[str, str], Entry] = {}
    for file in score_files(folder):
        entry = entry_of(folder, read_scores(file), method)
        key = (entry.dataset, entry.protocol)
        scores = {**(found[key].scores if key in found else {}), **entry.scores}
        found[key] = Entry(entry.run, entry.method, *key, entry.seed, scores)
    return list(found.values())


def score_files(folder: RunFolder) -> list[Path]:
    """Score files, oldest first."""
    files = sorted(folder.scores.glob("*.json"), key=lambda file: (file.stat().st_mtime, file.name))
    if not files:
        raise SubmissionError(f"{folder.path} has no scores", f"run evaluate.py {folder.path} first")
    return files


def entry_of(folder: RunFolder, scores: dict[str, Any], method: str) -> Entry:
    """One score file as an entry; its first column is the representation itself."""
    meta = folder.meta()
    run = str(folder.path.resolve())
    name = method or method_of(folder, meta)
    return Entry(run, name, scores["data"]["name"], protocol(scores), meta.get("seed", 0), headlines(scores))


def headlines(scores: dict[str, Any]) -> dict[str, float]:
    """Metric → its first score, in the first column of a score file."""
    column = next(iter(scores["columns"].values()))
    return {
        name: outcome["values"][scores["metrics"][name]["headline"]]
        for name, outcome in column["scores"].items()
        if "values" in outcome
    }


def protocol(scores: dict[str, Any]) -> str:
    """What must agree for scores to be comparable: preset; era, precision and backend where not the default."""
    found = {"installed": scores["era"], "submission": scores.get("backend", "submission")}
    found["float32"] = scores.get("representation", {}).get("precision", "float32")
    return " ".join([scores["preset"], *(given for default, given in found.items() if given != default)])


def protocol_seeds(folder: RunFolder, dataset: str, rules: str) -> set[tuple[int, ...]]:
    """The seeds of the protocol that the scores of a run's entry were made with, one tuple unless they are mixed."""
    found: dict[str, tuple[int, ...]] = {}
    for file in score_files(folder):
        scores = read_scores(file)
        if (scores["data"]["name"], protocol(scores)) == (dataset, rules):
            found |= dict.fromkeys(headlines(scores), tuple(scores.get("seeds", ())))
    return set(found.values())


def require_distinct(folders: Sequence[RunFolder]) -> None:
    """UsageError where a run folder was given twice, by whatever name."""
    paths = [folder.path.resolve() for folder in folders]
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError(f"{path} was given twice", "name each run once")


def method_of(folder: RunFolder, meta: dict[str, Any]) -> str:
    """Objective, space and networks, and a short hash of every setting but the seed."""
    lines = folder.config_text().splitlines()
    settings = "\n".join(sorted(line for line in lines if not line.startswith(SEED_BINDING)))
    digest = hashlib.sha256(settings.encode()).hexdigest()[:6]
    model = meta.get("model", {})
    return f"{model.get('objective', 'model')} {meta.get('space', '?')} {model.get('networks', '')} #{digest}"
