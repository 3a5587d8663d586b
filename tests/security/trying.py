"""Give damaged files of a class to its reader, and count what becomes of them."""

from __future__ import annotations

import faulthandler
import random
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from submission.errors import SubmissionError
from submission.text import printable
from tests.security.classes import CLASSES

LONGEST_LINE = 1000
HANGING = 300
"""Seconds after which reading one file counts as a hang and ends the process."""


@dataclass
class Outcomes:
    """What became of the inputs of a class.

    Attributes:
        tried, refused, accepted: numbers of inputs.
        others: what was neither refused in one line nor accepted, with the number of the seed's input.
    """

    tried: int = 0
    refused: int = 0
    accepted: int = 0
    others: tuple[str, ...] = ()


def attack(name: str, folder: Path, seconds: float, seed: int = 0, most: int = 1 << 30) -> Outcomes:
    """Damage valid files of a class and read them, for a time or a number of inputs.

    A warning counts like an exception. A hang ends the process with a traceback.
    """
    chosen, chance = CLASSES[name], random.Random(f"{name} {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    path, valid, found = folder / chosen.file, [], Outcomes()
    for make in chosen.makes:
        make(path)
        valid.append(path.read_bytes())
    path.write_bytes(valid[0])
    chosen.read(path)
    end = time.monotonic() + seconds
    while time.monotonic() < end and found.tried < most:
        path.write_bytes(chosen.damage(chance.choice(valid), chance))
        found.tried += 1
        faulthandler.dump_traceback_later(HANGING, exit=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                chosen.read(path)
            found.accepted += 1
        except (SubmissionError, FileNotFoundError) as error:
            line = str(error)
            good = isinstance(error, SubmissionError) and printable(line) == line and len(line) < LONGEST_LINE
            found.refused += good
            if not good:
                found.others = (*found.others, f"input {found.tried}: {line[:300]!r}")
        except Exception as error:  # noqa: BLE001 - what is counted
            found.others = (*found.others, f"input {found.tried}: {type(error).__name__}: {str(error)[:300]!r}")
        finally:
            faulthandler.cancel_dump_traceback_later()
    return found
