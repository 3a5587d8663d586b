"""Progress bars, tables and messages on the terminal."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from submission import progress
from submission.text import printable


class Output(Console):
    """A console that leaves a closed pipe to ``main.execute``, which sets the exit code."""

    def on_broken_pipe(self) -> None:
        """Say so to the caller instead of ending the process."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


OUT = Output(highlight=False, emoji=False)
ERR = Output(stderr=True, highlight=False, emoji=False)
NARROWEST = 12
"""Letters that the first column of a table keeps on a narrow terminal."""
BORDERS = 3
"""Letters that each column of a table takes beside its cells."""


class Bars(progress.Bars):
    """Progress bars of a command, on standard error."""

    def __init__(self) -> None:
        super().__init__(ERR)


def warn(message: str) -> None:
    """One line for the user on standard error; an error while writing it is ignored."""
    with contextlib.suppress(OSError):
        ERR.print(printable(message), markup=False, soft_wrap=True)


def say(message: str) -> None:
    """One line for the user on standard output."""
    OUT.print(printable(message, lines=True), markup=False, soft_wrap=True)


def print_json(record: dict[str, Any]) -> None:
    """What would go into a file, on standard output."""
    OUT.print(json.dumps(record, indent=2, allow_nan=False), markup=False, soft_wrap=True)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output below its title; the first column is left-aligned, the others right-aligned.

    Nothing is cut: on a terminal the first column and any that is as wide as the terminal are folded, and columns that
    do not fit follow in a table of their own below; elsewhere the table is as wide as its cells.
    """
    say(title)
    for columns in parts([header, *rows]):
        draw([header[column] for column in columns], [[row[column] for column in columns] for row in rows])


def parts(lines: Sequence[Sequence[str]]) -> list[list[int]]:
    """Columns of each table that fits the terminal, the first column in every one."""
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    if not OUT.is_terminal:
        return [list(range(len(widths)))]
    found: list[list[int]] = [[0]]
    available = left = OUT.width - BORDERS - 1 - min(widths[0], max(NARROWEST, OUT.width // 3))
    for column, needed in enumerate(widths[1:], start=1):
        if needed + BORDERS > left and len(found[-1]) > 1:
            found.append([0])
            left = available
        found[-1].append(column)
        left -= needed + BORDERS
    return found


def width(cell: str) -> int:
    """Letters of the longest line of a cell."""
    return max((cell_len(line) for line in cell.splitlines()), default=0)


def draw(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table."""
    lines = [[printable(cell) for cell in header], *([printable(cell, lines=True) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    view = Table()
    for position, column in enumerate(lines[0]):
        whole = not folds(position, widths[position])
        view.add_column(Text(column), justify="right" if position else "left", overflow="fold", no_wrap=whole)
    for row in lines[1:]:
        view.add_row(*map(Text, row))
    view.width = width_of(widths)
    OUT.print(view, crop=False)


def folds(position: int, letters: int) -> bool:
    """Whether a column is folded where the terminal is narrow: the first one, and any that does not fit beside it."""
    return position == 0 or (OUT.is_terminal and letters > OUT.width - NARROWEST - 2 * BORDERS - 1)


def width_of(columns: Sequence[int]) -> int:
    """How wide a table is drawn whose columns would like to have so many letters."""
    whole = sum(columns) + BORDERS * len(columns) + 1
    if not OUT.is_terminal:
        return whole
    spare = sum(max(0, letters - NARROWEST) for n, letters in enumerate(columns) if folds(n, letters))
    return min(whole, max(OUT.width, whole - spare))
