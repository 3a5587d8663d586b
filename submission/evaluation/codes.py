"""Codes from any framework: arrays in memory, an .npz, or .npy and .csv files of codes and of factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.arrays import as_codes_array, as_factors_array, as_floats, named_columns
from submission.data.columns import MOST_FACTORS, check_names
from submission.data.npz import Array, read_arrays
from submission.errors import SubmissionError
from submission.evaluation.table_files import LAYOUT, read_table, suffix
from submission.metrics.base import Blocks, Codes

LEAVE_OUT = "leave one of them out: factors are the values of each row, factor_sizes a full grid in row-major order"
ARRAYS = ("codes", "factor_sizes", "factors", "factor_names", "blocks", "periodic")


@dataclass(frozen=True)
class CodesTable:
    """Codes (N, D) with the factors they belong to.

    Attributes:
        name: the file, or what to call codes in memory.
        codes: (N, D), in the precision in which they were given.
        factors: (N, K), values of each factor numbered 0, 1, ...; real numbers where a factor is continuous.
        factor_sizes: (K,) where the rows are a full grid in row-major order, else None.
        blocks: a label per column (D,), equal for columns that belong together; None where there are none.
        periodic: whether each factor (K,) is a cycle.
        continuous: whether each factor (K,) has real values.
        factor_names: of the K factors; factor_0, factor_1, ... where nothing names them.
        path: the file, where there is one.
    """

    name: str
    codes: Codes
    factors: npt.NDArray[Any]
    factor_sizes: tuple[int, ...] | None
    blocks: tuple[int, ...] | None = None
    periodic: tuple[bool, ...] = ()
    continuous: tuple[bool, ...] = ()
    factor_names: tuple[str, ...] = ()
    path: Path | None = None


def load_codes(path: Path, factors: Path | None = None) -> CodesTable:
    """Read codes; samples that happen to cover a full grid once are put in its order.

    Args:
        path: an .npz with ``codes`` and ``factors`` or ``factor_sizes``, which may have ``factor_names`` (K,); or an
            .npy or .csv of codes.
        factors: an .npy or .csv of factors (N, K), which an .npy or .csv of codes needs; the first row of a .csv may
            be names.

    Raises:
        SubmissionError: missing, unreadable or pickled arrays, shapes other than in ``LAYOUT``, NaN or infinity, or
            factors that are not the grid of factor_sizes where both are given.
    """
    alone = suffix(path) in (".npy", ".csv")
    arrays = {"codes": read_table(path)[0]} if alone else read_arrays(path, ARRAYS, LAYOUT)
    if factors is not None:
        arrays["factors"], names = read_table(factors, words=True)
        arrays |= {"factor_names": np.array(names)} if names else {}
    elif alone:
        raise SubmissionError(f"{path} holds codes without factors", "pass --factors FILE.npy or FILE.csv (N, K)")
    return replace(checked_table(str(path), arrays), path=path)


def codes_from_arrays(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    periodic: Sequence[bool] = (),
    blocks: Blocks = (),
    name: str = "codes",
) -> CodesTable:
    """Codes in memory, checked as those of a file are.

    Args:
        codes: (N, D).
        factors: (N, K); columns of a data frame, a mapping or a structured array name the factors.
        periodic: which factors are cycles.
        blocks: columns that belong together, every column in exactly one block; none where every column is alone.
        name: for messages.

    Raises:
        SubmissionError: as for ``load_codes``, or blocks that leave a column out or share one.
    """
    arrays: dict[str, Array] = {
        "codes": as_codes_array(codes, "codes"),
        "factors": as_factors_array(factors, "factors"),
    }
    if named := named_columns(factors):
        arrays["factor_names"] = np.array(list(named))
    if len(periodic):
        arrays["periodic"] = np.asarray(periodic)
    if len(blocks):
        arrays["blocks"] = block_labels(blocks, np.shape(arrays["codes"])[-1], name)
    return checked_table(name, arrays)


def block_labels(blocks: Blocks, width: int, name: str) -> npt.NDArray[np.int64]:
    """The number of the block that each column (D,) is in."""
    columns = [column for block in blocks for column in block]
    if sorted(columns) != list(range(width)):
        what = f"blocks of {name} are {[list(block) for block in blocks]} for {width} columns"
        raise SubmissionError(what, "name every column in exactly one block")
    return np.array([next(k for k, block in enumerate(blocks) if column in block) for column in range(width)])


def checked_table(name: str, arrays: dict[str, Array]) -> CodesTable:
    """The table of ``arrays``."""
    if "factors" in arrays:
        arrays = arrays | {"factors": as_factors_array(arrays["factors"], name)}
    codes = checked_codes(name, arrays.get("codes"))
    table = with_factors(name, codes, arrays)
    blocks = checked_blocks(name, arrays["blocks"], codes.shape[1]) if "blocks" in arrays else None
    count = table.factors.shape[1]
    continuous = table.continuous or (False,) * count
    periodic = checked_periodic(name, arrays.get("periodic"), count)
    names = checked_names(name, arrays.get("factor_names"), count)
    return replace(table, blocks=blocks, periodic=periodic, continuous=continuous, factor_names=names)


def with_factors(name: str, codes: Codes, arrays: dict[str, Array]) -> CodesTable:
    """``codes`` with the factors that the arrays give them."""
    if "factor_sizes" in arrays:
        sizes = checked_sizes(name, arrays["factor_sizes"], len(codes))
        grid = np.stack(np.unravel_index(np.arange(len(codes)), sizes), axis=1)
        if "factors" in arrays:
            require_same(name, checked_factors(name, arrays["factors"], len(codes))[0], grid)
        return CodesTable(name, codes, grid, sizes)
    if "factors" not in arrays:
        raise SubmissionError(f"{name} has neither factor_sizes nor factors", LAYOUT)
    factors, continuous = checked_factors(name, arrays["factors"], len(codes))
    table = CodesTable(name, codes, factors, None, continuous=continuous)
    return table if any(continuous) else on_grid(table)


def checked_codes(name: str, codes: Array | None) -> Codes:
    """``codes`` if they are finite numbers (N, D); integers and half precision as float32 where that is exact."""
    if codes is None:
        raise SubmissionError(f"{name} has no array 'codes'", LAYOUT)
    codes = as_codes_array(codes, name)
    if codes.dtype.kind == "b":
        codes = codes.astype(np.float32)
    if codes.ndim != 2 or 0 in codes.shape or codes.dtype.kind not in "fiu":
        raise SubmissionError(f"codes in {name} are {codes.dtype} of shape {codes.shape}", LAYOUT)
    wide = as_floats(codes, np.float64)
    bad = ~np.isfinite(wide).all(axis=1)
    if bad.any():
        what = f"codes in {name} contain NaN or infinity, first in row {int(bad.argmax())}"
        raise SubmissionError(what, "repair the representation")
    if codes.dtype == np.float32:
        return codes.astype(np.float32, copy=False)
    narrow = as_floats(codes, np.float32)
    exact = codes.dtype.kind in "iu" or codes.dtype.itemsize < 4
    return narrow if exact and np.array_equal(narrow.astype(np.float64), wide) else wide


def checked_sizes(name: str, sizes: Array, count: int) -> tuple[int, ...]:
    """``factor_sizes`` as a tuple, if their product is the number of codes."""
    if sizes.ndim != 1 or not len(sizes) or not whole(sizes) or (sizes < 1).any():  # type: ignore[operator]
        raise SubmissionError(f"factor_sizes in {name} are not positive integers (K,), one or more", LAYOUT)
    if len(sizes) > MOST_FACTORS:
        raise SubmissionError(
            f"{name} has {len(sizes)} factor_sizes, more than {MOST_FACTORS}", "leave out factors of one value"
        )
    cells = math.prod(sizes.tolist())
    if cells != count:
        raise SubmissionError(
            f"{name} has {count} codes but factor_sizes {sizes.tolist()} make {cells} combinations", LAYOUT
        )
    return tuple(int(size) for size in sizes.tolist())


def checked_blocks(name: str, labels: Array, width: int) -> tuple[int, ...]:
    """``blocks`` as a tuple, if they are one integer per column of the codes."""
    if labels.shape != (width,) or not whole(labels):
        raise SubmissionError(
            f"blocks in {name} are {labels.dtype} of shape {labels.shape} for {width} columns",
            "give one integer per column of codes, equal for columns that belong together",
        )
    return tuple(int(label) for label in labels.tolist())


def checked_periodic(name: str, flags: Array | None, count: int) -> tuple[bool, ...]:
    """``periodic`` as a tuple, if it is one truth value per factor; without such an array no factor is a cycle."""
    if flags is None:
        return (False,) * count
    if flags.shape != (count,) or flags.dtype.kind != "b":
        raise SubmissionError(
            f"periodic in {name} is {flags.dtype} of shape {flags.shape} for {count} factors",
            "give one True or False per factor, True for those that are cycles",
        )
    return tuple(bool(flag) for flag in flags.tolist())


def checked_names(name: str, names: Array | None, count: int) -> tuple[str, ...]:
    """``factor_names`` as a tuple, if they are different texts, one per factor; factor_0, ... without such an array."""
    if names is None:
        return tuple(f"factor_{k}" for k in range(count))
    if names.ndim != 1 or names.dtype.kind != "U" or not len(names):
        what = f"factor_names in {name} are {names.dtype} of shape {names.shape} for {count} factors"
        raise SubmissionError(what, "make them a list of texts (K,)")
    return tuple(check_names(names.tolist(), count, name))


def whole(numbers: Array) -> bool:
    """Whether an array holds integers; spans of time, which numpy counts among them, are none."""
    return numbers.dtype.kind in "iu"


def checked_factors(name: str, factors: Array, count: int) -> tuple[npt.NDArray[Any], tuple[bool, ...]]:
    """``factors`` (N, K), one row per code, and which of them are continuous.

    Factors of whole numbers are renumbered 0, 1, ... per column; others are continuous and stay as they are.
    """
    if factors.ndim != 2 or not factors.shape[1] or factors.dtype.kind not in "iufb":
        raise SubmissionError(f"factors in {name} are {factors.dtype} of shape {factors.shape}", LAYOUT)
    if len(factors) != count:
        raise SubmissionError(f"{name} has {count} codes but {len(factors)} rows of factors", LAYOUT)
    if factors.dtype.kind == "f" and not np.isfinite(factors).all():
        bad = int((~np.isfinite(factors).all(axis=1)).argmax())
        raise SubmissionError(f"factors in {name} contain NaN or infinity, first in row {bad}", "leave those rows out")
    real = [column.dtype.kind == "f" and bool((column % 1 != 0).any()) for column in factors.T]
    columns = [
        column.astype(np.float64) if continuous else np.unique(column, return_inverse=True)[1].reshape(-1)
        for column, continuous in zip(factors.T, real, strict=True)
    ]
    return np.stack(columns, axis=1), tuple(real)


def require_same(name: str, factors: npt.NDArray[np.int64], grid: npt.NDArray[np.int64]) -> None:
    """SubmissionError unless ``factors`` number the same rows as the row-major ``grid`` of the factor sizes."""
    if factors.shape != grid.shape:
        raise SubmissionError(f"{name} has {factors.shape[1]} factors but {grid.shape[1]} factor_sizes", LEAVE_OUT)
    differ = (factors != grid).any(axis=1)
    if differ.any():
        raise SubmissionError(
            f"the factors in {name} are not the row-major grid of its factor_sizes, first in row {differ.argmax()}",
            LEAVE_OUT,
        )


def on_grid(file: CodesTable) -> CodesTable:
    """The same in row-major order where every combination of factor values occurs exactly once."""
    sizes = tuple(int(size) for size in file.factors.max(axis=0) + 1)
    if math.prod(sizes) != len(file.codes) or len(sizes) > MOST_FACTORS:
        return file
    cells = np.ravel_multi_index(tuple(file.factors.T), sizes)
    order = np.argsort(cells, kind="stable")
    if not np.array_equal(cells[order], np.arange(len(cells))):
        return file
    return replace(file, codes=file.codes[order], factors=file.factors[order], factor_sizes=sizes)
