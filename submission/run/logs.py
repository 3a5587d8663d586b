"""The JSON-lines logs of a run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from submission.errors import SubmissionError
from submission.schema import Limits, parse_json, read_regular

Row = Mapping[str, Any]
"""``step``, and by name numbers or lists of numbers."""
LIMITS = Limits(size=512 << 20, depth=2, text=1 << 16, items=1 << 20)
FIX = "delete the file: the run does without it"
MOST_ROWS = 2_000_000


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; lines that are damaged, or cut short by a crash, and values other than numbers are left out.

    Each row has its ``step``, a number; other values are finite numbers or lists of finite numbers.

    Raises:
        SubmissionError: it is not a regular file, or has more bytes or rows than any run logs.
    """
    rows: list[dict[str, Any]] = []
    for line in lines(path):
        if (row := parse_row(line)) is not None:
            rows.append(row)
        if len(rows) > MOST_ROWS:
            raise SubmissionError(f"{path} has more than {MOST_ROWS:,} rows", FIX)
    return rows


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a log with their ends, as they are in the file; none where there is no file."""
    if path.exists():
        yield from read_regular(path, LIMITS.size, FIX).splitlines(keepends=True)


def parse_row(line: bytes) -> dict[str, Any] | None:
    """The row in one line of a log; None where it is damaged."""
    with contextlib.suppress(SubmissionError):
        value = parse_json(line, "the line", "", LIMITS)
        if isinstance(value, dict) and is_number(value.get("step")):
            return {name: item for name, item in value.items() if is_number(item) or is_numbers(item)}
    return None


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_numbers(value: object) -> bool:
    """Whether ``value`` is a list of finite numbers."""
    return isinstance(value, list) and all(map(is_number, value))


def series(log: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    """Steps and values of one logged term."""
    points = [(float(row["step"]), float(row[name])) for row in log if is_number(row.get(name))]
    return [point[0] for point in points], [point[1] for point in points]
