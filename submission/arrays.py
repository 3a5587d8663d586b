"""Conversion of codes and factors to numpy arrays: from tensors, tables, sparse and masked arrays, and text labels."""

from __future__ import annotations

from collections.abc import Mapping
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
    named = named_columns(values)
    columns = None if named is None else list(named.values())
    if columns is None:
        array = as_array(values, name)
        if array.dtype.kind not in "OUSMb" or array.ndim not in (1, 2):
            return array.reshape(-1, 1) if array.ndim == 1 and array.dtype.kind in "iuf" else array
        columns = list(array.reshape(len(array), -1).T)
    encoded = [class_numbers(column, f"factor {number} of {name}") for number, column in enumerate(columns)]
    return np.stack(encoded, axis=1) if encoded else np.zeros((0, 0))


def named_columns(values: Any) -> dict[str, Any] | None:
    """Name → column of a mapping, a data frame or a structured array; None for others."""
    if isinstance(values, Mapping):
        return {str(name): column for name, column in values.items()}
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        return {str(column): values[column] for column in values.columns}
    if isinstance(values, np.ndarray) and values.dtype.names:
        return {field: values[field] for field in values.dtype.names}
    return None


def class_numbers(column: Any, name: str) -> Array:
    """Numbers of a column (N,) as they are; anything else as the numbers of its sorted values."""
    array = plain_column(column, name)
    return np.unique(array, return_inverse=True)[1].reshape(-1) if array.dtype.kind in "USb" else array


def plain_column(column: Any, name: str) -> Array:
    """A column (N,) of numbers, truth values, dates or text; categories and mixed objects become text.

    Raises:
        SubmissionError: missing values.
    """
    array = as_array(column, name).reshape(-1)
    if array.dtype.kind not in "OUSM":
        return array
    missing = np.array([value is None or value != value for value in array.tolist()], dtype=bool)
    if missing.any():
        raise SubmissionError(f"{name} has no value in row {int(missing.argmax())}", "leave those rows out")
    return array.astype(str)


def as_numbers(array: Array) -> Array:
    """An array of objects as numbers, where all of them are."""
    flat = array.reshape(-1).tolist()
    if not flat or not all(isinstance(value, int | float | np.number) for value in flat):
        return array
    return np.array(flat).reshape(array.shape)
