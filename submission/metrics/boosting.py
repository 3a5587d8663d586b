"""scikit-learn's gradient boosted classification trees with its numbers, in a fraction of its time.

The model is ``sklearn.ensemble.GradientBoostingClassifier()`` with its default settings, which disentanglement_lib
uses for DCI, downstream accuracy and fairness (Friedman, "Greedy function approximation: a gradient boosting machine",
Annals of Statistics 29, 2001, algorithms 5 and 6). The trees grow in ``submission/native/trees``; where that was not
built, scikit-learn itself does the work: same numbers, one core, ten to a hundred times slower.

scikit-learn's trees see codes in float32. Columns of float64 codes that float32 cannot represent are shifted by their
mean and divided by their largest deviation first, so that small differences far from zero are not lost
(``single_precision``).
"""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import gmean

from submission.metrics.base import Codes
from submission.metrics.classifiers import Predictor
from submission.metrics.ties import sorted_columns
from submission.native import library
from submission.native.processor import available_cores

ROWS_PER_TASK = 1024


class Trees(Predictor, Protocol):
    """Fitted trees, with the importance of each code."""

    feature_importances_: npt.NDArray[np.float64]


class Problem(ctypes.Structure):
    """The argument of ``trees_fit``, field by field as in trees.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("samples", "features", "outputs", "rounds", "depth", "threads")),
        *((name, ctypes.c_void_p) for name in ("columns", "order", "tie_run", "replayed", "label", "seed")),
        ("learning_rate", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("raw", "importance", "feature", "threshold", "value")),
    )


def fit_boosted_trees(
    codes: Codes,
    labels: npt.NDArray[Any],
    random_state: np.random.RandomState,
    rounds: int = 100,
    depth: int = 3,
    threads: int | None = None,
) -> Trees:
    """A fitted classifier of labels (n,) from codes (n, D); two labels or more must occur.

    The features' order of visit, which decides between equally good splits, is drawn from ``random_state`` exactly as
    scikit-learn draws it, so a given state gives the same trees and leaves the same state behind.
    """
    place = single_precision(codes)
    if library("trees") is None:
        from sklearn.ensemble import GradientBoostingClassifier

        model: Trees = GradientBoostingClassifier(n_estimators=rounds, max_depth=depth, random_state=random_state)
        model.fit(place(codes), labels)  # type: ignore[attr-defined]
    else:
        model = BoostedTrees(rounds, depth, threads or available_cores()).fit(place(codes), labels, random_state)
    return model if codes.dtype == np.float32 else RescaledTrees(model, place)


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


def predict_after(model: Trees, codes: Codes, rounds: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Labels (n,) of codes (n, D) after each of the given numbers of rounds."""
    if isinstance(model, RescaledTrees):
        return predict_after(model.trees, model.place(codes), rounds)
    if isinstance(model, BoostedTrees):
        return [model.first(count).predict(codes) for count in rounds]
    stages = list(model.staged_predict(codes))  # type: ignore[attr-defined]
    return [stages[count - 1] for count in rounds]


def skip_boosted_trees(labels: npt.NDArray[Any], random_state: np.random.RandomState, rounds: int = 100) -> None:
    """Draw from ``random_state`` what ``fit_boosted_trees`` of labels (n,) would, and fit nothing."""
    classes = len(np.unique(labels))
    random_state.randint(0, 2**31 - 1, size=(rounds, 1 if classes == 2 else classes))


