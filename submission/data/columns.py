"""Columns of users' factor values → factors and numbers: any numbering, text, real values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.grid import Factor, Label
from submission.data.reading import shown
from submission.errors import SubmissionError

Ints = npt.NDArray[np.int64]
MOST_FACTORS = 32
"""Dimensions of numpy's arrays before version 2."""
MOST_NAME = 100  # letters


def factor_columns(
    columns: Sequence[npt.NDArray[Any]],
    count: int,
    names: Sequence[str],
    periodic: Sequence[bool],
    continuous: Sequence[bool],
    owner: str,
) -> tuple[tuple[Factor, ...], Ints]:
    """Factors, and the numbers of their values (count, K), from one array (count,) for each factor.

    Args:
        owner: the data set's name, for messages.
        names, periodic, continuous: see ``user_data.from_arrays``; empty for the defaults.

    Raises:
        SubmissionError: see there.
    """
    if len(columns) > MOST_FACTORS:
        raise SubmissionError(f"{owner} has {len(columns)} factors, more than {MOST_FACTORS}", "leave factors out")
    called = check_names(names, len(columns), owner)
    cycles, real = (
        check_marks(marks, len(columns), what, owner)
        for marks, what in ((periodic, "periodic"), (continuous, "continuous"))
    )
    default = [column.dtype.kind == "f" for column in columns]
    found = [
        numbered(check_column(column, count, name, owner), name, cycle, is_real, owner)
        for column, name, cycle, is_real in zip(columns, called, cycles, real if continuous else default, strict=True)
    ]
    return tuple(factor for factor, _ in found), np.stack([numbers for _, numbers in found], axis=1)


def check_names(names: Sequence[str], count: int, owner: str) -> list[str]:
    """``names`` of ``count`` factors, or the default names."""
    if not len(names):
        return [f"factor {number}" for number in range(count)]
    fix = f"give {count} different names, one for each factor, or leave them out"
    if len(names) != count or not all(isinstance(name, str) for name in names):
        raise SubmissionError(f"'factor_names' of {owner} is not a list of {count} names", fix)
    given = [str(name).strip() for name in names]
    for name in given:
        if not 0 < len(name) <= MOST_NAME or not name.isprintable():
            raise SubmissionError(f"'factor_names' of {owner} has the name {shown(name)!r}", fix)
        if given.count(name) > 1:
            raise SubmissionError(f"two factors of {owner} are called {name!r}", fix)
    return given


def check_marks(marks: Sequence[bool], count: int, what: str, owner: str) -> list[bool]:
    """One truth value for each of ``count`` factors; none at all means False."""
    if not len(marks):
        return [False] * count
    if len(marks) != count or not all(isinstance(mark, bool | np.bool_) for mark in marks):
        given = shown(str(list(marks)), 60)
        raise SubmissionError(f"'{what}' of {owner} is {given}", f"give True or False for each of {count} factors")
    return [bool(mark) for mark in marks]


def check_column(column: npt.NDArray[Any], count: int, name: str, owner: str) -> npt.NDArray[Any]:
    """One factor's values (count,), if they are numbers, truth values or text."""
    if column.shape != (count,) or column.dtype.kind not in "biufSU":
        shape = "x".join(map(str, column.shape))
        what = f"factor {name!r} of {owner} is {shape} {column.dtype}"
        raise SubmissionError(what, f"give one number or word for each of {count} images")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise SubmissionError(f"factor {name!r} of {owner} has values that are not finite", "leave those images out")
    return column.astype(str) if column.dtype.kind == "S" else column


def numbered(column: npt.NDArray[Any], name: str, periodic: bool, continuous: bool, owner: str) -> tuple[Factor, Ints]:
    """A factor, and the number of each image's value (n,), from the values in rising order."""
    if continuous and column.dtype.kind == "U":
        raise SubmissionError(f"factor {name!r} of {owner} is continuous, but its values are text", "give numbers")
    values, numbers = np.unique(column, return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    labels: list[Label] = values.tolist()
    if periodic and not continuous and column.dtype.kind in "iu":
        labels, numbers = evenly_spaced(values, numbers)
    if column.dtype.kind in "iu" and not continuous and labels == list(range(len(labels))):
        return Factor(name, len(labels), periodic), numbers
    return Factor(name, len(labels), periodic, continuous, tuple(labels)), numbers


def evenly_spaced(values: npt.NDArray[np.integer], numbers: Ints) -> tuple[list[Label], Ints]:
    """Classes of a cycle: those missing between even steps count, so that each step is the same angle.

    Where the missing ones would be most of them, the values are taken as they are.
    """
    first = int(values[0])
    steps = [int(value) - first for value in values.tolist()]
    step = math.gcd(*steps) or 1
    size = steps[-1] // step + 1
    if size == len(values) or size > 2 * len(values):
        return values.tolist(), numbers
    places = np.array([value // step for value in steps], dtype=np.int64)
    return [first + step * place for place in range(size)], places[numbers]
