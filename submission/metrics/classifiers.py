"""Predictors that several metrics fit, and how well they predict."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Codes, Era


class Predictor(Protocol):
    """A fitted classifier or regressor."""

    def predict(self, codes: Codes) -> npt.NDArray[Any]:
        """Labels or values (n,) of codes (n, D)."""


def accuracy(model: Predictor, codes: Codes, label: npt.NDArray[Any]) -> float:
    """Share of codes (n, D) whose label (n,) a fitted classifier predicts."""
    return float(np.mean(model.predict(codes) == label))


def determination(model: Predictor, codes: Codes, value: npt.NDArray[Any]) -> float:
    """Coefficient of determination of a fitted regressor for values (n,) of codes (n, D), at least 0."""
    residual = np.mean(np.square(model.predict(codes) - value))
    return max(0.0, float(1 - residual / np.var(value)))


def logistic_regression(era: Era, seed: int | None = None) -> Any:
    """Logistic regression with scikit-learn's defaults of today or of 2019 (one-vs-rest, liblinear)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if era == "2019":
        return OneVsRestClassifier(LogisticRegression(solver="liblinear", random_state=seed))
    return LogisticRegression()


def fit(model: Any, features: Any, labels: npt.NDArray[Any]) -> Any:
    """Fit a scikit-learn model without its warning about the iteration limit, at which scores are defined."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)
