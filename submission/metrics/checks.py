"""Checks of the input of metrics; each error is one line that names the problem and a fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.arrays import as_codes_array, as_factors_array
from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Points

LARGEST = {"float32": 1e18, "float64": 1e150}
"""Squares of larger codes overflow."""


def check_points(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    metric: str,
    min_codes: int = 1,
    min_factors: int = 1,
    continuous: Sequence[bool] = (),
    varied: bool = True,
) -> Points:
    """Codes (N, D) and factors (N, K) as arrays that ``metric`` can score.

    Args:
        codes: numbers (N, D). float32 and float64 stay as they are; other types become float32 where that loses
            nothing, else float64.
        factors: (N, K) integers, or real numbers in the columns that are ``continuous``.
        metric: its name, for messages.
        min_codes, min_factors: the fewest columns that the metric can compare.
        continuous: which factors (K,) have real values; none by default.
        varied: refuse a single sample and a factor with a single value.

    Raises:
        SubmissionError: other shapes, different lengths, NaN, infinite or gigantic codes, fewer than ``min_codes``
            code dimensions or ``min_factors`` factors, no samples, real values in a factor that is not
            ``continuous``, or a factor with a single value.
    """
    codes, factors = as_codes(codes, metric), as_factors_array(factors, "factors")
    if codes.ndim != 2 or factors.ndim != 2:
        raise SubmissionError(
            f"{metric} takes codes (N, D) and factors (N, K), not {codes.shape} and {factors.shape}", "reshape them"
        )
    if len(codes) != len(factors):
        raise SubmissionError(
            f"{metric}: {len(codes)} codes but {len(factors)} rows of factors", "give one row of factors per code"
        )
    check_codes(codes, metric, min_codes)
    return Points(codes, check_factors(factors, metric, min_factors, continuous, varied))


def as_codes(codes: npt.ArrayLike, metric: str) -> Codes:
    """Numbers as an array of float32 or float64.

    Raises:
        SubmissionError: they are not real numbers.
    """
    array: npt.NDArray[Any] = as_codes_array(codes, "codes")
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind not in "fiub":
        raise SubmissionError(f"{metric}: codes of type {array.dtype} are not real numbers", "give an array of floats")
    single = array.astype(np.float32)
    return single if np.array_equal(single.astype(array.dtype), array) else array.astype(np.float64)


def check_codes(codes: Codes, metric: str, min_codes: int = 1) -> None:
    """The part of ``check_points`` that concerns codes (N, D)."""
    if codes.shape[1] < min_codes:
        raise SubmissionError(
            f"{metric} needs at least {min_codes} code dimensions, got {codes.shape[1]}",
            "give more dimensions, or leave this metric out: it compares the best dimension with the second best",
        )
    finite = np.isfinite(codes).all(axis=0)
    if not finite.all():
        columns = ", ".join(map(str, np.flatnonzero(~finite)))
        raise SubmissionError(f"{metric}: code columns {columns} contain NaN or infinity", "repair the representation")
    largest = np.abs(codes).max(axis=0, initial=0)
    if largest.max(initial=0) > LARGEST[codes.dtype.name]:
        column = int(largest.argmax())
        raise SubmissionError(
            f"{metric}: code column {column} reaches {largest[column]:.0e}, which overflows {codes.dtype} when squared",
            "divide the codes by a constant",
        )


def check_sizes(sizes: Sequence[int], metric: str, min_factors: int = 2) -> None:
    """Refuse factors of these sizes (K,) if a classifier can learn nothing about one."""
    check_number(len(sizes), metric, min_factors)
    if 1 in sizes:
        raise SubmissionError(
            f"{metric}: factor {list(sizes).index(1)} has a single value, so nothing depends on it",
            "leave that factor out",
        )


def check_number(factors: int, metric: str, least: int) -> None:
    """Refuse fewer factors than a metric compares."""
    if factors < least:
        raise SubmissionError(
            f"{metric} compares factors, got {factors}", f"give {least} or more, or choose another metric"
        )


def single_note(sizes: Sequence[int]) -> tuple[str, ...]:
    """A note that names factors of one value, or nothing where there are none."""
    single = [str(factor) for factor, size in enumerate(sizes) if size == 1]
    return (f"factors that have one value: {', '.join(single)}; leave them out",) if single else ()


def check_factors(
    factors: Factors, metric: str, min_factors: int = 1, continuous: Sequence[bool] = (), varied: bool = True
) -> Factors:
    """The part of ``check_points`` that concerns factors (N, K); whole numbers become integers."""
    check_number(factors.shape[1], metric, min_factors)
    if len(factors) < 1 + varied:
        least = "two samples" if varied else "one sample"
        raise SubmissionError(f"{metric} needs {least} or more, got {len(factors)}", "give more samples")
    if factors.dtype.kind not in "iubf" or not np.isfinite(factors).all():
        raise SubmissionError(
            f"{metric}: factors of type {factors.dtype} are not finite numbers", "number the values 0, 1, 2 ..."
        )
    if len(continuous) not in (0, factors.shape[1]):
        raise SubmissionError(
            f"{metric} has {factors.shape[1]} factors but {len(continuous)} flags in `continuous`",
            "give one True or False per factor",
        )
    real = flags(continuous, factors.shape[1])
    broken = np.flatnonzero((factors != np.floor(factors)).any(axis=0) & ~real)
    if broken.size:
        raise SubmissionError(
            f"{metric}: factor {broken[0]} has values that are not whole numbers",
            "number its values 0, 1, 2 ..., or name it in `continuous` for mig, sap, dci or infomec",
        )
    single = np.flatnonzero((factors == factors[:1]).all(axis=0))
    if varied and single.size:
        raise SubmissionError(
            f"{metric}: factor {single[0]} has one value in all {len(factors)} samples, so nothing depends on it",
            "leave that factor out, or draw more samples if it has other values",
        )
    return factors if real.any() or factors.dtype.kind == "i" else factors.astype(np.int64)


def flags(given: Sequence[bool], count: int) -> npt.NDArray[np.bool_]:
    """Truth values (count,) of a sequence or an array; all False where it is empty."""
    return np.asarray(given, bool) if len(given) else np.zeros(count, bool)


def check_seen(factors_train: Factors, factors_test: Factors, metric: str) -> None:
    """Refuse test samples whose factor values differ from those of the training samples."""
    for column, (train, test) in enumerate(zip(factors_train.T, factors_test.T, strict=True)):
        missing = np.setxor1d(train, test)
        if missing.size:
            raise SubmissionError(
                f"{metric}: value {missing[0]} of factor {column} is not in both the training and the test sample",
                "draw more samples than the factor has values",
            )


def constant_columns(codes: Codes) -> list[int]:
    """Columns of codes (N, D) that have a single value."""
    return [int(column) for column in np.flatnonzero((codes == codes[:1]).all(axis=0))]


def constant_note(codes: Codes) -> tuple[str, ...]:
    """A note that names the constant dimensions, or nothing where there are none."""
    constant = constant_columns(codes)
    if not constant:
        return ()
    if len(constant) == codes.shape[1]:
        return ("every code dimension is constant: the codes contain no information, the score is 0 by convention",)
    return (f"constant code dimensions: {', '.join(map(str, constant))}",)
