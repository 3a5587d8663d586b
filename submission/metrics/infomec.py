"""InfoMEC: modularity, explicitness and compactness from information.

Hsu, Dorrell, Whittington, Wu and Finn, "Disentanglement via latent quantization", NeurIPS 2023, section 4. With
N[k, i] = I(factor k; code i) / H(factor k) over the D active codes and K factors,

    InfoM = (mean_i max_k N[k, i] / sum_k N[k, i] - 1/K) / (1 - 1/K),
    InfoC = (mean_k max_i N[k, i] / sum_i N[k, i] - 1/D) / (1 - 1/D),
    InfoE = mean_k 1 - H_V(factor k | all codes) / H_V(factor k),

H_V the log loss of multinomial logistic regression. Mutual information between a continuous code and a discrete
factor is estimated from nearest neighbours (Ross, "Mutual information between discrete and continuous data sets",
PLOS ONE 2014); a code is active if its range exceeds a share of the widest code's range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins, check_blocks
from submission.metrics.checks import check_points, dead_note
from submission.metrics.classifiers import fit
from submission.metrics.information import entropies, mutual_information

Estimator = Literal["neighbours", "histogram"]


@dataclass(frozen=True)
class InfomecSettings:
    """Samples drawn and how information is estimated.

    Attributes:
        num_train, batch_size: points to draw, and how.
        estimator: ``neighbours`` (the paper's) or ``histogram`` (MIG's, with ``num_bins``). Blocks of several columns
            are always quantised into ``num_bins`` cells.
        neighbours: the k of the k-th nearest neighbour.
        prune: share of the widest code's range below which a code counts as inactive.
    """

    num_train: int = 10_000
    batch_size: int = 16
    estimator: Estimator = "neighbours"
    neighbours: int = 10
    num_bins: int = 20
    prune: float = 0.05


def infomec(
    codes: Codes, factors: Factors, settings: InfomecSettings | None = None, blocks: Blocks | None = None
) -> Scores:
    """InfoM, InfoC and InfoE of codes (N, D) and factors (N, K >= 2).

    Returns:
        ``infom``, ``infoc`` and ``infoe``; 1 is best. Without an active code all are 0, with a single one InfoC is 1.
        InfoM and InfoC are at least 0; InfoE is at least 0 up to the regression's tolerance. Details: ``information``
        (codes or blocks, K), normalised, and ``active`` (codes or blocks,).
    """
    settings = settings or InfomecSettings()
    check_points(codes, factors, "infomec", min_factors=2)
    if blocks is not None:
        check_blocks(blocks, codes.shape[1])
    active = active_codes(codes, settings.prune, blocks)
    details = {"active": active}
    if not active.any():
        return Scores(dict.fromkeys(("infom", "infoc", "infoe"), 0.0), details, dead_note(codes))
    information = np.maximum(estimate(codes, factors, settings, blocks), 0) / entropies(factors)
    values = {
        "infom": share_of_largest(information[active]),
        "infoc": share_of_largest(information[active].T),
        "infoe": float(np.mean([explicitness(codes, factor) for factor in factors.T])),
    }
    inactive = ", ".join(map(str, np.flatnonzero(~active)))
    notes = (f"inactive codes or blocks: {inactive}",) if inactive else ()
    return Scores(values, {**details, "information": information}, notes)


def active_codes(codes: Codes, prune: float, blocks: Blocks | None) -> npt.NDArray[np.bool_]:
    """Which codes or blocks have a column whose range exceeds ``prune`` times the widest column's."""
    ranges = np.ptp(codes, axis=0)
    active = ranges > prune * ranges.max()
    return active if blocks is None else np.array([active[list(columns)].any() for columns in blocks])


def estimate(
    codes: Codes, factors: Factors, settings: InfomecSettings, blocks: Blocks | None
) -> npt.NDArray[np.float64]:
    """Mutual information of each code or block with each factor, in nats: (D or B, K)."""
    if settings.estimator == "neighbours" and (blocks is None or all(len(columns) == 1 for columns in blocks)):
        chosen = codes if blocks is None else codes[:, [columns[0] for columns in blocks]]
        return np.array([[neighbour_information(x, y, settings.neighbours) for y in factors.T] for x in chosen.T])
    return mutual_information(bins(codes, settings.num_bins, blocks), factors)


