"""Codes from any framework: an .npz with ``codes`` and either ``factor_sizes`` or ``factors``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.npz import Array, read_arrays
from submission.errors import SubmissionError
from submission.metrics.base import Codes

LAYOUT = "save codes (N, D) with factor_sizes (K,) for a full grid in row-major order, or with factors (N, K)"
LEAVE_OUT = "leave one of them out: factors tell the values of each row, factor_sizes a full grid in row-major order"
ARRAYS = ("codes", "factor_sizes", "factors", "blocks", "periodic")
MOST_FACTORS = 32
"""Dimensions of numpy's arrays before version 2; a grid of more factors that have two values has no table of codes."""


@dataclass(frozen=True)
class CodesFile:
    """Codes (N, D) float32 with the factors they belong to.

    Attributes:
        path: the file.
        codes: (N, D).
        factors: (N, K), values of each factor numbered 0, 1, ...
        factor_sizes: (K,) where the rows are a full grid in row-major order, else None.
        blocks: a label per column (D,), equal for columns that belong together; None where the file has none.
        periodic: whether each factor (K,) is a cycle.
    """

    path: Path
    codes: Codes
    factors: npt.NDArray[np.int64]
    factor_sizes: tuple[int, ...] | None
    blocks: tuple[int, ...] | None = None
    periodic: tuple[bool, ...] = ()


def load_codes(path: Path) -> CodesFile:
    """Read a table of codes; samples that happen to cover a full grid once are put in its order.

    Raises:
        SubmissionError: missing, unreadable or pickled arrays, other shapes than ``LAYOUT`` says, NaN or infinity, or
            factors that are not the grid of factor_sizes where both are given.
    """
    arrays = read_arrays(path, ARRAYS, LAYOUT)
    codes = checked_codes(path, arrays.get("codes"))
    file = with_factors(path, codes, arrays)
    blocks = checked_blocks(path, arrays["blocks"], codes.shape[1]) if "blocks" in arrays else None
    return replace(file, blocks=blocks, periodic=checked_periodic(path, arrays.get("periodic"), file.factors.shape[1]))


def with_factors(path: Path, codes: Codes, arrays: dict[str, Array]) -> CodesFile:
    """``codes`` with the factors that the arrays give them."""
    if "factor_sizes" in arrays:
        sizes = checked_sizes(path, arrays["factor_sizes"], len(codes))
        factors = np.stack(np.unravel_index(np.arange(len(codes)), sizes), axis=1)
        if "factors" in arrays:
            require_same(path, checked_factors(path, arrays["factors"], len(codes)), factors)
        return CodesFile(path, codes, factors, sizes)
    if "factors" not in arrays:
        raise SubmissionError(f"{path} has neither factor_sizes nor factors", LAYOUT)
    return on_grid(CodesFile(path, codes, checked_factors(path, arrays["factors"], len(codes)), None))


def checked_codes(path: Path, codes: Array | None) -> Codes:
    """``codes`` as float32, if they are finite numbers (N, D)."""
    if codes is None:
        raise SubmissionError(f"{path} has no array 'codes'", LAYOUT)
    if codes.ndim != 2 or 0 in codes.shape or codes.dtype.kind not in "fiu":
        raise SubmissionError(f"codes in {path} are {codes.dtype} of shape {codes.shape}", LAYOUT)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = codes.astype(np.float32)
    bad = ~np.isfinite(narrow).all(axis=1)
    if bad.any():
        what = "NaN or infinity" if not np.isfinite(codes).all() else "numbers too large for float32"
        raise SubmissionError(
            f"codes in {path} contain {what}, first in row {int(bad.argmax())}", "repair the representation"
        )
    return narrow


def checked_sizes(path: Path, sizes: Array, count: int) -> tuple[int, ...]:
    """``factor_sizes`` as a tuple, if their product is the number of codes."""
    if sizes.ndim != 1 or not len(sizes) or not whole(sizes) or (sizes < 1).any():  # type: ignore[operator]
        raise SubmissionError(f"factor_sizes in {path} are not positive integers (K,), one or more", LAYOUT)
    if len(sizes) > MOST_FACTORS:
        raise SubmissionError(
            f"{path} has {len(sizes)} factor_sizes, more than {MOST_FACTORS}", "leave out factors of one value"
        )
    cells = math.prod(sizes.tolist())
    if cells != count:
        raise SubmissionError(
            f"{path} has {count} codes but factor_sizes {sizes.tolist()} make {cells} combinations", LAYOUT
        )
    return tuple(int(size) for size in sizes.tolist())


def checked_blocks(path: Path, labels: Array, width: int) -> tuple[int, ...]:
    """``blocks`` as a tuple, if they are one integer per column of the codes."""
    if labels.shape != (width,) or not whole(labels):
        raise SubmissionError(
            f"blocks in {path} are {labels.dtype} of shape {labels.shape} for {width} columns",
            "give one integer per column of codes, equal for columns that belong together",
        )
    return tuple(int(label) for label in labels.tolist())


def checked_periodic(path: Path, flags: Array | None, count: int) -> tuple[bool, ...]:
    """``periodic`` as a tuple, if it is one truth value per factor; without such an array no factor is a cycle."""
    if flags is None:
        return (False,) * count
    if flags.shape != (count,) or flags.dtype.kind != "b":
        raise SubmissionError(
            f"periodic in {path} is {flags.dtype} of shape {flags.shape} for {count} factors",
            "give one True or False per factor, True for those that are cycles",
        )
    return tuple(bool(flag) for flag in flags.tolist())


def whole(numbers: Array) -> bool:
    """Whether an array holds integers; spans of time, which numpy counts among them, are none."""
    return numbers.dtype.kind in "iu"


def checked_factors(path: Path, factors: Array, count: int) -> npt.NDArray[np.int64]:
    """``factors`` renumbered 0, 1, ... per column, if they are integers (N, K), one row per code."""
    if factors.ndim != 2 or not factors.shape[1] or not whole(factors):
        raise SubmissionError(f"factors in {path} are {factors.dtype} of shape {factors.shape}", LAYOUT)
    if len(factors) != count:
        raise SubmissionError(f"{path} has {count} codes but {len(factors)} rows of factors", LAYOUT)
    return np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in factors.T], axis=1)


def require_same(path: Path, factors: npt.NDArray[np.int64], grid: npt.NDArray[np.int64]) -> None:
    """SubmissionError unless ``factors`` number the same rows as the row-major ``grid`` of the factor sizes."""
    if factors.shape != grid.shape:
        raise SubmissionError(f"{path} has {factors.shape[1]} factors but {grid.shape[1]} factor_sizes", LEAVE_OUT)
    differ = (factors != grid).any(axis=1)
    if differ.any():
        raise SubmissionError(
            f"the factors in {path} are not the row-major grid of its factor_sizes, first in row {differ.argmax()}",
            LEAVE_OUT,
        )


def on_grid(file: CodesFile) -> CodesFile:
    """The same in row-major order where every combination of factor values occurs exactly once."""
    sizes = tuple(int(size) for size in file.factors.max(axis=0) + 1)
    if math.prod(sizes) != len(file.codes) or len(sizes) > MOST_FACTORS:
        return file
    cells = np.ravel_multi_index(tuple(file.factors.T), sizes)
    order = np.argsort(cells, kind="stable")
    if not np.array_equal(cells[order], np.arange(len(cells))):
        return file
    return replace(file, codes=file.codes[order], factors=file.factors[order], factor_sizes=sizes)
