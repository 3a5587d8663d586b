"""scikit-learn's gradient boosted classification trees with its numbers, in a fraction of its time.

The model is ``sklearn.ensemble.GradientBoostingClassifier()`` with its default settings, which disentanglement_lib
uses for DCI, downstream accuracy and fairness (Friedman, "Greedy function approximation: a gradient boosting machine",
Annals of Statistics 29, 2001, algorithms 5 and 6). The trees grow in ``submission/native/trees``; where that was not
built, scikit-learn itself does the work: same numbers, one core, ten to a hundred times slower.
"""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import gmean

from submission.metrics.classifiers import Classifier
from submission.metrics.ties import sorted_columns
from submission.native import library
from submission.native.processor import available_cores

ROWS_PER_TASK = 1024


class Trees(Classifier, Protocol):
    """A fitted classifier that knows how much each code matters to it."""

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
    codes: npt.NDArray[np.float32],
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
    if library("trees") is None:
        from sklearn.ensemble import GradientBoostingClassifier

        model = GradientBoostingClassifier(n_estimators=rounds, max_depth=depth, random_state=random_state)
        return model.fit(codes, labels)
    return BoostedTrees(rounds, depth, threads or available_cores()).fit(codes, labels, random_state)


def predict_after(model: Trees, codes: npt.NDArray[np.float32], rounds: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Labels (n,) of codes (n, D) after each of the given numbers of rounds."""
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
        label: npt.NDArray[np.integer],
        seeds: npt.NDArray[np.integer],
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

    def predict(self, codes: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Most probable label (n,) of codes (n, D)."""
        raw = self.decision_function(codes)
        return self.classes_[(raw[:, 0] >= 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)]

    def first(self, rounds: int) -> BoostedTrees:
        """The model after its first ``rounds`` rounds."""
        model = copy.copy(self)
        model.rounds = rounds
        model.feature, model.threshold, model.value = (
            array[:rounds] for array in (self.feature, self.threshold, self.value)
        )
        return model

    def decision_function(self, codes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
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


def initial_prediction(label: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Raw prediction (outputs,) of the class frequencies of labels 0, 1, ... (n,)."""
    eps = np.finfo(np.float64).eps
    prior = np.clip(np.bincount(label) / len(label), eps, 1 - eps)
    if len(prior) == 2:
        return logit(prior[1:])
    return np.log(prior / gmean(prior))


def normalized(importances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Importances that add up to 1."""
    return importances / importances.sum()
