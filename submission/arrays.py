"""Conversion of codes and factors to numpy arrays: from tensors, tables, sparse and masked arrays, and text labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError

Array = npt.NDArray[Any]


def as_array(values: Any, name: str) -> Array:
    """``values`` as a numpy array.

    Args:
        values: an array, a tensor of any device and type, a data frame, a sparse matrix, or nested lists.
        name: for messages.

    Raises:
        SubmissionError: a masked array with masked entries, which numpy would read as numbers.
    """
    if hasattr(values, "detach"):
        tensor = values.detach().cpu()
        values = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
        values = values.to_dense() if values.is_sparse else values
    elif hasattr(values, "toarray"):
        values = values.toarray()
    if np.ma.is_masked(values):
        raise SubmissionError(f"{name} are a masked array with masked entries", "leave those rows out")
    array = np.asarray(values)
    if array.dtype == np.longdouble and array.dtype != np.float64:
        return as_floats(array, np.float64)
    return as_numbers(array) if array.dtype == object else array


def as_floats(array: Array, kind: type[np.floating[Any]]) -> Array:
    """``array`` as floats of ``kind``, without warnings: too large a number is infinite, and what is none is NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(kind, copy=False)


def as_codes_array(values: Any, name: str) -> Array:
    """Codes as a numpy array (N, D); a single code (N,) is a column."""
    array = as_array(values, name)
    return array.reshape(-1, 1) if array.ndim == 1 and array.dtype.kind in "iufb" else array


def as_factors_array(values: Any, name: str) -> Array:
    """Factors as a numpy array (N, K) of numbers.

    Columns of words, truth values, dates or a data frame's categories become class numbers, in sorted order. A single
    factor (N,) is a column.

    Raises:
        SubmissionError: missing values.
    """
    return as_factors_arrays([values], name)[0]


def as_factors_arrays(parts: Sequence[Any], name: str) -> list[Array]:
    """``as_factors_array`` of several ``parts`` (N, K) of one table: equal words have equal numbers in all of them.

    Columns with names are matched by name, others by position.

    Raises:
        SubmissionError: missing values, or parts with different columns.
    """
    tables = [factor_table(values, name) for values in parts]
    if all(isinstance(table, np.ndarray) for table in tables):
        return [table for table in tables if isinstance(table, np.ndarray)]
    aligned = [columns_in_order(table, tables[0], name) for table in tables]
    if not aligned[0]:
        return [np.zeros((0, 0)) for _ in parts]
    encoded = [
        class_numbers([as_array(column, name).reshape(-1) for column in same], f"factor {number} of {name}")
        for number, same in enumerate(zip(*aligned, strict=True))
    ]
    return [stacked(columns, name) for columns in zip(*encoded, strict=True)]


def factor_table(values: Any, name: str) -> Array | dict[Any, Any]:
    """Factors (N, K) as an array where they are numbers, else column by column; a single factor (N,) is a column."""
    named = named_columns(values)
    if named is not None:
        return named
    array = as_array(values, name)
    if array.dtype.kind not in "OUSMb" or array.ndim not in (1, 2):
        return array.reshape(-1, 1) if array.ndim == 1 and array.dtype.kind in "iuf" else array
    return dict(enumerate(array.reshape(len(array), -1).T))


def columns_in_order(table: Array | dict[Any, Any], first: Array | dict[Any, Any], name: str) -> list[Any]:
    """The columns of ``table`` in the order of those of ``first``; SubmissionError where they are not the same."""
    columns, other = (part if isinstance(part, dict) else dict(enumerate(part.T)) for part in (table, first))
    names, own = list(other), list(columns)
    by_name = {type(key) for key in (*names, *own)} == {str}
    if len(names) != len(own) or (by_name and set(names) != set(own)):
        what = f"{name} have the columns {', '.join(map(str, names))} in one part and {', '.join(map(str, own))}"
        raise SubmissionError(f"{what} in another", "give both the same columns")
    return [columns[key] for key in (names if by_name else own)]


def stacked(columns: Sequence[Array], name: str) -> Array:
    """Columns (N,) as a table (N, K); SubmissionError where their lengths differ."""
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        what = f"{name} have columns of {' and '.join(map(str, lengths))} values"
        raise SubmissionError(what, "give every column one value for each row")
    return np.stack(columns, axis=1)


def named_columns(values: Any) -> dict[str, Any] | None:
    """Name → column of a mapping, a data frame or a structured array; None for others."""
    if isinstance(values, Mapping):
        return {str(name): column for name, column in values.items()}
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        return {str(column): values[column] for column in values.columns}
    if isinstance(values, np.ndarray) and values.dtype.names:
        return {field: values[field] for field in values.dtype.names}
    return None


def class_numbers(parts: Sequence[Array], name: str) -> list[Array]:
    """Numbers of a column in ``parts`` (n,) as they are; anything else as the numbers of its sorted values."""
    try:
        array = plain_column(np.concatenate(parts), name)
    except TypeError:
        kinds = " and ".join(str(part.dtype) for part in parts)
        raise SubmissionError(f"{name} is of different types, {kinds}", "give all of its values in one type") from None
    if array.dtype.kind in "USb":
        array = np.unique(array, return_inverse=True)[1].reshape(-1)
    return np.split(array, np.cumsum([len(part) for part in parts])[:-1])


def plain_column(column: Any, name: str) -> Array:
    """A column (N,) of numbers, truth values, dates or text; categories and mixed objects become text.

    Raises:
        SubmissionError: missing values.
    """
    array = as_array(column, name).reshape(-1)
    if array.dtype.kind not in "OUSM":
        return array
    dates = array.dtype.kind == "M"
    missing = np.isnat(array) if dates else np.array([is_missing(value) for value in array.tolist()], dtype=bool)
    if missing.any():
        raise SubmissionError(f"{name} has no value in row {int(missing.argmax())}", "leave those rows out")
    return array.astype(str)


def is_missing(value: Any) -> bool:
    """Whether ``value`` is None, NaN, NaT, or pandas' NA, whose comparisons are NA again."""
    unequal = value != value
    return value is None or unequal is value or (isinstance(unequal, bool | np.bool_) and bool(unequal))


def as_numbers(array: Array) -> Array:
    """An array of objects as numbers, where all of them are."""
    flat = array.reshape(-1).tolist()
    if not flat or not all(isinstance(value, int | float | np.number) for value in flat):
        return array
    return np.array(flat).reshape(array.shape)
