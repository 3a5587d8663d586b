"""Fairness: how much predictions of one factor change when another one is forced.

Locatello, Abbati, Rainforth, Bauer, Schölkopf and Bachem, "On the fairness of disentangled representations", NeurIPS
2019, section 4, as disentanglement_lib computes it. Boosted trees predict a target factor from the codes; for a
sensitive factor, the same cells are encoded with each of its values. Unfairness is the total variation between the
predictions for one sensitive value and those for all, averaged over (or maximised over) the values. Lower is fairer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Codes, Factors, InterventionSampler, Scores
from submission.metrics.checks import check_points, check_sizes, constant_note
from submission.metrics.classifiers import Predictor
from submission.metrics.prediction import fitted
from submission.metrics.registration import of_interventions
from submission.metrics.sampling.given import sampler_of


@dataclass(frozen=True)
class FairnessSettings:
    """Defaults: the published study."""

    num_train: int = 10_000
    num_test_points_per_class: int = 100
    batch_size: int = 16


def fairness(
    codes: Codes,
    factors: Factors,
    num_train: int = 10_000,
    num_test_points_per_class: int = 100,
    seed: int = 0,
) -> Scores:
    """Unfairness of predictions from codes; lower is fairer.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2, with every combination of values at least once.
        num_train: points that the predictors are fitted to.
        num_test_points_per_class: points for which each value of the sensitive factor is forced.
        seed: of the draws and of the trees.

    Returns:
        disentanglement_lib's keys, the mean over all pairs first of all: ``mean_fairness:mean_pred:mean_sens``.
        Details: ``mean_fairness`` and ``max_fairness`` (K targets, K sensitive).
    """
    return fairness_score(
        sampler_of(codes, factors, "fairness", seed), FairnessSettings(num_train, num_test_points_per_class)
    )


def group_unfairness(counts: npt.NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Mean and largest total variation between columns of prediction counts (classes, groups) and their sum.

    Single precision, as in disentanglement_lib.
    """
    overall = counts.sum(axis=1, dtype=np.float32)
    overall /= overall.sum()
    sizes = counts.sum(axis=0)
    shares = counts.astype(np.float32) / sizes
    distances = np.abs(shares - overall[:, None]).sum(axis=0) / 2
    return float(np.sum(distances * sizes / sizes.sum())), float(distances.max())


def summaries(matrix: npt.NDArray[np.float64], prefix: str) -> dict[str, float]:
    """disentanglement_lib's names for means and maxima of unfairness (K targets, K sensitive) off the diagonal."""
    factors = len(matrix)
    off = ~np.eye(factors, dtype=bool)
    rows = np.array([matrix[i][off[i]] for i in range(factors)])
    columns = np.array([matrix[:, j][off[:, j]] for j in range(factors)])
    values = {f"{prefix}:pred{i}:sens{j}": matrix[i, j] for i, j in zip(*np.nonzero(off), strict=True)}
    for inner, inside in (("mean", np.mean), ("max", np.max)):
        per_row, per_column = inside(rows, axis=1), inside(columns, axis=1)
        values |= {f"{prefix}:pred{i}:{inner}_sens": per_row[i] for i in range(factors)}
        values |= {f"{prefix}:sens{j}:{inner}_pred": per_column[j] for j in range(factors)}
        for outer, across in (("mean", np.mean), ("max", np.max)):
            values[f"{prefix}:{outer}_pred:{inner}_sens"] = across(per_row)
            values[f"{prefix}:{outer}_sens:{inner}_pred"] = across(per_column)
    return {name: float(value) for name, value in values.items()}


def fairness_score(sampler: InterventionSampler, settings: FairnessSettings) -> Scores:
    """Train a predictor per factor and count its predictions under every forced value of every other factor."""
    check_sizes(sampler.factor_sizes, "fairness")
    train = sampler.points(settings.num_train, settings.batch_size)
    check_points(*train, "fairness")
    generator = np.random.RandomState(sampler.seed)
    count = len(sampler.factor_sizes)
    mean, largest = np.zeros((count, count)), np.zeros((count, count))
    for target in range(count):
        model = fitted(train.codes, train.factors[:, target], generator, "boosted_trees")
        for sensitive in range(count):
            if sensitive != target:
                counts = prediction_counts(sampler, model, target, sensitive, settings.num_test_points_per_class)
                mean[target, sensitive], largest[target, sensitive] = group_unfairness(counts)
    values = summaries(mean, "mean_fairness") | summaries(largest, "max_fairness")
    return Scores(values, {"mean_fairness": mean, "max_fairness": largest}, constant_note(train.codes))


def prediction_counts(
    sampler: InterventionSampler, model: Predictor, target: int, sensitive: int, points: int
) -> npt.NDArray[np.int64]:
    """How often each value of the target is predicted (target's size, sensitive's size), per forced sensitive value."""
    factors = sampler.sample_factors(points)
    counts = []
    for value in range(sampler.factor_sizes[sensitive]):
        forced = factors.copy()
        forced[:, sensitive] = value
        counts.append(np.bincount(model.predict(sampler.codes(forced)), minlength=sampler.factor_sizes[target]))
    return np.stack(counts, axis=1)


FAIRNESS = of_interventions(
    fairness_score,
    name="fairness",
    headline="mean_fairness:mean_pred:mean_sens",
    summary="how much predictions of one factor change when another is forced",
    settings=FairnessSettings(),
    fast=FairnessSettings(num_train=1_000, num_test_points_per_class=50),
    higher_is_better=False,
    caution="a representation that predicts nothing is perfectly fair: compare it with downstream accuracy",
)