def neighbour_information(x: npt.NDArray[np.floating], y: npt.NDArray[np.integer], neighbours: int) -> float:
    """Ross's estimate of I(x; y) in nats for continuous x (n,) and discrete y (n,).

    With d_i the distance from i to its k-th neighbour of the same class, N_i the size of that class and m_i the number
    of points of any class nearer than d_i, itself included: psi(n) - <psi(N_i)> + <psi(k)> - <psi(m_i)>. Points that
    are alone in their class are left out. Equal values of x, which the theory excludes, are spread by a relative 1e-10.
    """
    _, label, size = np.unique(y, return_inverse=True, return_counts=True)
    if size.max() == 1:
        raise SubmissionError(
            "infomec: a factor has another value in every sample, so no two of them can be neighbours",
            "give more samples, or leave that factor out",
        )
    spread = np.std(x) * 1e-10 * np.random.default_rng(0).standard_normal(len(x))
    kept = size[label] > 1
    values, label = (x.astype(np.float64) + spread)[kept], label[kept]
    used = np.minimum(neighbours, size[label] - 1)
    radius = np.empty(len(values))
    for value in np.unique(label):
        rows = np.flatnonzero(label == value)
        rows = rows[np.argsort(values[rows])]
        radius[rows] = neighbour_distances(values[rows], used[rows[0]])
    radius = np.maximum(radius - 4 * np.finfo(np.float64).eps * np.abs(values).max(), 0)  # without the neighbour itself
    ascending = np.sort(values)
    inside = np.searchsorted(ascending, values + radius, "right") - np.searchsorted(ascending, values - radius, "left")
    terms = digamma(used) - digamma(size[label]) - digamma(inside)
    return float(digamma(len(values)) + terms.mean())


def neighbour_distances(ascending: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    """Distance (n,) from each of n > k ascending numbers to its k-th nearest other."""
    padded = np.pad(ascending, k, constant_values=(-np.inf, np.inf))
    n = len(ascending)
    windows = (
        np.maximum(ascending - padded[start : start + n], padded[start + k : start + k + n] - ascending)
        for start in range(k + 1)
    )
    return np.minimum.reduce(list(windows))


def share_of_largest(information: npt.NDArray[np.float64]) -> float:
    """Mean over rows (m, n) of the largest entry's share, rescaled so that equal entries give 0; a row of 0 gives 0."""
    n = information.shape[1]
    if n == 1:
        return 1.0
    total = information.sum(axis=1)
    share = np.divide(information.max(axis=1), total, out=np.full(len(total), 1 / n), where=total > 0)
    return float((share.mean() - 1 / n) / (1 - 1 / n))


def explicitness(codes: Codes, factor: npt.NDArray[np.integer]) -> float:
    """1 - log loss of logistic regression from standardised codes (N, D) / log loss without codes, classes balanced.

    Without codes the balanced regression gives every one of c classes the probability 1/c.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    deviation = codes.std(axis=0, dtype=np.float64)
    scaled = (codes - codes.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1)
    model = fit(LogisticRegression(C=np.inf, class_weight="balanced", max_iter=500), scaled, factor)
    return float(1 - log_loss(factor, model.predict_proba(scaled)) / np.log(len(model.classes_)))


def score(sampler: Sampler, settings: InfomecSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return infomec(*sampler.points(settings.num_train, settings.batch_size), settings, blocks)


METRIC = Metric(
    name="infomec",
    headline="infom",
    shown=("infoc", "infoe"),
    summary="modularity, explicitness and compactness from information",
    settings=InfomecSettings(),
    fast=InfomecSettings(num_train=2_000, estimator="histogram"),
    score=score,
    block_score=score,
    caution="which codes count as active depends on their ranges relative to each other",
)
