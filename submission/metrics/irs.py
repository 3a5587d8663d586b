"""Interventional robustness score.

Suter, Miladinovic, Schölkopf, Bauer, "Robustly Disentangled Causal Mechanisms", 2019, section 4; here as
disentanglement_lib computes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import columns_of, lengths
from submission.metrics.checks import check_points, constant_columns, dead_note
from submission.metrics.information import Discrete, discretise


@dataclass(frozen=True)
class IrsSettings:
    """Samples drawn, the quantile that stands for the largest deviation (1.0 in the paper), and bins per factor."""

    num_train: int = 10_000
    batch_size: int = 16
    diff_quantile: float = 0.99
    num_bins: int = 20


def irs(
    codes: Codes, factors: Factors, diff_quantile: float = 0.99, num_bins: int = 20, blocks: Blocks | None = None
) -> Scores:
    """How little each code moves while one factor is held fixed and the others vary.

    Args:
        codes: (N, D).
        factors: (N, K); factors of more than ``num_bins`` values are merged into that many.
        diff_quantile: the quantile of |code - mean while the factor is fixed| that counts as its deviation.
        num_bins: equal-width bins per factor.
        blocks: columns that count as one code, whose deviation is a Euclidean distance.

    Returns:
        ``IRS`` in [0, 1], averaged over codes with their largest deviation as weight, and ``num_active_dims``; details
        ``robustness`` (codes or blocks, K) with NaN rows for constant codes. 0 by convention where all codes are
        constant.
    """
    check_points(codes, factors, "irs")
    codes = np.asfortranarray(codes)  # numpy sums each column pairwise then, as it does the reference's
    dead = constant_columns(codes)
    columns = columns_of(blocks, codes.shape[1])
    active = np.flatnonzero([not set(block) <= set(dead) for block in columns])
    notes = dead_note(codes)
    if not active.size:
        return Scores({"IRS": 0.0, "num_active_dims": 0.0}, notes=notes)
    largest = lengths(codes - codes.mean(axis=0), blocks).max(axis=0)[active]
    bins = discretise(factors, num_bins)
    deviations = [mean_deviation(codes, values, diff_quantile, blocks) for values in bins.T]
    robustness = np.full((len(columns), factors.shape[1]), np.nan)
    robustness[active] = 1 - np.stack(deviations, axis=1)[active] / largest[:, None]
    value = float(np.average(robustness[active].max(axis=1), weights=largest))
    return Scores({"IRS": value, "num_active_dims": float(active.size)}, {"robustness": robustness}, notes)


def mean_deviation(
    codes: Codes, values: Discrete, quantile: float, blocks: Blocks | None = None
) -> npt.NDArray[np.floating]:
    """Quantile of |code - its mean| (D,) while the factor has one value, averaged over its values (N,)."""
    groups = (codes[values == value] for value in np.unique(values))
    moved = (lengths(group - group.mean(axis=0), blocks) for group in groups)
    return np.mean([np.percentile(distances, 100 * quantile, axis=0) for distances in moved], axis=0)


def score(sampler: Sampler, settings: IrsSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    points = sampler.points(settings.num_train, settings.batch_size)
    return irs(points.codes, points.factors, settings.diff_quantile, settings.num_bins, blocks)


METRIC = Metric(
    name="irs",
    headline="IRS",
    summary="how still each code stays while one factor is fixed and the others change",
    settings=IrsSettings(),
    fast=IrsSettings(num_train=2_000),
    score=score,
    block_score=score,
    caution="high alone means little: codes of pure noise score about 0.34, outliers raise it",
)
