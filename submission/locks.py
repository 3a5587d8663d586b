"""One process at a time: locks on files, which the system releases when a process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from submission.errors import SubmissionError
from submission.files import unwritable


@contextlib.contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold the lock of the file ``path`` (a hidden neighbour), made by one process at a time; others wait."""
    lock = path.with_name(f".{path.name}.lock")
    prepare(lock)
    with acquired(lock, timeout=-1):
        yield


@contextlib.contextmanager
def exclusive(path: Path, busy: str, fix: str) -> Iterator[None]:
    """Hold the lock file ``path``, created if need be, until the block ends or the process dies.

    Args:
        path: the lock file; it holds the number of the process that has it.
        busy: begins the error's line where another process holds it; its number follows.
        fix: ends it.

    Raises:
        SubmissionError: another process holds the lock, or it cannot be written.
    """
    prepare(path)
    try:
        with acquired(path, timeout=0):
            sign(path)
            yield
    except filelock.Timeout:
        raise SubmissionError(f"{busy} {holder(path)}", fix) from None


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file ``path``. It is taken for a moment to find out."""
    try:
        with acquired(path, timeout=0):
            return False
    except filelock.Timeout:
        return True


def prepare(path: Path) -> None:
    """Make the folder of a lock file; SubmissionError where the file is a link, or cannot be made."""
    if path.is_symlink():
        raise SubmissionError(f"{path} is a link", "delete it: a lock must be a regular file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path.parent, error) from error


@contextlib.contextmanager
def acquired(path: Path, timeout: float) -> Iterator[None]:
    """The lock for the duration of a block; a file system without locks is used without one.

    Raises:
        filelock.Timeout: another process has held it for ``timeout`` seconds.
        SubmissionError: it cannot be written.
    """
    lock = filelock.FileLock(path, timeout=timeout)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise
    except NotImplementedError:
        yield
        return
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def sign(path: Path) -> None:
    """Write this process's number into the lock file, where the system lets a locked file be written."""
    if os.name == "nt":
        return
    try:
        path.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def holder(path: Path) -> str:
    """The process that holds a lock, if its file has it."""
    try:
        number = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        number = ""
    return f"process {number}" if number.isdecimal() else "another process"
