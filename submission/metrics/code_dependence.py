"""Scores that need no factors: how far codes are from independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Era, Factors, Scores
from submission.metrics.blocks import bins, columns_of
from submission.metrics.checks import as_codes, check_codes, constant_columns, constant_note
from submission.metrics.information import mutual_information
from submission.metrics.registration import of_points


@dataclass(frozen=True)
class UnsupervisedSettings:
    """Samples drawn, bins per code dimension, and whose bin edges."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20
    era: Era = "installed"


def unsupervised(
    codes: Codes,
    factors: Factors | None = None,
    num_bins: int = 20,
    blocks: Blocks | None = None,
    era: Era = "installed",
    continuous: Sequence[bool] = (),
) -> Scores:
    """Total correlation, Wasserstein correlation and mean mutual information of the codes.

    Locatello et al., "Challenging common assumptions in the unsupervised learning of disentangled representations",
    2019, section 5.3 and appendix, as disentanglement_lib computes them. The first two take the codes for Gaussian with
    the sample's covariance. Constant dimensions are independent of everything: they do not enter the first two, and
    count as pairs without information in the third.

    Args:
        codes: (N, D), at least two dimensions (or blocks) not constant, and more samples than such dimensions.
        factors, continuous: not used; parameters so that all metrics can be called alike.
        num_bins: equal-width bins per code dimension, for the mutual information.
        blocks: dimensions whose dependence on each other does not count.
        era: of the bins' edges, see ``submission.metrics.information.bin_edges``.

    Returns:
        ``gaussian_total_correlation`` (nats), ``gaussian_wasserstein_correlation``, the same divided by the total
        variance (``..._norm``), and ``mutual_info_score`` (nats, mean over pairs). All >= 0; 0 is independence.

    Raises:
        SubmissionError: the covariance is singular, because there are too few samples or a dimension is a linear
            combination of others; the total correlation is infinite then.
    """
    codes = as_codes(codes, "unsupervised")
    check_codes(codes, "unsupervised")
    columns = columns_of(blocks, codes.shape[1])
    constant = constant_columns(codes)
    varying = [kept for block in columns if (kept := [column for column in block if column not in constant])]
    chosen = codes[:, [column for block in varying for column in block]]
    check_covariance(chosen, len(varying))
    covariance: npt.NDArray[np.float64] = np.cov(chosen, rowvar=False, dtype=np.float64)
    together = same_block(varying)
    wasserstein = wasserstein_correlation(covariance, together)
    cells = bins(codes, num_bins, varying, era)
    information = mutual_information(cells, cells)
    np.fill_diagonal(information, 0)
    values = {
        "gaussian_total_correlation": total_correlation(covariance, together),
        "gaussian_wasserstein_correlation": wasserstein,
        "gaussian_wasserstein_correlation_norm": wasserstein / float(np.trace(covariance)),
        "mutual_info_score": float(information.sum() / (len(columns) * (len(columns) - 1))),
    }
    return Scores(values, {"mutual_information": information}, constant_note(codes))


def same_block(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Which columns (D, D), taken block after block, belong together."""
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    alike: npt.NDArray[np.bool_] = owner[:, None] == owner[None, :]
    return alike


def check_covariance(codes: Codes, parts: int) -> None:
    """Refuse codes (N, D) that do not vary in two dimensions or blocks, or whose covariance is singular."""
    if parts < 2:
        raise SubmissionError(
            f"unsupervised needs two code dimensions that vary, got {parts}",
            "leave this metric out: it measures the dependence between dimensions",
        )
    samples, width = codes.shape
    if samples <= width:
        raise SubmissionError(
            f"unsupervised: the covariance of {width} code dimensions from {samples} samples is singular, so their "
            "total correlation is infinite",
            f"give more than {width} samples, many more for a reliable estimate",
        )
    if np.linalg.matrix_rank(np.corrcoef(codes, rowvar=False), hermitian=True) < width:
        raise SubmissionError(
            "unsupervised: the codes' covariance is singular, so their total correlation is infinite",
            "leave out code dimensions that are linear combinations of others",
        )


def total_correlation(covariance: npt.NDArray[np.float64], together: npt.NDArray[np.bool_]) -> float:
    """KL divergence (nats) of a centred Gaussian from the product of its marginals.

    Args:
        covariance: (D, D), not singular.
        together: (D, D), which columns belong to the same marginal.
    """
    parts, whole = (np.linalg.slogdet(matrix)[1] for matrix in (np.where(together, covariance, 0), covariance))
    return float(0.5 * (parts - whole))


def wasserstein_correlation(covariance: npt.NDArray[np.float64], together: npt.NDArray[np.bool_]) -> float:
    """Squared Wasserstein-2 distance of a centred Gaussian from the product of its marginals.

    2 tr C - 2 tr (Λ^½ C Λ^½)^½ with Λ what C has within marginals. Arguments as for ``total_correlation``.
    """
    scale, turn = np.linalg.eigh(np.where(together, covariance, 0))
    root = (turn * np.sqrt(np.clip(scale, 0, None))) @ turn.T
    spectrum = np.linalg.eigvalsh(root @ covariance @ root)
    return float(2 * np.trace(covariance) - 2 * np.sqrt(np.clip(spectrum, 0, None)).sum())


UNSUPERVISED = of_points(
    unsupervised,
    name="unsupervised",
    headline="gaussian_total_correlation",
    shown=("gaussian_wasserstein_correlation_norm", "mutual_info_score"),
    summary="how far the codes are from independent; no factors are used",
    settings=UnsupervisedSettings(),
    fast=UnsupervisedSettings(num_train=2_000),
    range=(0.0, float("inf")),
    higher_is_better=False,
)
