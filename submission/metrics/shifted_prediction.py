"""Downstream accuracy when codes are missing, or when the training set lacks values of another factor.

Two tasks of disentanglement_lib. ``reduced`` removes, for each factor, the codes that boosted trees find most important
for it: with disentangled codes only that factor's accuracy falls. ``strong`` fixes a random other factor while training
and shows only its other values at test time (strong generalisation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, InterventionSampler, Metric, Points, Sampler, Scores
from submission.metrics.boosting import fit_boosted_trees, skip_boosted_trees
from submission.metrics.checks import check_points, check_sizes, constant_note
from submission.metrics.classifiers import accuracy
from submission.metrics.prediction import factor_accuracies, fewer_note, fitted
from submission.metrics.registration import of_interventions, refuse_continuous
from submission.metrics.sampling.given import sampler_of
from submission.metrics.sampling.points import PointSampler


@dataclass(frozen=True)
class ReducedSettings:
    """Training sizes, test points, and how many codes to remove per factor."""

    num_train: Sequence[int] = (1000, 10000)
    num_test: int = 5000
    batch_size: int = 16
    num_factors_to_remove: int = 1


@dataclass(frozen=True)
class StrongSettings:
    """Training sizes, test points, and repetitions per factor with another fixed value."""

    num_train: Sequence[int] = (1000, 10000)
    num_test: int = 5000
    n_experiment: int = 10


def downstream_reduced(
    codes: Codes,
    factors: Factors,
    num_train: Sequence[int] = (1000, 10000),
    num_test: int = 5000,
    num_factors_to_remove: int = 1,
    seed: int = 0,
) -> Scores:
    """How much more a factor's accuracy suffers than the others' when the most important codes for it are removed.

    Args:
        codes: (N, D), D > ``num_factors_to_remove``.
        factors: (N, K), K >= 2.
        num_train: numbers of training points, one experiment each, drawn without replacement.
        num_test: test points.
        num_factors_to_remove: codes to remove for each factor.
        seed: of the draws and of the trees.

    Returns:
        ``gap`` in [-1, 1] of the last number of training points, and disentanglement_lib's keys.
    """
    settings = ReducedSettings(num_train, num_test, num_factors_to_remove=num_factors_to_remove)
    return score_reduced(PointSampler(*check_points(codes, factors, "downstream_reduced"), seed), settings)


def downstream_strong(
    codes: Codes,
    factors: Factors,
    num_train: Sequence[int] = (1000, 10000),
    num_test: int = 5000,
    n_experiment: int = 10,
    seed: int = 0,
) -> Scores:
    """Share of the accuracy of boosted trees that is lost on unseen values of another factor.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2, with every combination of values at least once.
        num_train: numbers of training points, one experiment each.
        num_test: test points.
        n_experiment: repetitions per factor with another fixed value.
        seed: of the draws and of the trees.

    Returns:
        ``strong_generalization_gap`` of the last number of training points, at most 1, and disentanglement_lib's keys.
    """
    sampler = sampler_of(codes, factors, "downstream_strong", seed)
    return score_strong(sampler, StrongSettings(num_train, num_test, n_experiment))


def most_important(train: Points, factor: int, random_state: np.random.RandomState) -> int:
    """The code that boosted trees find most important for a factor.

    disentanglement_lib fits every factor and uses one; here the others only use up their share of random numbers.
    """
    best = 0
    for other, label in enumerate(train.factors.T):
        if other == factor:
            best = int(fit_boosted_trees(train.codes, label, random_state).feature_importances_.argmax())
        else:
            skip_boosted_trees(label, random_state)
    return best


def reduced_accuracies(
    train: Points, test: Points, remove: int, random_state: np.random.RandomState
) -> npt.NDArray[np.float64]:
    """Accuracies (K, K, 2): row k without the ``remove`` most important codes of factor k; training and test."""
    check_points(train.codes, train.factors, "downstream_reduced", min_factors=2)
    if remove >= train.codes.shape[1]:
        raise SubmissionError(
            f"cannot remove {remove} of {train.codes.shape[1]} code dimensions", "lower num_factors_to_remove"
        )
    rows = []
    for factor in range(train.factors.shape[1]):
        left, left_test = train, test
        for _ in range(remove):
            code = most_important(left, factor, random_state)
            left, left_test = without(left, code), without(left_test, code)
        rows.append(factor_accuracies(*left, *left_test, random_state))
    return np.stack(rows)


def without(points: Points, code: int) -> Points:
    """The points without one column of their codes."""
    return Points(np.delete(points.codes, code, axis=1), points.factors)


def named_reduced(accuracies: npt.NDArray[np.float64], size: int) -> dict[str, float]:
    """disentanglement_lib's names for accuracies (K, K, 2)."""
    values: dict[str, float] = {}
    off = ~np.eye(len(accuracies), dtype=bool)
    for part, which in enumerate(("train", "test")):
        matrix = accuracies[..., part]
        others = np.array([row[mask].mean() for row, mask in zip(matrix, off, strict=True)])
        for k, row in enumerate(matrix):
            prefix = f"{size}:reduced_factor_{k}:mean_{which}_accuracy"
            values |= {f"{prefix}_factor_{i}": accuracy for i, accuracy in enumerate(row)}
            values[f"{prefix}_reduced_factor"] = row[k]
            values[f"{prefix}_non_reduced_factor"] = others[k]
        values[f"{size}:mean_{which}_accuracy_reduced_factor"] = np.diag(matrix).mean()
        values[f"{size}:mean_{which}_accuracy_other_factors"] = others.mean()
    return {name: float(value) for name, value in values.items()}


