"""Downstream accuracy: how well a classifier on the codes predicts each factor, by number of training points.

Locatello et al., "Challenging common assumptions ...", ICML 2019, section 5.6, as disentanglement_lib computes it
(``downstream_task``), with its two predictors: gradient boosted trees, and logistic regression whose penalty five-fold
cross-validation chooses among ten.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Metric, Points, Sampler, Scores
from submission.metrics.boosting import fit_boosted_trees
from submission.metrics.checks import check_points, check_sizes, constant_note
from submission.metrics.classifiers import Predictor, accuracy, fit
from submission.metrics.registration import refuse_continuous
from submission.metrics.sampling.points import train_test

Method = Literal["boosted_trees", "logistic_regression"]
Labels = npt.NDArray[Any]
FOLDS = 5
"""Of the cross-validation."""
FEWER = "training points where the name says"


@dataclass(frozen=True)
class DownstreamSettings:
    """Defaults: the published study.

    Attributes:
        num_train: numbers of training points, one experiment each.
        num_test, batch_size: test points to draw for each, and how.
    """

    num_train: Sequence[int] = (10, 100, 1000, 10000)
    num_test: int = 5000
    batch_size: int = 16


def downstream(
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    predictor: Method = "boosted_trees",
    seed: int = 0,
) -> Scores:
    """Accuracy of predicting each factor from all codes.

    Args:
        codes: training points (N, D).
        factors: (N, K). A factor with a single value among the training points is predicted to have that value, where
            disentanglement_lib stops with an error.
        test_codes, test_factors: test points; without them a third of the points, drawn from ``seed``, is held out.
        predictor: ``boosted_trees`` or ``logistic_regression``.
        seed: of the trees.

    Returns:
        ``mean_train_accuracy`` and ``mean_test_accuracy`` in [0, 1]. Details: ``accuracy`` (K, 2) of training and test
        points.
    """
    train, test = train_test(codes, factors, test_codes, test_factors, seed)
    accuracies = factor_accuracies(*train, *test, np.random.RandomState(seed), predictor)
    on_train, on_test = accuracies.mean(axis=0)
    values = {"mean_train_accuracy": float(on_train), "mean_test_accuracy": float(on_test)}
    return Scores(values, {"accuracy": accuracies}, constant_note(np.asarray(train.codes)))


def factor_accuracies(
    codes: Codes,
    factors: Factors,
    test_codes: Codes,
    test_factors: Factors,
    random_state: np.random.RandomState,
    predictor: Method = "boosted_trees",
) -> npt.NDArray[np.float64]:
    """Training and test accuracy (K, 2) of predicting each factor from codes; arguments as for ``downstream``."""
    least = FOLDS if predictor == "logistic_regression" else 1
    if len(codes) < least or not len(test_codes):
        raise SubmissionError(
            f"downstream accuracy has {len(codes)} training and {len(test_codes)} test points",
            f"give at least {least} and 1",
        )
    codes, factors = check_points(codes, factors, "downstream accuracy", varied=False)
    test_codes, test_factors = check_points(test_codes, test_factors, "downstream accuracy", varied=False)
    rows = []
    for label, test_label in zip(factors.T, test_factors.T, strict=True):
        model = fitted(codes, label, random_state, predictor)
        rows.append((accuracy(model, codes, label), accuracy(model, test_codes, test_label)))
    return np.array(rows, np.float64)


def fitted(codes: Codes, label: Labels, random_state: np.random.RandomState, predictor: Method) -> Predictor:
    """A classifier of labels (n,) from codes (n, D)."""
    if len(np.unique(label)) == 1:
        return Constant(label[0])
    if predictor == "boosted_trees":
        return fit_boosted_trees(codes, label, random_state)
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import KFold

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # defaults that newer versions of scikit-learn will change
        model: Predictor = fit(LogisticRegressionCV(Cs=10, cv=KFold(n_splits=FOLDS)), codes, label)
    return model


def fewer_note(asked: int, train: Points, notes: tuple[str, ...]) -> tuple[str, ...]:
    """``notes`` of this kind and, where there were fewer training points than ``asked`` for, one more."""
    before = tuple(note for note in notes if note.startswith(FEWER))
    if len(train.codes) == asked:
        return before
    return (*before, f"{FEWER} {asked}: {len(train.codes)}, for lack of samples")


class Constant:
    """The classifier of a factor that showed a single value."""

    def __init__(self, value: int) -> None:
        self.value = value

    def predict(self, codes: Codes) -> Labels:
        """The value, for each of the codes (n, D)."""
        return np.full(len(codes), self.value)


def named(accuracies: npt.NDArray[np.float64], prefix: str) -> dict[str, float]:
    """disentanglement_lib's names for accuracies (K, 2) of training and test points."""
    train, test = accuracies.T
    values = {
        f"{prefix}:mean_train_accuracy": train.mean(),
        f"{prefix}:mean_test_accuracy": test.mean(),
        f"{prefix}:min_train_accuracy": train.min(),
        f"{prefix}:min_test_accuracy": test.min(),
    }
    for factor, (on_train, on_test) in enumerate(accuracies):
        values[f"{prefix}:train_accuracy_factor_{factor}"] = on_train
        values[f"{prefix}:test_accuracy_factor_{factor}"] = on_test
    return {name: float(value) for name, value in values.items()}


def score_with(predictor: Method) -> Callable[[Sampler, DownstreamSettings], Scores]:
    """``Metric.score`` with one of the two predictors.

    It draws new training and test points for each number of training points. Its scores have disentanglement_lib's
    keys, and ``mean_test_accuracy``: that of the last number of training points.
    """

    def score(sampler: Sampler, settings: DownstreamSettings) -> Scores:
        generator = np.random.RandomState(sampler.seed)
        values: dict[str, float] = {}
        notes: tuple[str, ...] = ()
        refuse_continuous(sampler, "downstream accuracy")
        check_sizes(sampler.factor_sizes, "downstream accuracy", 1)
        for size in settings.num_train:
            train, test = sampler.train_test(size, settings.num_test, settings.batch_size)
            accuracies = factor_accuracies(*train, *test, generator, predictor)
            values |= named(accuracies, str(size))
            values["mean_test_accuracy"] = float(accuracies[:, 1].mean())
            notes = fewer_note(size, train, notes) + constant_note(train.codes)
        return Scores(values, notes=notes)

    return score


DOWNSTREAM = Metric(
    name="downstream",
    headline="mean_test_accuracy",
    summary="accuracy of boosted trees that predict each factor from the codes",
    settings=DownstreamSettings(),
    fast=DownstreamSettings(num_train=(1000,), num_test=1000),
    score=score_with("boosted_trees"),
)

DOWNSTREAM_LOGISTIC = replace(
    DOWNSTREAM,
    name="downstream_logistic",
    summary="accuracy of logistic regression that predicts each factor from the codes",
    score=score_with("logistic_regression"),
    caution="regularised, so it depends on the codes' scale",
)