class BoostedTrees:
    """The compiled model; ``fit_boosted_trees`` makes one.

    Attributes:
        classes_: the labels, ascending.
        initial: raw prediction (outputs,) before the first tree: log odds for two classes, else the log
            frequencies, centred.
        feature, threshold, value: trees (rounds, outputs, nodes) as complete binary trees; the children of node i
            are 2 i + 1 and 2 i + 2, feature -1 marks a leaf.
        feature_importances_: total decrease of squared error per feature (D,), adding up to 1 (or all 0).
        threads: most threads to use.
    """

    learning_rate = 0.1

    def __init__(self, rounds: int = 100, depth: int = 3, threads: int = 1) -> None:
        self.rounds, self.depth, self.threads = rounds, depth, threads

    def fit(
        self, codes: npt.NDArray[np.float32], labels: npt.NDArray[Any], random_state: np.random.RandomState
    ) -> BoostedTrees:
        """Grow the trees for labels (n,) of codes (n, D)."""
        self.classes_, label = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("boosted trees need at least two classes")
        self.initial = initial_prediction(label)
        trees = (self.rounds, len(self.initial))
        nodes = 2 ** (self.depth + 1) - 1
        self.feature = np.full((*trees, nodes), -1, np.int32)
        self.threshold, self.value = np.zeros((*trees, nodes)), np.zeros((*trees, nodes))
        importance = np.zeros((*trees, codes.shape[1]))
        self._grow(codes, label, random_state.randint(0, 2**31 - 1, size=trees), importance)
        grown = importance[self.feature[:, :, 0] >= 0]
        self.feature_importances_ = normalized(grown.mean(0)) if len(grown) else np.zeros(codes.shape[1])
        return self

    def _grow(
        self,
        codes: npt.NDArray[np.float32],
        label: npt.NDArray[np.integer[Any]],
        seeds: npt.NDArray[np.integer[Any]],
        importance: npt.NDArray[np.float64],
    ) -> None:
        arrays: dict[str, npt.NDArray[Any]] = {
            **sorted_columns(codes, label),
            "label": label.astype(np.int32),
            "seed": seeds.astype(np.uint32),
            "raw": np.repeat(self.initial[:, None], len(codes), axis=1),
            "importance": importance,
            "feature": self.feature,
            "threshold": self.threshold,
            "value": self.value,
        }
        sizes = (*codes.shape, len(self.initial), self.rounds, self.depth, self.threads)
        problem = Problem(*sizes, learning_rate=self.learning_rate)
        for name, array in arrays.items():
            setattr(problem, name, array.ctypes.data)
        if kernel().trees_fit(ctypes.byref(problem)):
            raise MemoryError(f"no memory for boosted trees of {len(codes)} samples")

    def predict(self, codes: Codes) -> npt.NDArray[Any]:
        """Most probable label (n,) of codes (n, D)."""
        raw = self.decision_function(codes)
        labels: npt.NDArray[Any] = self.classes_[
            (raw[:, 0] >= 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)
        ]
        return labels

    def first(self, rounds: int) -> BoostedTrees:
        """The model after its first ``rounds`` rounds."""
        model = copy.copy(self)
        model.rounds = rounds
        model.feature, model.threshold, model.value = (
            array[:rounds] for array in (self.feature, self.threshold, self.value)
        )
        return model

    def decision_function(self, codes: Codes) -> npt.NDArray[np.float64]:
        """Raw predictions (n, outputs): log odds of the second class, or one column per class."""
        rows = np.ascontiguousarray(codes, np.float32)
        raw = np.repeat(self.initial[None, :], len(rows), axis=0)
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda first: self._add(rows, raw, first), range(0, len(rows), ROWS_PER_TASK)))
        return raw

    def _add(self, rows: npt.NDArray[np.float32], raw: npt.NDArray[np.float64], first: int) -> None:
        part, out = rows[first : first + ROWS_PER_TASK], raw[first : first + ROWS_PER_TASK]
        kernel().trees_predict(
            *map(ctypes.c_int64, (*part.shape, *self.feature.shape)),
            *(ctypes.c_void_p(array.ctypes.data) for array in (part, self.feature, self.threshold, self.value)),
            ctypes.c_double(self.learning_rate),
            ctypes.c_void_p(out.ctypes.data),
        )


def kernel() -> ctypes.CDLL:
    """The compiled trees."""
    loaded = library("trees")
    assert loaded is not None, "fit_boosted_trees makes BoostedTrees only where the kernel was built"
    return loaded


def initial_prediction(label: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
    """Raw prediction (outputs,) of the class frequencies of labels 0, 1, ... (n,)."""
    eps = np.finfo(np.float64).eps
    prior = np.clip(np.bincount(label) / len(label), eps, 1 - eps)
    if len(prior) == 2:
        log_odds: npt.NDArray[np.float64] = logit(prior[1:])
        return log_odds
    centred: npt.NDArray[np.float64] = np.log(prior / gmean(prior))
    return centred


def normalized(importances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Importances that add up to 1."""
    shares: npt.NDArray[np.float64] = importances / importances.sum()
    return shares
