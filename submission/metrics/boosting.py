"""Gradient boosted classification trees, as DCI, downstream accuracy and fairness use them.

The model is ``sklearn.ensemble.GradientBoostingClassifier()`` with its default settings, disentanglement_lib's choice.
Compiled trees with the same numbers are ten to a hundred times faster where they were built.

scikit-learn's trees see codes in float32. Columns of float64 codes that float32 cannot represent are shifted by their
mean and divided by their largest deviation first, so that small differences far from zero are not lost
(``single_precision``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from submission.acceleration import replaceable
from submission.metrics.base import Codes
from submission.metrics.classifiers import Predictor


class Trees(Predictor, Protocol):
    """Fitted trees, with the importance of each code."""

    feature_importances_: npt.NDArray[np.float64]

    def staged_predict(self, codes: Codes) -> Iterator[npt.NDArray[Any]]:
        """Labels or values (n,) of codes (n, D) after each round."""


def fit_boosted_trees(
    codes: Codes,
    labels: npt.NDArray[Any],
    random_state: np.random.RandomState,
    rounds: int = 100,
    depth: int = 3,
    threads: int | None = None,
) -> Trees:
    """A fitted classifier of labels (n,) from codes (n, D); two labels or more must occur.

    The features' order of visit, which decides between equally good splits, is drawn from ``random_state``: a given
    state gives the same trees and leaves the same state behind, on any number of threads (scikit-learn uses one).
    """
    place = single_precision(codes)
    model = classification_trees(place(codes), labels, random_state, rounds, depth, threads)
    return model if codes.dtype == np.float32 else RescaledTrees(model, place)


@replaceable
def classification_trees(
    codes: npt.NDArray[np.float32],
    labels: npt.NDArray[Any],
    random_state: np.random.RandomState,
    rounds: int,
    depth: int,
    threads: int | None,
) -> Trees:
    """``fit_boosted_trees`` of float32 codes, by scikit-learn."""
    from sklearn.ensemble import GradientBoostingClassifier

    model: Trees = GradientBoostingClassifier(n_estimators=rounds, max_depth=depth, random_state=random_state)
    model.fit(codes, labels)  # type: ignore[attr-defined]
    return model


def fit_regression_trees(
    codes: Codes, values: npt.NDArray[Any], random_state: np.random.RandomState, rounds: int = 100, depth: int = 3
) -> Trees:
    """A fitted regressor of real values (n,) from codes (n, D): scikit-learn's ``GradientBoostingRegressor``."""
    from sklearn.ensemble import GradientBoostingRegressor

    place = single_precision(codes)
    model = GradientBoostingRegressor(n_estimators=rounds, max_depth=depth, random_state=random_state)
    return RescaledTrees(model.fit(place(codes), np.asarray(values, np.float64)), place)


@dataclass(frozen=True)
class Rescaling:
    """float32 codes (n, D) from codes minus ``shift`` (D,), divided by ``scale`` (D,)."""

    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    def __call__(self, codes: Codes) -> npt.NDArray[np.float32]:
        """The codes in float32; float32 codes as they are."""
        if codes.dtype == np.float32:
            return codes
        return ((codes - self.shift) / self.scale).astype(np.float32)


def single_precision(codes: Codes) -> Rescaling:
    """How to round codes (n, D) to float32: columns that float32 represents stay, others are shifted and scaled."""
    with np.errstate(over="ignore"):
        exact = (codes.astype(np.float32) == codes).all(axis=0)
    mean = codes.mean(axis=0, dtype=np.float64)
    largest = np.abs(codes - mean).max(axis=0)
    return Rescaling(np.where(exact, 0.0, mean), np.where(exact | (largest == 0), 1.0, largest))


class RescaledTrees:
    """Trees of float32 codes that predict from float64 codes.

    Attributes:
        trees: the fitted trees.
        feature_importances_: theirs.
    """

    def __init__(self, trees: Trees, place: Rescaling) -> None:
        self.trees, self.place = trees, place
        self.feature_importances_ = trees.feature_importances_

    def predict(self, codes: Codes) -> npt.NDArray[Any]:
        """Labels or values (n,) of codes (n, D)."""
        return self.trees.predict(self.place(codes))

    def staged_predict(self, codes: Codes) -> Iterator[npt.NDArray[Any]]:
        """Labels or values (n,) of codes (n, D) after each round."""
        return self.trees.staged_predict(self.place(codes))


def predict_after(model: Trees, codes: Codes, rounds: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Labels (n,) of codes (n, D) after each of the given numbers of rounds."""
    stages = list(itertools.islice(model.staged_predict(codes), max(rounds, default=0)))
    return [stages[count - 1] for count in rounds]


def skip_boosted_trees(labels: npt.NDArray[Any], random_state: np.random.RandomState, rounds: int = 100) -> None:
    """Draw from ``random_state`` what ``fit_boosted_trees`` of labels (n,) would, and fit nothing."""
    classes = len(np.unique(labels))
    random_state.randint(0, 2**31 - 1, size=(rounds, 1 if classes == 2 else classes))
