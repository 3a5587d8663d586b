"""scikit-learn's gradient boosted classification trees with its numbers, in a fraction of its time, by ``trees/``.

The model is ``sklearn.ensemble.GradientBoostingClassifier()`` with its default settings (Friedman, "Greedy function
approximation: a gradient boosting machine", Annals of Statistics 29, 2001, algorithms 5 and 6).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.accelerators.library import library
from submission.accelerators.ties import sorted_columns
from submission.parallel import available_cores

ROWS_PER_TASK = 1024


class Problem(ctypes.Structure):
    """The argument of ``trees_fit``, field by field as in trees.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("samples", "features", "outputs", "rounds", "depth", "threads")),
        *((name, ctypes.c_void_p) for name in ("columns", "order", "tie_run", "replayed", "label", "seed")),
        ("learning_rate", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("raw", "importance", "feature", "threshold", "value")),
    )


def classification_trees(
    codes: npt.NDArray[np.float32],
    labels: npt.NDArray[Any],
    random_state: np.random.RandomState,
    rounds: int,
    depth: int,
    threads: int | None,
) -> Any:
    """``submission.metrics.boosting.classification_trees``, compiled and on several cores."""
    if library("trees") is None:
        return NotImplemented
    return BoostedTrees(rounds, depth, threads or available_cores()).fit(codes, labels, random_state)


class BoostedTrees:
    """The compiled model; ``classification_trees`` makes one.

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

    def predict(self, codes: npt.NDArray[np.floating[Any]]) -> npt.NDArray[Any]:
        """Most probable label (n,) of codes (n, D)."""
        return self._labels(self.decision_function(codes))

    def staged_predict(self, codes: npt.NDArray[np.floating[Any]]) -> Iterator[npt.NDArray[Any]]:
        """Labels (n,) of codes (n, D) after each round."""
        rows = np.ascontiguousarray(codes, np.float32)
        raw = self._start(len(rows))
        for count in range(self.rounds):
            self._add(rows, raw, slice(count, count + 1))
            yield self._labels(raw)

    def decision_function(self, codes: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """Raw predictions (n, outputs): log odds of the second class, or one column per class."""
        rows = np.ascontiguousarray(codes, np.float32)
        raw = self._start(len(rows))
        with ThreadPoolExecutor(self.threads) as pool:
            parts = [slice(first, first + ROWS_PER_TASK) for first in range(0, len(rows), ROWS_PER_TASK)]
            list(pool.map(lambda part: self._add(rows[part], raw[part], slice(None)), parts))
        return raw

    def _start(self, count: int) -> npt.NDArray[np.float64]:
        return np.repeat(self.initial[None, :], count, axis=0)

    def _labels(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        labels: npt.NDArray[Any] = self.classes_[
            (raw[:, 0] >= 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)
        ]
        return labels

    def _add(self, rows: npt.NDArray[np.float32], raw: npt.NDArray[np.float64], rounds: slice) -> None:
        """Add the trees of some rounds to raw predictions (n, outputs) of contiguous rows (n, D)."""
        trees = (self.feature[rounds], self.threshold[rounds], self.value[rounds])
        kernel().trees_predict(
            *map(ctypes.c_int64, (*rows.shape, *trees[0].shape)),
            *(ctypes.c_void_p(array.ctypes.data) for array in (rows, *trees)),
            ctypes.c_double(self.learning_rate),
            ctypes.c_void_p(raw.ctypes.data),
        )


def kernel() -> ctypes.CDLL:
    """The compiled trees."""
    loaded = library("trees")
    assert loaded is not None, "classification_trees makes BoostedTrees only where the kernel was built"
    return loaded


def initial_prediction(label: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
    """Raw prediction (outputs,) of the class frequencies of labels 0, 1, ... (n,)."""
    from scipy.special import logit
    from scipy.stats import gmean

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
