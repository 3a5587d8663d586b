"""Classifiers that several metrics fit, and how often they are right."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Era


class Classifier(Protocol):
    """A fitted classifier."""

    def predict(self, codes: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Labels (n,) of codes (n, D)."""


def accuracy(model: Classifier, codes: npt.NDArray[np.floating], label: npt.NDArray[np.integer]) -> float:
    """Share of codes (n, D) whose label (n,) a fitted classifier predicts."""
    return float(np.mean(model.predict(codes) == label))


def logistic_regression(era: Era, seed: int | None = None) -> Any:
    """Logistic regression with scikit-learn's defaults of today or of 2019 (one-vs-rest, liblinear)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if era == "2019":
        return OneVsRestClassifier(LogisticRegression(solver="liblinear", random_state=seed))
    return LogisticRegression()


def fit(model: Any, features: npt.NDArray[np.floating], labels: npt.NDArray[Any]) -> Any:
    """Fit a scikit-learn model, on as many threads as the reference would: their sums decide the seventh digit.

    Scores are defined at the iteration limit that the model has; that it was reached is not said.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)
