"""Checkpoints that are whole or refused: atomic, checksummed, with the one before kept."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from submission.errors import SubmissionError
from submission.files import atomic

FORMAT = 1
TAG = b"sha256:"
COMMENT_SIZE = 2 + len(TAG) + 64

State = dict[str, Any]


class DamagedError(SubmissionError):
    """A checkpoint file that is truncated, changed, or not ours."""


def previous(path: Path) -> Path:
    """Where the checkpoint before the one at ``path`` is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def save(path: Path, state: State) -> None:
    """Write ``state`` to ``path``; the file there before is kept as ``previous(path)``.

    The file is an ordinary ``torch.save`` archive of plain containers and tensors. Its archive comment holds the
    SHA-256 of everything before the comment, so that a changed bit is seen before anything is unpickled.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **owned(state)}, buffer)
    archive = buffer.getbuffer()[:-2]  # the last two bytes are the length of the (empty) comment
    with atomic(path) as file:
        file.write(archive)
        file.write(comment(archive))
        file.flush()
        os.fsync(file.fileno())
        if path.exists():
            path.replace(previous(path))


def owned(value: Any) -> Any:
    """``value`` with every tensor that shares a larger memory copied, as ``torch.save`` would write all of that."""
    if isinstance(value, dict):
        return {key: owned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(owned, value))
    if isinstance(value, torch.Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        return value.clone()
    return value


def comment(archive: bytes | memoryview) -> bytes:
    """The end of a checkpoint file: the comment's length and the comment, which names the checksum of the rest."""
    digest = TAG + hashlib.sha256(archive).hexdigest().encode()
    return struct.pack("<H", len(digest)) + digest


def load(path: Path) -> tuple[State, str]:
    """The newest whole state at ``path`` or ``previous(path)``, and a message where it is not the newest file.

    Raises:
        FileNotFoundError: there is no checkpoint at all.
        DamagedError: there is one, but none is whole.
    """
    problems: list[str] = []
    for candidate in (path, previous(path)):
        try:
            return read(candidate), "; ".join(problems)
        except FileNotFoundError:
            problems.append(f"{candidate.name} is missing")
        except DamagedError as error:
            problems.append(error.what)
    if not path.exists() and not previous(path).exists():
        raise FileNotFoundError(path)
    raise DamagedError("; ".join(problems), "train again into another --out; this run cannot be resumed")


def read(path: Path) -> State:
    """The state in one file; DamagedError where its checksum does not fit, SubmissionError for another format."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "make it readable, or train again") from error
    archive = content[:-COMMENT_SIZE]
    if content[-COMMENT_SIZE:] != comment(archive):
        raise DamagedError(f"{path} is damaged (its checksum does not fit)", "restore it")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise DamagedError(f"{path} cannot be read: {error}", "restore it") from error
    if state.get("format") != FORMAT:
        raise SubmissionError(
            f"{path} has checkpoint format {state.get('format')}, this version reads {FORMAT}",
            "resume it with the version that wrote it (see versions in meta.json)",
        )
    return state
