"""Atomic writes: a reader sees the old file or the new one, never half of either."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from submission.errors import SubmissionError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of ``path`` for binary writing; on success it replaces ``path``, else it is gone.

    The data reaches the disk (fsync) before the rename, so a crash leaves the old file whole.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def unwritable(path: Path, error: OSError) -> SubmissionError:
    """The error to show when ``path`` cannot be written."""
    return SubmissionError(
        f"cannot write {path}: {error.strerror or error}", "choose a writable folder with free space"
    )


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path`` atomically."""
    with atomic(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically; NaN and infinities are refused (ValueError)."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """Read UTF-8 from ``path``; a missing or broken file is a SubmissionError that names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SubmissionError(f"{path} does not exist", "check the path") from None
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check its permissions") from None
    except UnicodeDecodeError:
        raise SubmissionError(f"cannot read {path}: it is no text", "restore the file or make it again") from None


def read_json(path: Path) -> Any:
    """Read JSON from ``path``; a missing or broken file is a SubmissionError that names it."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"cannot read {path}: {error}", "restore the file or make it again") from None


def write_with(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Let ``write`` fill ``path`` atomically, e.g. ``write_with(path, lambda f: torch.save(state, f))``."""
    with atomic(path) as file:
        write(file)
