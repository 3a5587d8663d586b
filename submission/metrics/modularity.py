"""Modularity and explicitness.

Ridgeway, Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", 2018, section 3; here as
disentanglement_lib computes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, check_seen, constant_columns, dead_note
from submission.metrics.classifiers import fit, logistic_regression
from submission.metrics.information import mutual_information

SMALLEST = 1e-15
"""Squares of smaller codes lose digits in single precision."""


@dataclass(frozen=True)
class ModularitySettings:
    """Samples drawn, bins per code dimension, and the classifier's era."""

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16
    num_bins: int = 20
    era: Era = "installed"


def modularity_explicitness(
    codes_train: Codes,
    factors_train: Factors,
    codes_test: Codes,
    factors_test: Factors,
    num_bins: int = 20,
    era: Era = "installed",
    blocks: Blocks | None = None,
) -> Scores:
    """Whether each code knows about one factor only, and whether all codes together tell each factor's value.

    Args:
        codes_train, codes_test: (N, D).
        factors_train, factors_test: (N, K), K >= 2, the same values in both.
        num_bins: equal-width bins per code dimension, for the mutual information behind modularity.
        era: ``2019`` fits one regression per value with liblinear, as scikit-learn did then by default.
        blocks: columns that count as one code, for modularity; explicitness asks all codes together either way.

    Returns:
        ``modularity_score``, ``explicitness_score_train`` and ``explicitness_score_test`` in [0, 1]; details
        ``mutual_information`` (codes or blocks, K), ``modularity`` (codes or blocks,) and ``explicitness`` (K,) on the
        test samples. Constant codes have modularity 0 and are not shown to the classifiers.
    """
    check_points(codes_train, factors_train, "modularity", min_factors=2)
    check_points(codes_test, factors_test, "modularity")
    check_seen(factors_train, factors_test, "modularity")
    information = mutual_information(bins(codes_train, num_bins, blocks), factors_train)
    per_code = modularity_per_code(information)
    train, test = standardised(codes_train, codes_test)
    areas = np.array(
        [explicitness(train, factors_train[:, k], test, factors_test[:, k], era) for k in range(factors_train.shape[1])]
    )
    values = {
        "modularity_score": float(per_code.mean()),
        "explicitness_score_train": float(areas[:, 0].mean()),
        "explicitness_score_test": float(areas[:, 1].mean()),
    }
    details = {"mutual_information": information, "modularity": per_code, "explicitness": areas[:, 1]}
    return Scores(values, details, dead_note(codes_train))


def modularity_per_code(information: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 - Σ (squared information about other factors) / (largest squared information · (K - 1)), for each code.

    Args:
        information: (D, K), K >= 2.

    Returns:
        (D,); 0 for a code that knows nothing.
    """
    squared = information**2
    largest = squared.max(axis=1)
    others = squared.sum(axis=1) - largest
    known = largest > 0
    bound = np.where(known, largest, 1.0) * (squared.shape[1] - 1)
    return np.where(known, 1 - others / bound, 0.0)


def standardised(train: Codes, test: Codes) -> tuple[Codes, Codes]:
    """Both with the training mean and deviation taken out; constant dimensions become 0."""
    if np.abs(train).max() < SMALLEST:
        train, test = train / np.abs(train).max(), test / np.abs(train).max()
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


def mean_area(probabilities: npt.NDArray[np.floating], values: Factors) -> float:
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


def score(sampler: Sampler, settings: ModularitySettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    train, test = sampler.train_test(settings.num_train, settings.num_test, settings.batch_size)
    return modularity_explicitness(*train, *test, settings.num_bins, settings.era, blocks)


METRIC = Metric(
    name="modularity",
    headline="modularity_score",
    shown=("explicitness_score_test",),
    summary="whether each code knows one factor only (modularity), and codes tell the factors (explicitness)",
    settings=ModularitySettings(),
    fast=ModularitySettings(num_train=2_000, num_test=1_000),
    score=score,
    block_score=score,
)
