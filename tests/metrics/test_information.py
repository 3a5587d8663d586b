"""Mutual information and discretisation against scikit-learn and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score, roc_auc_score

from submission.metrics.information import discretise, entropies, mutual_information
from submission.metrics.modularity import mean_area


def test_mutual_information_is_scikit_learn_s() -> None:
    rng = np.random.RandomState(0)
    left, right = rng.randint(-3, 9, (500, 3)), rng.randint(0, 4, (500, 2))
    left[:, 0] = right[:, 0] * 2 + 5
    expected = [[mutual_info_score(x, y) for y in right.T] for x in left.T]
    assert mutual_information(left, right) == pytest.approx(np.array(expected), abs=1e-14)


def test_entropy_is_information_about_itself() -> None:
    values = np.random.RandomState(0).randint(0, 7, (400, 3))
    assert entropies(values) == pytest.approx(np.diag(mutual_information(values, values)), abs=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_bins_are_numpy_s_histogram(dtype: type) -> None:
    values = (100 * np.random.RandomState(0).randn(3000, 2)).astype(dtype)
    for x, bins in zip(values.T, discretise(values, 20).T, strict=True):
        counts, edges = np.histogram(x, 20)
        assert np.array_equal(bins, np.digitize(x, edges[:-1]))
        assert np.array_equal(np.bincount(bins, minlength=21)[1:], counts)


def test_a_constant_column_has_one_bin() -> None:
    assert len(np.unique(discretise(np.full((10, 1), 0.1, np.float32)))) == 1


def test_area_under_the_curve_is_scikit_learn_s_with_ties() -> None:
    rng = np.random.RandomState(0)
    values = rng.randint(0, 4, 300)
    probabilities = np.round(rng.rand(300, 4) + 0.3 * np.eye(4)[values], 1)
    assert mean_area(probabilities, values) == pytest.approx(roc_auc_score(np.eye(4)[values], probabilities))
