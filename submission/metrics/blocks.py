"""Codes of several columns that belong together: a circle, a sphere, a subspace.

A score by column calls a perfect circle entangled, because cosine and sine both depend on the angle. A score by block
quantises the columns together: two columns on a circle by their angle, into equal arcs, anything else into the cells of
k-means, whose number is that of a single column's bins, so that estimates stay comparable. Metrics of distance take
the Euclidean length of the block's difference, metrics of variance the trace of its covariance, predictors all of its
columns; each of these is the plain metric where every block is one column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Era
from submission.metrics.information import discretise

ROUND = 0.01  # two columns are a circle if the radius' standard deviation is below this share of its mean


def bins(codes: Codes, num_bins: int, blocks: Blocks | None = None, era: Era = "installed") -> npt.NDArray[np.int64]:
    """Bin numbers per column (N, D), or per block (N, B) where blocks are given.

    Args:
        codes: (N, D).
        num_bins: bins per column, or cells per block.
        blocks: columns of each block; None for one score per column.
        era: of the bins' edges, see ``submission.metrics.information.bin_edges``.
    """
    if blocks is None:
        return discretise(codes, num_bins, era)
    check_blocks(blocks, codes.shape[1])
    return np.stack([quantise(codes[:, list(columns)], num_bins, era) for columns in blocks], axis=1)


def columns_of(blocks: Blocks | None, width: int) -> Blocks:
    """The columns of each block, checked; every column alone where ``blocks`` is None."""
    if blocks is None:
        return [[column] for column in range(width)]
    check_blocks(blocks, width)
    return blocks


def lengths(vectors: npt.NDArray[np.floating[Any]], blocks: Blocks | None) -> npt.NDArray[np.floating[Any]]:
    """Euclidean length (..., B) of each block of ``vectors`` (..., D); absolute values where ``blocks`` is None."""
    if blocks is None:
        sizes: npt.NDArray[np.floating[Any]] = np.abs(vectors)
        return sizes
    return np.stack([np.sqrt(np.square(vectors[..., list(columns)]).sum(axis=-1)) for columns in blocks], axis=-1)


def check_blocks(blocks: Blocks, width: int) -> None:
    """Refuse blocks that do not fit codes of ``width`` columns, or share one."""
    columns = [column for block in blocks for column in block]
    if len(blocks) < 2:
        raise SubmissionError("a score per block needs two blocks or more", "use the score per column")
    outside = [column for column in columns if not 0 <= column < width]
    if outside:
        raise SubmissionError(f"a block names column {outside[0]} of codes with {width} columns", "correct the blocks")
    if len(set(columns)) < len(columns) or not all(len(block) for block in blocks):
        raise SubmissionError("blocks must not be empty or share columns", "correct the blocks")


def quantise(columns: Codes, num_bins: int, era: Era = "installed") -> npt.NDArray[np.int64]:
    """Cell number (N,) of each row of a block's columns (N, c)."""
    if columns.shape[1] == 1:
        return discretise(columns, num_bins, era)[:, 0]
    if is_circle(columns):
        return arcs(np.arctan2(columns[:, 1], columns[:, 0]), num_bins)
    return cells(columns, num_bins)


def is_circle(columns: Codes) -> bool:
    """Whether two columns (N, 2) have the same radius in every row, within 1 % of standard deviation."""
    if columns.shape[1] != 2:
        return False
    radius = np.hypot(*columns.T.astype(np.float64))
    return bool(radius.mean() > 0 and radius.std() < ROUND * radius.mean())


def arcs(angles: npt.NDArray[np.floating[Any]], num_bins: int, period: float = 2 * np.pi) -> npt.NDArray[np.int64]:
    """Numbers 0 ... num_bins - 1 (N,) of equal arcs of a cycle; one arc is centred on angle 0.

    Angles (N,) may be any real numbers; those that differ by the period fall into the same arc.
    """
    turns = np.asarray(angles, np.float64) / period * num_bins
    return np.floor(turns + 0.5).astype(np.int64) % num_bins


def cells(columns: Codes, num_bins: int) -> npt.NDArray[np.int64]:
    """Numbers (N,) of the k-means cells of rows (N, c), the same on every call."""
    from sklearn.cluster import KMeans

    distinct = len(np.unique(columns, axis=0))
    if distinct <= num_bins:
        return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
    numbers: npt.NDArray[np.int64] = KMeans(num_bins, n_init=1, random_state=0).fit_predict(columns).astype(np.int64)
    return numbers
