"""Scores that need no factors: how far codes are from independent.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations", 2019,
section 5.3 and appendix; here as disentanglement_lib computes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Metric, Sampler, Scores
from submission.metrics.checks import check_codes, constant_columns, dead_note
from submission.metrics.information import discretise, mutual_information


@dataclass(frozen=True)
class UnsupervisedSettings:
    """Samples drawn, and bins per code dimension."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20


def unsupervised(codes: Codes, num_bins: int = 20) -> Scores:
    """Total correlation, Wasserstein correlation and mean mutual information of the codes.

    The first two take the codes for Gaussian with the sample's covariance. Constant dimensions are independent of
    everything: they do not enter the first two, and count as pairs without information in the third.

    Args:
        codes: (N, D), at least two dimensions not constant.
        num_bins: equal-width bins per code dimension, for the mutual information.

    Returns:
        ``gaussian_total_correlation`` (nats), ``gaussian_wasserstein_correlation``, the same divided by the total
        variance (``..._norm``), and ``mutual_info_score`` (nats, mean over pairs). All >= 0; 0 is independence.
    """
    check_codes(codes, "unsupervised")
    active = np.setdiff1d(np.arange(codes.shape[1]), constant_columns(codes))
    if active.size < 2:
        raise SubmissionError(
            f"unsupervised needs two code dimensions that vary and these codes have {active.size}",
            "dependence is between dimensions",
        )
    moving = codes[:, active]
    covariance = np.cov(moving, rowvar=False)
    wasserstein = wasserstein_correlation(covariance)
    bins = discretise(moving, num_bins)
    information = mutual_information(bins, bins)
    np.fill_diagonal(information, 0)
    values = {
        "gaussian_total_correlation": total_correlation(covariance),
        "gaussian_wasserstein_correlation": wasserstein,
        "gaussian_wasserstein_correlation_norm": wasserstein / float(np.trace(covariance)),
        "mutual_info_score": float(information.sum() / (codes.shape[1] * (codes.shape[1] - 1))),
    }
    return Scores(values, {"mutual_information": information}, dead_note(codes))


def total_correlation(covariance: npt.NDArray[np.float64]) -> float:
    """KL divergence (nats) of a centred Gaussian (covariance (D, D)) from the product of its marginals."""
    sign, log_determinant = np.linalg.slogdet(covariance)
    if sign <= 0 or not np.isfinite(log_determinant):
        raise SubmissionError(
            "unsupervised: the codes' covariance is singular, so their total correlation is infinite",
            "leave out code dimensions that are linear combinations of others",
        )
    return float(0.5 * (np.log(np.diag(covariance)).sum() - log_determinant))


def wasserstein_correlation(covariance: npt.NDArray[np.float64]) -> float:
    """Squared Wasserstein-2 distance of a centred Gaussian (covariance (D, D)) from the product of its marginals.

    2 tr C - 2 tr (Λ^½ C Λ^½)^½ with Λ the diagonal of C.
    """
    root = np.sqrt(np.diag(covariance))
    spectrum = np.linalg.eigvalsh(root[:, None] * covariance * root[None, :])
    return float(2 * np.trace(covariance) - 2 * np.sqrt(np.clip(spectrum, 0, None)).sum())


def score(sampler: Sampler, settings: UnsupervisedSettings) -> Scores:
    """Draw and compute."""
    return unsupervised(sampler.points(settings.num_train, settings.batch_size).codes, settings.num_bins)


METRIC = Metric(
    name="unsupervised",
    headline="gaussian_total_correlation",
    shown=("gaussian_wasserstein_correlation_norm", "mutual_info_score"),
    summary="how far the codes are from independent, without looking at factors",
    settings=UnsupervisedSettings(),
    fast=UnsupervisedSettings(num_train=2_000),
    score=score,
    range=(0.0, float("inf")),
    higher_is_better=False,
)
