"""aicrowd.json: the manifest that the challenge requires of a submission."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from submission.challenge.contract import CHALLENGE
from submission.errors import SubmissionError
from submission.files import read_json

PLACEHOLDER = "your-aicrowd-user-name"


def text(value: Any) -> bool:
    """A string that says something."""
    return isinstance(value, str) and bool(value.strip())


def names(value: Any) -> bool:
    """A list of at least one name."""
    return isinstance(value, list) and bool(value) and all(text(name) for name in value)


SCHEMA: dict[str, tuple[Callable[[object], bool], str]] = {
    "challenge_id": (lambda value: value == CHALLENGE, f"{CHALLENGE!r}"),
    "grader_id": (lambda value: value == CHALLENGE, f"{CHALLENGE!r}"),
    "authors": (names, "a list of AIcrowd user names"),
    "description": (text, "a sentence"),
    "license": (text, "a licence's name, e.g. 'MIT'"),
    "gpu": (lambda value: isinstance(value, bool), "true or false"),
}
"""Field → (is a value right?, what it must be)."""


def read_manifest(path: Path) -> dict[str, Any]:
    """A valid ``aicrowd.json``.

    Raises:
        SubmissionError: the file is missing, no JSON object, lacks a field, has one with a wrong value, or has one
            that the challenge does not know; all faults in one line.
    """
    manifest = read_json(path)
    if not isinstance(manifest, dict):
        raise SubmissionError(f"{path} is not a JSON object", "start from the one in the repository")
    faults = [f"{name} must be {wanted}" for name, (right, wanted) in SCHEMA.items() if not right(manifest.get(name))]
    faults += [f"{name} is not a field of the challenge" for name in manifest if name not in SCHEMA]
    if faults:
        raise SubmissionError(f"{path}: {'; '.join(faults)}", "correct these fields")
    return manifest


def require_author(path: Path, manifest: dict[str, Any]) -> None:
    """SubmissionError while the shipped placeholder stands in for the authors."""
    if PLACEHOLDER in manifest["authors"]:
        raise SubmissionError(f"{path}: authors is still {PLACEHOLDER!r}", "put your AIcrowd user name there")
