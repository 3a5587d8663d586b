"""IRS: the interventional robustness score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Factors, Scores
from submission.metrics.blocks import columns_of, lengths
from submission.metrics.checks import check_points, constant_columns, constant_note
from submission.metrics.information import Discrete, discretise
from submission.metrics.registration import of_points


@dataclass(frozen=True)
class IrsSettings:
    """Samples drawn, the quantile used as the largest deviation (1.0 in the paper), and bins per factor."""

    num_train: int = 10_000
    batch_size: int = 16
    diff_quantile: float = 0.99
    num_bins: int = 20


def irs(
    codes: Codes, factors: Factors, diff_quantile: float = 0.99, num_bins: int = 20, blocks: Blocks | None = None
) -> Scores:
    """How little each code moves while one factor is held fixed and the others vary.

    Suter, Miladinovic, Schölkopf and Bauer, "Robustly disentangled causal mechanisms", 2019, section 4, as
    disentanglement_lib computes it. Deviations while a factor is fixed are measured from the mean of that group and
    can exceed the largest deviation from the overall mean, up to twice, so that a score below 0 is possible.

    Args:
        codes: (N, D).
        factors: (N, K); factors of more than ``num_bins`` values are merged into that many.
        diff_quantile: the quantile of |code - mean while the factor is fixed| that counts as its deviation.
        num_bins: equal-width bins per factor.
        blocks: columns that count as one code, whose deviation is a Euclidean distance.

    Returns:
        ``IRS`` in (-1, 1], averaged over codes with their largest deviation as weight, and ``num_active_dims``;
        details ``robustness`` (codes or blocks, K) with NaN rows for constant codes. 0 by convention where all codes
        are constant.
    """
    codes, factors = check_points(codes, factors, "irs")
    codes = np.asfortranarray(codes)  # numpy then sums each column pairwise, as in disentanglement_lib
    constant = constant_columns(codes)
    columns = columns_of(blocks, codes.shape[1])
    active = np.flatnonzero([not set(block) <= set(constant) for block in columns])
    notes = constant_note(codes)
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
) -> npt.NDArray[np.floating[Any]]:
    """Quantile of |code - its mean| (D,) while the factor has one value, averaged over its values (N,)."""
    groups = (codes[values == value] for value in np.unique(values))
    moved = (lengths(group - group.mean(axis=0), blocks) for group in groups)
    deviation: npt.NDArray[np.floating[Any]] = np.mean(
        [np.percentile(distances, 100 * quantile, axis=0) for distances in moved], axis=0
    )
    return deviation


IRS = of_points(
    irs,
    name="irs",
    headline="IRS",
    summary="how little each code changes while one factor is fixed and the others change",
    settings=IrsSettings(),
    fast=IrsSettings(num_train=2_000),
    range=(-1.0, 1.0),
    caution="a high score alone means little: codes of pure noise score about 0.34, outliers raise it",
)
