"""Errors for users: what is wrong and how to fix it, in one line."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from submission.text import printable

PROGRAMS = ("train.py", "evaluate.py")
"""Commands that are also programs of a checkout."""


class SubmissionError(Exception):
    """Bad input or a failed step in one line: what, where, and what to do about it.

    The commands print it without a traceback and exit with ``exit_code``. Names and values in it may be anybody's: what
    a terminal would obey is written as an escape.
    """

    exit_code = 1
    in_lines = False
    """Whether the message has lines of its own, such as a caret below a text."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what, self.fix = printable(what, lines=True), printable(fix, lines=True)
        super().__init__(f"{self.what} — {self.fix}" if fix else self.what)


class UsageError(SubmissionError):
    """The command line or the configuration is at fault (exit code 2)."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str], otherwise: str, most: int = 3) -> str:
    """What to try for an unknown ``name``: the ``known`` ones closest to it, ``otherwise`` where none is close."""
    close = difflib.get_close_matches(name, list(known), n=most)
    return f"did you mean {' or '.join(close)}?" if close else otherwise


def invocation(name: str, *words: str | Path) -> str:
    """The command ``name`` as a user types it who started this process: ``python train.py``, ``submission train`` …

    Its ``words`` are quoted where a shell would split them, as those of paths with blanks.
    """
    started = Path(sys.argv[0] if sys.argv else "")
    if started.name == f"{name}.py" or (started.name in PROGRAMS and f"{name}.py" in PROGRAMS):
        return shlex.join(["python", f"{name}.py", *map(str, words)])
    program = ["submission"] if started.stem == "submission" else ["python", "-m", "submission"]
    return shlex.join([*program, name, *map(str, words)])
