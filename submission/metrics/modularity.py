"""Modularity and explicitness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, check_seen, constant_columns, constant_note
from submission.metrics.classifiers import fit, logistic_regression
from submission.metrics.information import mutual_information
from submission.metrics.registration import of_train_test
from submission.metrics.sampling.points import train_test

SMALLEST = {"float32": 1e-15, "float64": 1e-150}
"""Squares of smaller codes lose digits."""


@dataclass(frozen=True)
class ModularitySettings:
    """Samples drawn, bins per code dimension, and whose classifier and bin edges."""

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16
    num_bins: int = 20
    era: Era = "installed"


def modularity_explicitness(
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    num_bins: int = 20,
    era: Era = "installed",
    blocks: Blocks | None = None,
    seed: int = 0,
) -> Scores:
    """Whether each code depends on one factor only, and whether all codes together determine each factor.

    Ridgeway and Mozer, "Learning deep disentangled embeddings with the F-statistic loss", 2018, section 3, as
    disentanglement_lib computes them.

    Args:
        codes: training points (N, D).
        factors: (N, K), K >= 2.
        test_codes, test_factors: test points with the same factor values; without them a third of the points, drawn
            from ``seed``, is held out.
        num_bins: equal-width bins per code dimension, for the mutual information behind modularity.
        era: ``2019`` fits one regression per value with liblinear, as scikit-learn did then by default, and takes the
            bin edges of numpy 1.
        blocks: columns that count as one code, for modularity; explicitness uses all codes together either way.
        seed: of the points held out.

    Returns:
        ``modularity_score``, ``explicitness_score_train`` and ``explicitness_score_test`` in [0, 1]; details
        ``mutual_information`` (codes or blocks, K), ``modularity`` (codes or blocks,) and ``explicitness`` (K,) on the
        test samples. Constant codes have modularity 0 and are left out of explicitness.
    """
    given = train_test(codes, factors, test_codes, test_factors, seed)
    codes, factors = check_points(*given[0], "modularity", min_factors=2)
    test_codes, test_factors = check_points(*given[1], "modularity")
    check_seen(factors, test_factors, "modularity")
    information = mutual_information(bins(codes, num_bins, blocks, era), factors)
    per_code = modularity_per_code(information)
    train, test = standardised(codes, test_codes)
    columns = zip(factors.T, test_factors.T, strict=True)
    areas = np.array([explicitness(train, value, test, test_value, era) for value, test_value in columns])
    values = {
        "modularity_score": float(per_code.mean()),
        "explicitness_score_train": float(areas[:, 0].mean()),
        "explicitness_score_test": float(areas[:, 1].mean()),
    }
    details = {"mutual_information": information, "modularity": per_code, "explicitness": areas[:, 1]}
    return Scores(values, details, constant_note(codes))


def modularity_per_code(information: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 - Σ (squared information about other factors) / (largest squared information · (K - 1)) of each code.

    Args:
        information: (D, K), K >= 2.

    Returns:
        (D,); 0 for a code without information.
    """
    squared = information**2
    largest = squared.max(axis=1)
    others = squared.sum(axis=1) - largest
    known = largest > 0
    bound = np.where(known, largest, 1.0) * (squared.shape[1] - 1)
    return np.where(known, 1 - others / bound, 0.0)


def standardised(train: Codes, test: Codes) -> tuple[Codes, Codes]:
    """Both with the training mean and deviation taken out; constant dimensions become 0."""
    largest = np.abs(train).max()
    if 0 < largest < SMALLEST[train.dtype.name]:
        train, test = train / largest, test / largest
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[(deviation == 0) | np.isin(np.arange(train.shape[1]), constant_columns(train))] = np.inf
    return (train - mean) / deviation, (test - mean) / deviation


def explicitness(
    train: Codes, values_train: Factors, test: Codes, values_test: Factors, era: Era
) -> tuple[float, float]:
    """Mean one-against-rest area under the ROC curve of logistic regression, on training and on test samples.

    Args:
        train, test: (N, D).
        values_train, values_test: one factor's values (N,).
        era: see ``submission.metrics.classifiers.logistic_regression``.
    """
    model = fit(logistic_regression(era), train, values_train)
    return mean_area(model.predict_proba(train), values_train), mean_area(model.predict_proba(test), values_test)


def mean_area(probabilities: npt.NDArray[np.floating[Any]], values: Factors) -> float:
    """Mean over classes of the area under the ROC curve, ties counted half (the Mann-Whitney statistic).

    Args:
        probabilities: (N, C), one column per class in ascending order of the classes.
        values: class of each sample (N,), every class at least once.
    """
    from scipy.stats import rankdata

    member = values[:, None] == np.unique(values)[None, :]
    positive = member.sum(axis=0)
    ranks = (rankdata(probabilities, axis=0) * member).sum(axis=0)
    return float(np.mean((ranks - positive * (positive + 1) / 2) / (positive * (len(values) - positive))))


MODULARITY = of_train_test(
    modularity_explicitness,
    name="modularity",
    headline="modularity_score",
    shown=("explicitness_score_test",),
    summary="whether each code depends on one factor only (modularity), and codes determine the factors (explicitness)",
    settings=ModularitySettings(),
    fast=ModularitySettings(num_train=2_000, num_test=1_000),
)