def score_reduced(sampler: Sampler, settings: ReducedSettings) -> Scores:
    """Accuracies without the most important codes; ``gap`` is that of other factors minus that of the reduced one."""
    refuse_continuous(sampler, "downstream_reduced")
    generator = np.random.RandomState(sampler.seed)
    values: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    for size in settings.num_train:
        train, test = sampler.train_test(size, settings.num_test, settings.batch_size)
        values |= named_reduced(reduced_accuracies(train, test, settings.num_factors_to_remove, generator), size)
        prefix = f"{size}:mean_test_accuracy"
        values["gap"] = values[f"{prefix}_other_factors"] - values[f"{prefix}_reduced_factor"]
        notes = fewer_note(size, train, notes) + constant_note(train.codes)
    return Scores(values, notes=notes)


def intervene(
    train: Factors, test: Factors, target: int, sizes: Sequence[int], random_state: np.random.RandomState
) -> tuple[Factors, Factors]:
    """Factor rows where one factor other than the target has one value in training and any other at test time."""
    forced = random_state.choice([k for k in range(len(sizes)) if k != target])
    values = list(range(sizes[forced]))
    seen = random_state.choice(values)
    values.remove(seen)
    train, test = train.copy(), test.copy()
    train[:, forced] = seen
    test[:, forced] = random_state.choice(values, size=len(test))
    return train, test


def score_strong(sampler: InterventionSampler, settings: StrongSettings) -> Scores:
    """Accuracy with and without the shift.

    disentanglement_lib draws the shifts from numpy's global generator; here a generator of the same seed draws them.
    """
    check_sizes(sampler.factor_sizes, "downstream_strong")
    generator = np.random.RandomState(sampler.seed)
    values: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    for size in settings.num_train:
        train, test = sampler.sample_factors(size), sampler.sample_factors(settings.num_test)
        plain = Points(sampler.codes(train), train), Points(sampler.codes(test), test)
        accuracies = factor_accuracies(*plain[0], *plain[1], generator).mean(axis=0)
        shifted = np.array(
            [
                shifted_accuracy(sampler, train, test, target, generator)
                for target in range(len(sampler.factor_sizes))
                for _ in range(settings.n_experiment)
            ]
        ).mean(axis=0)
        values |= named_strong(accuracies, shifted, size)
        values["strong_generalization_gap"] = values[f"{size}:strong_generalization_gap"]
        notes = constant_note(plain[0].codes)
    return Scores(values, notes=notes)


def shifted_accuracy(
    sampler: InterventionSampler, train: Factors, test: Factors, target: int, random_state: np.random.RandomState
) -> tuple[float, float]:
    """Training and test accuracy of predicting the target under one random shift."""
    train, test = intervene(train, test, target, sampler.factor_sizes, random_state)
    codes: tuple[Codes, Codes] = (sampler.codes(train), sampler.codes(test))
    model = fitted(codes[0], train[:, target], random_state, "boosted_trees")
    return accuracy(model, codes[0], train[:, target]), accuracy(model, codes[1], test[:, target])


def named_strong(plain: npt.NDArray[np.float64], shifted: npt.NDArray[np.float64], size: int) -> dict[str, float]:
    """disentanglement_lib's names for mean accuracies (2,), training and test, without and with the shift."""
    return {
        f"{size}:mean_train_accuracy": float(plain[0]),
        f"{size}:mean_test_accuracy": float(plain[1]),
        f"{size}:mean_strong_train_accuracy": float(shifted[0]),
        f"{size}:mean_strong_test_accuracy": float(shifted[1]),
        f"{size}:strong_generalization_gap": float(1 - shifted[1] / plain[1]),
    }


DOWNSTREAM_REDUCED = Metric(
    name="downstream_reduced",
    headline="gap",
    summary="how much more accuracy a factor loses than the others when its best code is removed",
    settings=ReducedSettings(),
    fast=ReducedSettings(num_train=(1000,), num_test=1000),
    score=score_reduced,
    range=(-1.0, 1.0),
)

DOWNSTREAM_STRONG = of_interventions(
    score_strong,
    name="downstream_strong",
    headline="strong_generalization_gap",
    summary="share of downstream accuracy that is lost on unseen values of another factor",
    settings=StrongSettings(),
    fast=StrongSettings(num_train=(1000,), num_test=1000, n_experiment=2),
    range=(-np.inf, 1.0),
    higher_is_better=False,
)
