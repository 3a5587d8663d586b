"""Atomic writes: a reader sees the old file or the new one, never half of either.

The package's own files are replaced by name (``atomic``, ``write_*``); files that a user names for output may be links,
which are followed, or pipes and terminals, which are written to as they are (``output``, ``output_*``).
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from submission.errors import SubmissionError
from submission.schema import read_regular

MOST_TEXT = 256 << 20
"""Bytes of a file of text."""


def user_path(path: Path | str) -> Path:
    """``path`` with a leading ``~`` or ``~user`` replaced by that home folder, where there is one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of ``path`` for binary writing; on success it replaces ``path``, else it is gone.

    The data reaches the disk (fsync) before the rename, so a crash leaves the old file whole.
    """
    path = Path(path)
    if path.is_dir():
        raise SubmissionError(f"cannot write {path}: it is a folder", "name a file")
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


@contextlib.contextmanager
def output(path: Path) -> Iterator[BinaryIO]:
    """Open a file that a user names for binary writing.

    What a link leads to is replaced as ``atomic`` does, and the link stays; a pipe, a terminal or another character
    device is written to. A reader that goes away is a BrokenPipeError.

    Raises:
        SubmissionError: it cannot be written, or is none of these (a folder, a disk, a socket).
    """
    path = user_path(path)
    with straight(path) if streams(path) else atomic(Path(os.path.realpath(path))) as file:
        yield file


@contextlib.contextmanager
def straight(path: Path) -> Iterator[BinaryIO]:
    """Open a pipe or device for writing; the process's own standard output keeps its position."""
    own = standard(path)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY) if own is None else os.dup(own), "wb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error


def streams(path: Path) -> bool:
    """Whether ``path`` is written to rather than replaced."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unwritable(path, error) from error
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or standard(path) is not None:
        return True
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise SubmissionError(f"cannot write {path}: it is a disk or a socket", "name a file or a pipe")
    return False


def standard(path: Path) -> int | None:
    """1 or 2 where ``path`` is this process's standard output or error, by whatever name."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
    return None


def unwritable(path: Path, error: OSError) -> SubmissionError:
    """The error to show when ``path`` cannot be written."""
    return SubmissionError(
        f"cannot write {path}: {error.strerror or error}", "choose a writable folder with free space"
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path`` atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically; NaN and infinities are refused (ValueError)."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """``value`` as indented JSON without NaN and infinities (ValueError)."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def output_text(path: Path, text: str) -> None:
    """``write_text`` for a file that a user names."""
    with output(path) as file:
        file.write(text.encode())


def output_json(path: Path, value: Any) -> None:
    """``write_json`` for a file that a user names."""
    output_text(path, json_text(value))


def read_text(path: Path) -> str:
    """Read UTF-8 from ``path``; a missing, broken, special or huge file is a SubmissionError that names it."""
    try:
        return (
            read_regular(Path(path), MOST_TEXT, "check the path")
            .decode("utf-8")
            .replace("\r\n", "\n")
            .replace("\r", "\n")
        )
    except UnicodeDecodeError:
        raise SubmissionError(f"cannot read {path}: it is not text", "restore the file or make it again") from None


def read_json(path: Path) -> Any:
    """Read JSON from ``path``; a missing or broken file is a SubmissionError that names it."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"cannot read {path}: {error}", "restore the file or make it again") from None
