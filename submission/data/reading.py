"""Why a data file cannot be read: it is not there, it may not be read, or it is broken."""

from __future__ import annotations

from pathlib import Path

from submission.errors import SubmissionError

AGAIN = "download it again"


def again(name: str) -> str:
    """What to do about a broken file of the data set ``name``."""
    return f"{AGAIN} (`python -m submission data download {name}`)"


def absent(what: str, fix: str) -> SubmissionError:
    """The error for a file that is not there; ``fix`` is what to do about a broken one."""
    return SubmissionError(what, fix.replace(AGAIN, "download it"))


def forbidden(path: object) -> SubmissionError:
    """The error for a file or folder that this user may not read."""
    return SubmissionError(f"{path} may not be read: permission denied", "change its permissions or its folder's")


def unreadable(path: Path, error: Exception, fix: str, part: str = "") -> SubmissionError:
    """The error for ``path``, or ``part`` of it, that could not be read because of ``error``."""
    if isinstance(error, FileNotFoundError):
        return absent(f"{path} does not exist", fix)
    if isinstance(error, PermissionError):
        return forbidden(path)
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return SubmissionError(f"cannot read {part and f'{part!r} of '}{path}: {reason}", fix)
