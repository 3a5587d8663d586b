"""One process per run folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from submission.errors import SubmissionError
from submission.files import unwritable

HELD = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` (created if need be) until the block ends or the process dies, however it dies.

    Raises:
        SubmissionError: another process holds it, or it cannot be written.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise unwritable(folder, error) from error
    with file:
        take(file.fileno(), path)
        sign(path)
        yield


def sign(path: Path) -> None:
    """Write this process's number into the lock file."""
    try:
        path.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def take(descriptor: int, path: Path) -> None:
    """Lock an open file at once or refuse; file systems that know no locks are let pass."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in HELD:
            return
        holder = path.read_text().strip() or "another process"
        raise SubmissionError(
            f"{path.parent} is being trained by process {holder}", "wait for it, or choose another --out"
        ) from None
