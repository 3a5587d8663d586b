"""What every metric demands of its input, told in one line each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors

LARGEST = 1e18
"""Squares of larger codes are not finite in single precision."""


def check_points(codes: Codes, factors: Factors, metric: str, min_codes: int = 1, min_factors: int = 1) -> None:
    """Refuse codes (N, D) and factors (N, K) that a metric can say nothing sensible about.

    Raises:
        SubmissionError: other shapes, different lengths, NaN, infinite or gigantic codes, fewer than ``min_codes``
            code dimensions or ``min_factors`` factors, no samples, or a factor that shows a single value.
    """
    if codes.ndim != 2 or factors.ndim != 2:
        raise SubmissionError(
            f"{metric} takes codes (N, D) and factors (N, K), not {codes.shape} and {factors.shape}", "reshape them"
        )
    if len(codes) != len(factors):
        raise SubmissionError(
            f"{metric}: {len(codes)} codes but {len(factors)} rows of factors", "give one row of factors per code"
        )
    check_codes(codes, metric, min_codes)
    check_factors(factors, metric, min_factors)


def check_codes(codes: Codes, metric: str, min_codes: int = 1) -> None:
    """The part of ``check_points`` that concerns codes (N, D)."""
    if codes.shape[1] < min_codes:
        raise SubmissionError(
            f"{metric} needs at least {min_codes} code dimensions and these codes have {codes.shape[1]}",
            "it compares the best dimension with the second best",
        )
    finite = np.isfinite(codes).all(axis=0)
    if not finite.all():
        columns = ", ".join(map(str, np.flatnonzero(~finite)))
        raise SubmissionError(f"{metric}: code columns {columns} contain NaN or infinity", "repair the representation")
    largest = np.abs(codes).max(axis=0, initial=0)
    if largest.max(initial=0) > LARGEST:
        column = int(largest.argmax())
        raise SubmissionError(
            f"{metric}: code column {column} reaches {largest[column]:.0e}, whose square is no float32",
            "divide the codes by a constant",
        )


def check_sizes(sizes: Sequence[int], metric: str, min_factors: int = 2) -> None:
    """Refuse factors of these sizes (K,), of which a classifier would learn nothing."""
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
            f"{metric} compares factors and was given {factors}", f"give {least} or more, or choose another metric"
        )


def single_note(sizes: Sequence[int]) -> tuple[str, ...]:
    """A note that names factors of one value, or nothing where there are none."""
    single = [str(factor) for factor, size in enumerate(sizes) if size == 1]
    return (f"factors that have one value: {', '.join(single)}; leave them out",) if single else ()


def check_factors(factors: Factors, metric: str, min_factors: int = 1) -> None:
    """The part of ``check_points`` that concerns factors (N, K)."""
    check_number(factors.shape[1], metric, min_factors)
    if len(factors) < 2:
        raise SubmissionError(f"{metric} was given {len(factors)} samples", "give at least two")
    single = np.flatnonzero((factors == factors[:1]).all(axis=0))
    if single.size:
        raise SubmissionError(
            f"{metric}: factor {single[0]} has one value in all {len(factors)} samples, so nothing depends on it",
            "leave that factor out, or draw more samples if it has other values",
        )


def check_seen(factors_train: Factors, factors_test: Factors, metric: str) -> None:
    """Refuse test samples whose factor values differ from those of the training samples, for classifiers."""
    for column, (train, test) in enumerate(zip(factors_train.T, factors_test.T, strict=True)):
        missing = np.setxor1d(train, test)
        if missing.size:
            raise SubmissionError(
                f"{metric}: value {missing[0]} of factor {column} is not in both the training and the test sample",
                "draw more samples than the factor has values",
            )


def constant_columns(codes: Codes) -> list[int]:
    """Columns of codes (N, D) that have a single value (dead dimensions)."""
    return [int(column) for column in np.flatnonzero((codes == codes[:1]).all(axis=0))]


def dead_note(codes: Codes) -> tuple[str, ...]:
    """A note that names the dead dimensions, or nothing where there are none."""
    dead = constant_columns(codes)
    if not dead:
        return ()
    if len(dead) == codes.shape[1]:
        return ("every code dimension is constant: the representation says nothing, 0 is a convention",)
    return (f"constant code dimensions: {', '.join(map(str, dead))}",)
