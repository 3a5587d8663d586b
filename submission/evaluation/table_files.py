"""Tables in .npy and .csv files: codes or factors, a row per image."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from submission.arrays import as_factors_array
from submission.data.npz import Array
from submission.data.reading import errors_named, require_regular
from submission.errors import SubmissionError

LAYOUT = "save codes (N, D) with factor_sizes (K,) for a full grid in row-major order, or with factors (N, K)"
MOST_BYTES = 1 << 31
"""Of a .csv file."""


def suffix(path: Path) -> str:
    """The ending of a file's name in lower case."""
    return path.suffix.lower()


def read_table(path: Path, words: bool = False) -> tuple[Array, list[str]]:
    """The array in an .npy file or a .csv file, and the names of its columns where the first row has them.

    Args:
        path: the file.
        words: whether columns of a .csv file may hold words, which become the numbers of the sorted words.
    """
    if suffix(path) != ".csv":
        require_regular(path, LAYOUT)
        with errors_named(path, LAYOUT):
            return np.asarray(np.load(path, allow_pickle=False)), []
    try:
        if require_regular(path, LAYOUT) > MOST_BYTES:
            raise SubmissionError(f"cannot read {path}: it has more than {MOST_BYTES:,} bytes", "save an .npy file")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check the path") from None
    except (UnicodeDecodeError, csv.Error):
        raise SubmissionError(f"cannot read {path}: it is not a table of text", LAYOUT) from None
    if words and len({len(row) for row in rows}) == 1 and not all(is_number(cell) for row in rows[1:] for cell in row):
        return words_as_numbers(rows, str(path))
    start = 0 if not rows or is_number(rows[0][0]) else 1
    try:
        table = np.array(rows[start:], np.float64)
    except ValueError:
        bad = next((k for k, row in enumerate(rows) if k >= start and not all(map(is_number, row))), start) + 1
        what = f"cannot read {path}: row {bad} has another number of values than the first"
        raise SubmissionError(what, "write one row of numbers per image, with commas between them") from None
    exact = table.size and (np.abs(table) < 2**53).all() and (table % 1 == 0).all()
    return table.astype(np.int64) if exact else table, rows[0] if start else []


def words_as_numbers(rows: list[list[str]], name: str) -> tuple[Array, list[str]]:
    """The columns of a table with words; its first row is names where none of its cells occurs again in its column."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    named = not any(column[0] in column[1:] or is_number(column[0]) for column in columns)
    cells = [column[1:] if named else column for column in columns]
    numbers = {k: np.array(c, np.float64 if all(map(is_number, c)) else str) for k, c in enumerate(cells)}
    return as_factors_array(numbers, name), rows[0] if named else []


def is_number(text: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
