"""Equal values in boosted trees: where their order, which scikit-learn's sort leaves to chance, can decide a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FEATURE_THRESHOLD = np.float32(1e-7)  # values closer than this are equal to scikit-learn's trees
LONG_RUN, MANY_TIES, FEW_SAMPLES = 64, 0.1, 1024
"""A run of equal values, a share of ties, and a number of samples, beyond or below which ties can decide a split."""


def sorted_columns(codes: npt.NDArray[np.float32], label: npt.NDArray[np.integer[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The kernel's arrays for codes (n, D) with labels 0, 1, ... (n,), by name: columns, their order, and ties."""
    columns = np.ascontiguousarray(codes.T, np.float32)
    order = np.argsort(columns, axis=1, kind="stable").astype(np.int32)
    runs = [tie_lengths(row) for row in np.take_along_axis(columns, order, axis=1)]
    return {
        "columns": columns,
        "order": order,
        "tie_run": np.array([row.max() for row in runs], np.int64),
        "replayed": replayed(columns, label, runs).astype(np.uint8),
    }


def tie_lengths(ascending: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Lengths of the runs of values in ascending order (n,) that scikit-learn's trees take for equal."""
    breaks = ascending[1:] > ascending[:-1] + FEATURE_THRESHOLD
    return np.diff(np.flatnonzero(np.r_[True, breaks, True]))


def replayed(
    columns: npt.NDArray[np.float32], label: npt.NDArray[np.integer[Any]], runs: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.bool_]:
    """Columns (D,) of ``columns`` (D, n), with ties ``runs``, whose equal values are to be put in scikit-learn's order.

    Samples that were drawn more than once do not count: they have equal targets, whatever their order.
    """
    many = np.array([has_many_ties(row) for row in runs])
    if many.any():
        distinct = np.unique(np.column_stack([columns.T, label.astype(np.float32)]), axis=0)
        many[many] = [has_many_ties(tie_lengths(np.sort(distinct[:, column]))) for column in np.flatnonzero(many)]
    return many


def has_many_ties(lengths: npt.NDArray[np.int64]) -> bool:
    """Whether the order of equal values, in runs of these lengths, is worth scikit-learn's own sort in every node."""
    samples, ties = int(lengths.sum()), int(lengths.sum()) - len(lengths)
    return lengths.max() > LONG_RUN or ties > MANY_TIES * samples or (ties > 0 and samples <= FEW_SAMPLES)
