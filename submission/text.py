"""Text of unknown origin: safe to show on a terminal, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\n")
"""What makes a spreadsheet run a cell."""
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a terminal obeys or hides: controls, direction overrides, surrogates, unassigned."""


def printable(text: str, lines: bool = False) -> str:
    r"""``text`` with everything that a terminal would obey, or hide, written as an escape.

    Args:
        text: of any origin: metadata, names, answers of servers, assertion texts.
        lines: whether line breaks and tabs stay as they are.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    kept = "\n\t" if lines else ""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in kept or visible(letter) else escaped(letter) for letter in text)


def visible(letter: str) -> bool:
    """Whether a terminal shows ``letter`` as itself."""
    return unicodedata.category(letter) not in HIDDEN


def escaped(letter: str) -> str:
    r"""``letter`` as ``\n``, ``\x1b``, ``\u202e`` …"""
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; texts that a spreadsheet would run as a formula begin with an apostrophe.

    >>> csv_text([["=1+1", -0.5]])
    "'=1+1,-0.5\\n"
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([[cell(value) for value in row] for row in rows])
    return file.getvalue()


def cell(value: object) -> object:
    """One value of a CSV file; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    shown = printable(value, lines=True)
    return f"'{shown}" if shown.startswith(FORMULA) else shown
