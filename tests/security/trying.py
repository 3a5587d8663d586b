"""Give damaged files of a class to its reader, and count what becomes of them."""

from __future__ import annotations

import contextlib
import faulthandler
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from submission.errors import SubmissionError
from submission.text import printable
from tests.security.classes import CLASSES, Class

LONGEST_LINE = 1000
HANGING = 300
"""Seconds after which reading one file counts as a hang and ends the process."""
BATCH = 200
"""Inputs that Hypothesis draws at a time."""


@dataclass
class Outcomes:
    """What became of the inputs of a class.

    Attributes:
        tried, refused, accepted: numbers of inputs.
        others: what was neither refused in one line nor accepted, with the smallest such input.
    """

    tried: int = 0
    refused: int = 0
    accepted: int = 0
    others: tuple[str, ...] = ()


def attack(name: str, folder: Path, seconds: float, start: int = 0, most: int = 1 << 30) -> Outcomes:
    """Damage valid files of a class and read them, for a time or a number of inputs, or until the first failure.

    A warning counts like an exception. A hang ends the process with a traceback.
    """
    chosen, found = CLASSES[name], Outcomes()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / chosen.file
    valid = valid_files(chosen, path)
    end, batch = time.monotonic() + seconds, 0

    def examine(content: bytes) -> None:
        if found.others or (time.monotonic() < end and found.tried < most):
            path.write_bytes(content)
            if wrong := outcome(found, chosen, path):
                # Hypothesis now looks for smaller ones, and ends with the smallest
                found.others = (f"{wrong}, e.g. {len(content)} bytes: {content[:300]!r}",)
                raise AssertionError(wrong)

    damaged = st.sampled_from(valid).flatmap(chosen.damage)
    while time.monotonic() < end and found.tried < most and not found.others:
        batch += 1
        with contextlib.suppress(AssertionError):
            drawn(examine, damaged, f"{name} {start} {batch}", min(BATCH, most - found.tried))
    return found


def valid_files(chosen: Class, path: Path) -> list[bytes]:
    """The class's valid files, the first of which is accepted."""
    valid = []
    for make in chosen.makes:
        make(path)
        valid.append(path.read_bytes())
    path.write_bytes(valid[0])
    chosen.read(path)
    return valid


def drawn(examine: Callable[[bytes], None], damaged: st.SearchStrategy[bytes], start: str, most: int) -> None:
    """Examine inputs that Hypothesis draws, and raise what the smallest failing one raises."""
    quiet = settings(max_examples=most, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    seed(start)(quiet(given(content=damaged)(examine)))()


def outcome(found: Outcomes, chosen: Class, path: Path) -> str:
    """Read one file and count what becomes of it; what is wrong where that is neither one line nor a result."""
    found.tried += 1
    faulthandler.dump_traceback_later(HANGING, exit=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chosen.read(path)
        found.accepted += 1
    except SubmissionError as error:
        line = str(error)
        if printable(line) != line:
            return f"control characters: {line[:300]!r}"
        if len(line) >= LONGEST_LINE:
            return f"a long line: {line[:300]!r}"
        found.refused += 1
    except Exception as error:  # noqa: BLE001 - what is counted
        return f"{type(error).__name__}: {str(error)[:300]!r}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    return ""
