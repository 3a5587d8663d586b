"""The one exception a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SubmissionError(Exception):
    """Bad input or a failed step, told in one line: what, where, and what to do about it.

    The commands print it without a traceback and exit with ``exit_code``.
    """

    exit_code = 1

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what} — {fix}" if fix else what)
        self.what = what
        self.fix = fix


class UsageError(SubmissionError):
    """The command line or the configuration is at fault (exit code 2)."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str], otherwise: str, most: int = 3) -> str:
    """What to try for an unknown ``name``: the ``known`` ones closest to it, ``otherwise`` where none is close."""
    close = difflib.get_close_matches(name, list(known), n=most)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
