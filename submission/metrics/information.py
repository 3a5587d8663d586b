"""Codes in bins, and their plug-in information about factors in nats, as disentanglement_lib estimates it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Era

Discrete = npt.NDArray[np.integer[Any]]
Numbers = npt.NDArray[np.floating[Any]] | Discrete


def discretise(values: Numbers, num_bins: int = 20, era: Era = "installed") -> npt.NDArray[np.int64]:
    """Equal-width bins 1..``num_bins`` between the smallest and largest value of each column.

    Args:
        values: (N, D).
        num_bins: number of bins.
        era: see ``bin_edges``.

    Returns:
        Bin numbers (N, D).
    """
    columns = (np.searchsorted(bin_edges(x, num_bins, era)[:-1], x, side="right") for x in values.T)
    return np.stack(list(columns), axis=1)


def bin_edges(values: Numbers, num_bins: int, era: Era = "installed") -> npt.NDArray[np.floating[Any]]:
    """Edges (num_bins + 1,) of equal-width bins of values (N,), in the values' precision.

    Values that differ by less than ``num_bins`` neighbouring floats have edges that coincide.

    Args:
        values: (N,).
        num_bins: number of bins.
        era: ``installed`` computes the edges as the installed numpy does, which is what disentanglement_lib does
            beside it. From version 2 on, numpy computes edges of float32 values in float32. ``2019`` computes them in
            float64 and rounds them to float32 at the end, as numpy 1 did. The two differ in the last bit, which
            matters where values lie on edges. For float64 values and integers they are equal.
    """
    if era == "2019" and values.dtype == np.float32:
        low, high = np.float64(values.min()), np.float64(values.max())
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        return np.linspace(low, high, num_bins + 1).astype(np.float32)
    try:
        return np.histogram_bin_edges(values, num_bins)
    except ValueError:  # numpy 2 refuses bins that are narrower than neighbouring floats
        return np.linspace(values.min(), values.max(), num_bins + 1, dtype=values.dtype)


def mutual_information(left: Discrete, right: Discrete) -> npt.NDArray[np.float64]:
    """Plug-in mutual information of every column of ``left`` (N, D) with every column of ``right`` (N, K): (D, K).

    Σ p(a, b) log p(a, b) / (p(a) p(b)) over the empirical distribution.
    """
    lefts, rights = [_ranks(x) for x in left.T], [_ranks(y) for y in right.T]
    return np.array([[_information(x, y) for y in rights] for x in lefts])


def entropies(values: Discrete) -> npt.NDArray[np.float64]:
    """Plug-in entropy (K,) of each column of ``values`` (N, K)."""
    return np.array([_entropy(np.unique(y, return_counts=True)[1]) for y in values.T])


def _ranks(values: Discrete) -> npt.NDArray[np.int64]:
    """The values (N,) renumbered 0, 1, ... without gaps."""
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _information(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> float:
    width = int(y.max()) + 1
    joint = np.bincount(x * width + y, minlength=(int(x.max()) + 1) * width).reshape(-1, width)
    rows, columns = np.nonzero(joint)
    counts = joint[rows, columns].astype(np.float64)
    expected = joint.sum(axis=1)[rows].astype(np.float64) * joint.sum(axis=0)[columns] / len(x)
    return max(0.0, float(np.sum(counts * np.log(counts / expected)) / len(x)))


def _entropy(counts: Discrete) -> float:
    share = counts / counts.sum()
    return float(-np.sum(share * np.log(share)))
