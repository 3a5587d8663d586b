"""Checkpoints: written atomically with a checksum, verified when read; the previous one is kept."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from submission.errors import SubmissionError, invocation
from submission.files import atomic
from submission.schema import read_regular

FORMAT = 1
MOST_BYTES = 64 << 30
TAG = b"sha256:"
COMMENT_SIZE = 2 + len(TAG) + 64

State = dict[str, Any]

REQUIRED: dict[str, type | tuple[type, ...]] = {
    "step": int,
    "fraction": (int, float),
    "reserve": (int, float),
    "ahead": (int, float),
    "seconds": (int, float),
    "config": str,
    "precision": str,
    "versions": dict,
    "data": dict,
    "model": dict,
    "objective": dict,
    "optimizer": dict,
    "random": dict,
}
"""Entries of a training checkpoint and their types."""
OPTIONAL: dict[str, type | tuple[type, ...]] = {"validation": dict, "best_model": dict, "average": dict}
"""Entries that only some have: held-out images' best ELBO and its weights, averaged weights."""
VALUES: dict[str, type] = {
    **dict.fromkeys(("versions", "data"), str),
    **dict.fromkeys(("model", "best_model", "average"), torch.Tensor),
}
"""What the values of these entries are."""


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


def owned(value: Any, copies: dict[object, torch.Tensor] | None = None) -> Any:
    """``value`` with every tensor that shares a larger memory copied, as ``torch.save`` would write all of that.

    Tensors that are one another stay so: ``copies`` holds what has been copied.
    """
    copies = {} if copies is None else copies
    if isinstance(value, dict):
        return {key: owned(item, copies) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(owned(item, copies) for item in value)
    if isinstance(value, torch.Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        key = value.data_ptr(), value.shape, value.stride(), value.dtype
        return copies.setdefault(key, value.clone())
    return value


def comment(archive: bytes | memoryview) -> bytes:
    """The end of a checkpoint file: the comment's length and the comment, which names the checksum of the rest."""
    digest = TAG + hashlib.sha256(archive).hexdigest().encode()
    return struct.pack("<H", len(digest)) + digest


def load(path: Path) -> tuple[State, str]:
    """The newest whole training state at ``path`` or ``previous(path)``, and a message where it is not the newest file.

    Raises:
        FileNotFoundError: there is no checkpoint at all.
        DamagedError: there is one, but none is whole.
    """
    problems: list[str] = []
    for candidate in (path, previous(path)):
        try:
            return read_training(candidate), "; ".join(problems)
        except FileNotFoundError:
            problems.append(f"{candidate.name} is missing")
        except DamagedError as error:
            problems.append(error.what)
    if not path.exists() and not previous(path).exists():
        raise FileNotFoundError(path)
    raise DamagedError("; ".join(problems), "train again into another --out; this run cannot be resumed")


def exported_weights(path: Path, best: Path) -> dict[str, torch.Tensor]:
    """The weights that the run with the checkpoint ``path`` exported: best, else averaged, else last.

    Args:
        best: where runs of version 0.3 kept the best weights in a file of their own.

    Raises:
        SubmissionError: they are missing or damaged, or those in ``best`` are not of this checkpoint.
    """
    resume = invocation("train", "--resume", "--out", path.parent)
    try:
        state = read_training(path)
        if not state.get("validation", {}).get("best_step"):
            return dict(state.get("average") or state["model"])
        return dict(state["best_model"]) if "best_model" in state else separate_best(best, state)
    except FileNotFoundError:
        known = previous(path).exists()
        fix = f"{resume} continues from {previous(path).name}" if known else "train it"
        raise SubmissionError(f"{path.parent} has no model: {path.name} is missing", fix) from None
    except DamagedError as error:
        raise SubmissionError(error.what, f"{resume} continues from the previous checkpoint") from error


def separate_best(best: Path, state: State) -> dict[str, torch.Tensor]:
    """The weights in the file ``best``, which must be those that ``state`` means."""
    try:
        found = read(best)
    except FileNotFoundError:
        raise SubmissionError(f"{best} is missing: it holds the best weights", "train it again") from None
    except DamagedError as error:
        raise SubmissionError(error.what, "restore it (it holds the best weights), or train again") from error
    if found.get("validation") != state["validation"] or not isinstance(found.get("model"), dict):
        raise SubmissionError(f"{best} does not hold the best weights of its checkpoint", "train it again")
    return dict(found["model"])


def read_training(path: Path) -> State:
    """``read``, checked to be a training state; DamagedError where it is not."""
    state = read(path)
    problem = mismatch(state)
    if problem:
        raise DamagedError(f"{path} is not a checkpoint of a training run: {problem}", "restore it")
    return state


def mismatch(state: State) -> str:
    """The first entry of ``state`` that a training state cannot have; empty where all is well."""
    for name, kind in {**REQUIRED, **{name: OPTIONAL[name] for name in OPTIONAL if name in state}}.items():
        value = state.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"{name} is {printable(value)}"
        entries: Any = value
        inner = VALUES.get(name)
        if inner and not all(isinstance(key, str) and isinstance(item, inner) for key, item in entries.items()):
            return f"{name} contains values that are not {inner.__name__}"
    if state["step"] < 0 or not 0 <= state["fraction"] <= 1:
        return f"step {state['step']}, fraction {state['fraction']}"
    if "validation" in state:
        best, best_step = state["validation"].get("best"), state["validation"].get("best_step")
        if not (isinstance(best, float) and isinstance(best_step, int) and 0 <= best_step <= state["step"]):
            return f"validation is {printable(state['validation'])}"
    return ""


def printable(value: object) -> str:
    """``value`` in at most 60 characters of ASCII."""
    return "missing" if value is None else ascii(value)[:60]


def read(path: Path) -> State:
    """The state in one file; DamagedError where its checksum is wrong, SubmissionError for another format."""
    if not path.exists():
        raise FileNotFoundError(path)
    content = read_regular(path, MOST_BYTES, "make it readable, or train again")
    archive = content[:-COMMENT_SIZE]
    if content[-COMMENT_SIZE:] != comment(archive):
        raise DamagedError(f"{path} is damaged (its checksum is wrong)", "restore it")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if isinstance(error, pickle.UnpicklingError):  # torch's words advise to run the pickle
            reason = "it contains objects other than tensors and plain containers"
        raise DamagedError(f"{path} cannot be read: {reason}", "restore it") from error
    if not isinstance(state, dict):
        raise DamagedError(f"{path} holds a {type(state).__name__}, not a checkpoint", "restore it")
    if state.get("format") != FORMAT:
        raise SubmissionError(
            f"{path} has checkpoint format {printable(state.get('format'))}, this version reads {FORMAT}",
            "resume it with the version that wrote it (see versions in meta.json)",
        )
    return state
