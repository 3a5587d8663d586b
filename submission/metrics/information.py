"""Discretised codes and their information about factors, in nats, as disentanglement_lib estimates them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Discrete = npt.NDArray[np.integer]


def discretise(values: npt.NDArray[np.floating] | Discrete, num_bins: int = 20) -> npt.NDArray[np.int64]:
    """Equal-width bins 1..``num_bins`` between the smallest and largest value of each column.

    The edges are computed in the values' own precision, because rounding them elsewhere moves values across edges.

    Args:
        values: (N, D).
        num_bins: number of bins.

    Returns:
        Bin numbers (N, D).
    """
    columns = (np.searchsorted(bin_edges(x, num_bins)[:-1], x, side="right") for x in values.T)
    return np.stack(list(columns), axis=1)


def bin_edges(values: npt.NDArray[np.floating] | Discrete, num_bins: int) -> npt.NDArray[np.floating]:
    """Edges (num_bins + 1,) of equal-width bins of values (N,).

    Values that differ by less than so many floats have edges that coincide, as in numpy 1; numpy 2 refuses them.
    """
    try:
        return np.histogram_bin_edges(values, num_bins)
    except ValueError:
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


def _entropy(counts: npt.NDArray[np.integer]) -> float:
    share = counts / counts.sum()
    return float(-np.sum(share * np.log(share)))
