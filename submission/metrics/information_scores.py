"""InfoMEC: modularity, explicitness and compactness from information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Factors, Scores
from submission.metrics.blocks import bins, columns_of
from submission.metrics.checks import check_points, constant_note, flags
from submission.metrics.classifiers import determination, fit
from submission.metrics.information import entropies, mutual_information
from submission.metrics.information_gaps import as_classes
from submission.metrics.registration import of_points

Estimator = Literal["neighbours", "histogram"]
Solver = Literal["converged", "published"]
ITERATIONS = {"converged": 500, "published": 100}
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class InfomecSettings:
    """Samples drawn and how information is estimated.

    Attributes:
        num_train, batch_size: points to draw, and how.
        estimator, neighbours, num_bins, prune, discrete_latents, solver: see ``infomec``.
    """

    num_train: int = 10_000
    batch_size: int = 16
    estimator: Estimator = "neighbours"
    neighbours: int = 10
    num_bins: int = 20
    prune: float = 0.05
    discrete_latents: bool = False
    solver: Solver = "converged"


def infomec(
    codes: Codes,
    factors: Factors,
    estimator: Estimator = "neighbours",
    neighbours: int = 10,
    num_bins: int = 20,
    prune: float = 0.05,
    discrete_latents: bool = False,
    solver: Solver = "converged",
    blocks: Blocks | None = None,
    continuous: Sequence[bool] = (),
) -> Scores:
    """InfoM, InfoC and InfoE.

    Hsu, Dorrell, Whittington, Wu and Finn, "Disentanglement via latent quantization", NeurIPS 2023, section 4. With
    N[k, i] = I(factor k; code i) / H(factor k) over the D active codes and K factors,

        InfoM = (mean_i max_k N[k, i] / sum_k N[k, i] - 1/K) / (1 - 1/K),
        InfoC = (mean_k max_i N[k, i] / sum_i N[k, i] - 1/D) / (1 - 1/D),
        InfoE = mean_k 1 - H_V(factor k | all codes) / H_V(factor k),

    H_V the log loss of multinomial logistic regression.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2.
        estimator: of the information: ``neighbours`` (the paper's; Ross 2014, and Kraskov et al. 2004 for continuous
            factors) or ``histogram`` (MIG's). Blocks of several columns are always quantised.
        neighbours: the k of the k-th nearest neighbour.
        num_bins: bins per column, cells per block, and bins of continuous factors where these must be classes.
        prune: share of the widest code's range below which a code counts as inactive.
        discrete_latents: the codes are quantised, as in the paper's own models: every distinct value is a class, a
            code is active if it has two values, and InfoE's regression sees one-hot codes.
        solver: ``converged`` lets the regression run up to 500 iterations; ``published`` stops after 100, as the
            authors' program does.
        blocks: columns that count as one code.
        continuous: which factors (K,) have real values. Their information is estimated from neighbours; H(factor) is
            the entropy of the factor cut into ``num_bins`` equal-width bins; their InfoE is the coefficient of
            determination of linear regression.

    Returns:
        ``infom``, ``infoc`` and ``infoe``; 1 is best. Without an active code all are 0, with a single one InfoC is 1.
        InfoM and InfoC are at least 0; InfoE is at least 0 up to the regression's tolerance. Details: ``information``
        (codes or blocks, K), normalised, and ``active`` (codes or blocks,).
    """
    codes, factors = check_points(codes, factors, "infomec", min_factors=2, continuous=continuous)
    columns = columns_of(blocks, codes.shape[1])
    active = active_codes(codes, 0.0 if discrete_latents else prune, columns)
    details: dict[str, npt.NDArray[Any]] = {"active": active}
    if not active.any():
        return Scores(dict.fromkeys(("infom", "infoc", "infoe"), 0.0), details, constant_note(codes))
    classes, notes = as_classes(factors, num_bins, continuous)
    if discrete_latents:
        information = mutual_information(distinct_rows(codes, columns), classes)
    else:
        information = estimate(codes, factors, classes, estimator, neighbours, num_bins, columns, continuous)
    normalised = np.maximum(information, 0) / entropies(classes)
    features = one_hot(codes) if discrete_latents else standardised(codes)
    real = flags(continuous, factors.shape[1])
    explicit = [explicitness(features, factor, solver, kind) for factor, kind in zip(factors.T, real, strict=True)]
    values = {
        "infom": share_of_largest(normalised[active]),
        "infoc": share_of_largest(normalised[active].T),
        "infoe": float(np.mean(explicit)),
    }
    return Scores(values, {**details, "information": normalised}, inactive_notes(active) + few_note(features) + notes)


def inactive_notes(active: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """A note that names the inactive codes or blocks, or nothing where there are none."""
    inactive = ", ".join(map(str, np.flatnonzero(~active)))
    return (f"inactive codes or blocks: {inactive}",) if inactive else ()


def few_note(features: Matrix) -> tuple[str, ...]:
    """A note that InfoE fits anything, where there are no more points than features (N, F)."""
    samples, width = features.shape
    if samples > width + 1:
        return ()
    return (f"infoe is not meaningful: {samples} points determine a regression on {width} features",)


def active_codes(codes: Codes, prune: float, columns: Blocks) -> npt.NDArray[np.bool_]:
    """Which codes (of these columns) have a column whose range exceeds ``prune`` times the widest column's."""
    ranges = np.ptp(codes, axis=0)
    active = ranges > prune * ranges.max()
    return np.array([active[list(own)].any() for own in columns])


def distinct_rows(codes: Codes, columns: Blocks) -> npt.NDArray[np.int64]:
    """Class numbers (N, B): equal rows of a block's columns are one class."""
    numbers = [np.unique(codes[:, list(own)], axis=0, return_inverse=True)[1].reshape(-1) for own in columns]
    return np.stack(numbers, axis=1)


def estimate(
    codes: Codes,
    factors: Factors,
    classes: npt.NDArray[np.int64],
    estimator: Estimator,
    neighbours: int,
    num_bins: int,
    columns: Blocks,
    continuous: Sequence[bool],
) -> Matrix:
    """Mutual information of each code with each factor, in nats: (codes, K).

    Args:
        codes, factors: (N, D) and (N, K).
        classes: the factors with continuous ones in bins.
        estimator, neighbours, num_bins, continuous: see ``infomec``.
        columns: of each code.
    """
    if estimator == "histogram" or any(len(own) > 1 for own in columns):
        return mutual_information(bins(codes, num_bins, columns), classes)
    real = flags(continuous, factors.shape[1])
    return np.array(
        [
            [
                neighbour_regression(codes[:, own[0]], y, neighbours)
                if kind
                else neighbour_information(codes[:, own[0]], y, neighbours)
                for y, kind in zip(factors.T, real, strict=True)
            ]
            for own in columns
        ]
    )


def neighbour_regression(x: Codes, y: npt.NDArray[Any], neighbours: int) -> float:
    """Kraskov, Stögbauer and Grassberger's (2004) estimate of I(x; y) in nats for continuous x and y (n,)."""
    from sklearn.feature_selection import mutual_info_regression

    found = mutual_info_regression(x[:, None], y, discrete_features=False, n_neighbors=neighbours, random_state=0)
    return float(found[0])


def neighbour_information(x: Codes, y: npt.NDArray[Any], neighbours: int) -> float:
    """Ross's estimate of I(x; y) in nats for continuous x (n,) and discrete y (n,).

    Ross, "Mutual information between discrete and continuous data sets", PLOS ONE 2014.

    With d_i the distance from i to its k-th neighbour of the same class, N_i the size of that class and m_i the number
    of points of any class nearer than d_i, itself included: psi(n) - <psi(N_i)> + <psi(k)> - <psi(m_i)>. Points that
    are alone in their class are left out. Equal values of x, which the theory excludes, are spread by a relative 1e-10.
    """
    from scipy.special import digamma

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
    nearest: npt.NDArray[np.float64] = np.minimum.reduce(list(windows))
    return nearest


def share_of_largest(information: npt.NDArray[np.float64]) -> float:
    """Mean over rows (m, n) of the largest entry's share, rescaled so that equal entries give 0; a row of 0 gives 0."""
    n = information.shape[1]
    if n == 1:
        return 1.0
    total = information.sum(axis=1)
    share = np.divide(information.max(axis=1), total, out=np.full(len(total), 1 / n), where=total > 0)
    return float((share.mean() - 1 / n) / (1 - 1 / n))


def one_hot(codes: Codes) -> Matrix:
    """A column for every distinct value of every code (N, D), 1 where the code has it, else 0."""
    return np.concatenate([(column[:, None] == np.unique(column)).astype(np.float64) for column in codes.T], axis=1)


def standardised(codes: Codes) -> Matrix:
    """Codes (N, D) with mean 0 and standard deviation 1; constant columns become 0."""
    deviation = codes.std(axis=0, dtype=np.float64)
    scaled: Matrix = (codes - codes.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1)
    return scaled


def explicitness(features: Matrix, factor: npt.NDArray[Any], solver: Solver, continuous: bool = False) -> float:
    """1 - log loss of logistic regression from features (N, F) / log loss without features, classes balanced.

    Without features the balanced regression gives every one of c classes the probability 1/c. For a continuous factor
    the coefficient of determination of linear regression, which is the same quantity for a normal density of fixed
    variance.
    """
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.metrics import log_loss

    if continuous:
        return determination(LinearRegression().fit(features, factor), features, factor)
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=ITERATIONS[solver])
    fit(model, features, factor)
    return float(1 - log_loss(factor, model.predict_proba(features)) / np.log(len(model.classes_)))


INFOMEC = of_points(
    infomec,
    name="infomec",
    headline="infom",
    shown=("infoc", "infoe"),
    summary="modularity, explicitness and compactness from information",
    settings=InfomecSettings(),
    fast=InfomecSettings(num_train=2_000, estimator="histogram"),
    caution="which codes count as active depends on their ranges relative to each other",
)
