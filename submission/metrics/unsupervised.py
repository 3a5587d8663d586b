"""Scores that need no factors: how far codes are from independent.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations", 2019,
section 5.3 and appendix; here as disentanglement_lib computes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Metric, Sampler, Scores
from submission.metrics.blocks import bins, columns_of
from submission.metrics.checks import check_codes, constant_columns, dead_note
from submission.metrics.information import mutual_information


@dataclass(frozen=True)
class UnsupervisedSettings:
    """Samples drawn, and bins per code dimension."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20


def unsupervised(codes: Codes, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """Total correlation, Wasserstein correlation and mean mutual information of the codes.

    The first two take the codes for Gaussian with the sample's covariance. Constant dimensions are independent of
    everything: they do not enter the first two, and count as pairs without information in the third.

    Args:
        codes: (N, D), at least two dimensions (or blocks) not constant.
        num_bins: equal-width bins per code dimension, for the mutual information.
        blocks: dimensions whose dependence on each other does not count.

    Returns:
        ``gaussian_total_correlation`` (nats), ``gaussian_wasserstein_correlation``, the same divided by the total
        variance (``..._norm``), and ``mutual_info_score`` (nats, mean over pairs). All >= 0; 0 is independence.
    """
    check_codes(codes, "unsupervised")
    columns = columns_of(blocks, codes.shape[1])
    dead = constant_columns(codes)
    moving = [kept for block in columns if (kept := [column for column in block if column not in dead])]
    if len(moving) < 2:
        raise SubmissionError(
            f"unsupervised needs two code dimensions that vary and these codes have {len(moving)}",
            "dependence is between dimensions",
        )
    chosen = codes[:, [column for block in moving for column in block]]
    covariance = np.cov(chosen, rowvar=False)
    together = same_block(moving)
    wasserstein = wasserstein_correlation(covariance, together)
    cells = bins(codes, num_bins, moving)
    information = mutual_information(cells, cells)
    np.fill_diagonal(information, 0)
    values = {
        "gaussian_total_correlation": total_correlation(covariance, together),
        "gaussian_wasserstein_correlation": wasserstein,
        "gaussian_wasserstein_correlation_norm": wasserstein / float(np.trace(covariance)),
        "mutual_info_score": float(information.sum() / (len(columns) * (len(columns) - 1))),
    }
    return Scores(values, {"mutual_information": information}, dead_note(codes))


def same_block(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Which columns (D, D), taken block after block, belong together."""
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    return owner[:, None] == owner[None, :]


def total_correlation(covariance: npt.NDArray[np.float64], together: npt.NDArray[np.bool_]) -> float:
    """KL divergence (nats) of a centred Gaussian from the product of its marginals.

    Args:
        covariance: (D, D).
        together: (D, D), which columns belong to the same marginal.
    """
    sign, log_determinant = np.linalg.slogdet(covariance)
    if sign <= 0 or not np.isfinite(log_determinant):
        raise SubmissionError(
            "unsupervised: the codes' covariance is singular, so their total correlation is infinite",
            "leave out code dimensions that are linear combinations of others",
        )
    return float(0.5 * (np.linalg.slogdet(np.where(together, covariance, 0))[1] - log_determinant))


def wasserstein_correlation(covariance: npt.NDArray[np.float64], together: npt.NDArray[np.bool_]) -> float:
    """Squared Wasserstein-2 distance of a centred Gaussian from the product of its marginals.

    2 tr C - 2 tr (Λ^½ C Λ^½)^½ with Λ what C has within marginals. Arguments as for ``total_correlation``.
    """
    scale, turn = np.linalg.eigh(np.where(together, covariance, 0))
    root = (turn * np.sqrt(np.clip(scale, 0, None))) @ turn.T
    spectrum = np.linalg.eigvalsh(root @ covariance @ root)
    return float(2 * np.trace(covariance) - 2 * np.sqrt(np.clip(spectrum, 0, None)).sum())


def score(sampler: Sampler, settings: UnsupervisedSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return unsupervised(sampler.points(settings.num_train, settings.batch_size).codes, settings.num_bins, blocks)


METRIC = Metric(
    name="unsupervised",
    headline="gaussian_total_correlation",
    shown=("gaussian_wasserstein_correlation_norm", "mutual_info_score"),
    summary="how far the codes are from independent, without looking at factors",
    settings=UnsupervisedSettings(),
    fast=UnsupervisedSettings(num_train=2_000),
    score=score,
    block_score=score,
    range=(0.0, float("inf")),
    higher_is_better=False,
)
