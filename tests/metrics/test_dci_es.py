"""DCI-ES: curves by hand, oracles, staged predictions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from submission.metrics import dci_es
from submission.metrics.boosting import fit_boosted_trees, predict_after
from submission.metrics.probe_capacity import explicitness

FACTORS = np.stack([np.random.RandomState(k).randint(size, size=600) for k, size in enumerate((3, 4, 6))], axis=1)
CAPACITY = np.arange(5.0)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ([0.1] * 5, 1.0),  # the smallest probe is as good as any
        ([0.5, 0.4, 0.3, 0.2, 0.1], 0.0),  # a straight line from guessing to the best
        ([0.5, 0.1, 0.1, 0.1, 0.1], 0.75),  # one step of four
        ([0.3, 0.1, 0.4, 0.1, 0.1], 1 - 2 * 0.1 / (4 * 0.4)),  # each the best so far
        ([0.5, 0.5, 0.5, 0.5, 0.1], 0.0),  # worse than the line: clipped
    ],
)
def test_explicitness_of_a_curve(loss: list[float], expected: float) -> None:
    assert explicitness(CAPACITY, np.array(loss), 0.5) == pytest.approx(expected)


def test_perfect_codes_need_no_capacity_and_rotated_ones_do() -> None:
    perfect = FACTORS.astype(np.float32)
    scores = dci_es(perfect, FACTORS, perfect, FACTORS)
    assert scores.values == pytest.approx({"explicitness": 1.0, "size": 1.0})
    rotation = np.linalg.qr(np.random.RandomState(5).standard_normal((3, 3)))[0]
    rotated = ((perfect / perfect.max(axis=0) - 0.5) @ rotation).astype(np.float32)
    assert dci_es(rotated, FACTORS, rotated, FACTORS).values["explicitness"] < 0.95


def test_size_counts_codes_or_blocks() -> None:
    codes = np.tile(FACTORS, 2).astype(np.float32)
    assert dci_es(codes, FACTORS, codes, FACTORS).values["size"] == 0.5
    blocks = [[0, 3], [1, 4], [2, 5]]
    assert dci_es(codes, FACTORS, codes, FACTORS, blocks=blocks).values["size"] == 1


def test_what_nothing_predicts_is_left_out_with_a_note() -> None:
    constant = np.ones((600, 2), np.float32)
    scores = dci_es(constant, FACTORS, constant, FACTORS)
    assert scores.values["explicitness"] == 0
    assert "no probe predicts factors 0, 1, 2" in scores.notes[0]


def test_predictions_after_some_rounds_are_scikit_learns() -> None:
    codes = np.random.RandomState(0).standard_normal((200, 3)).astype(np.float32)
    labels = FACTORS[:200, 1]
    theirs = GradientBoostingClassifier(n_estimators=5, random_state=np.random.RandomState(1)).fit(codes, labels)
    ours = fit_boosted_trees(codes, labels, np.random.RandomState(1), rounds=5)
    for left, right in zip(predict_after(ours, codes, (1, 3, 5)), predict_after(theirs, codes, (1, 3, 5)), strict=True):
        assert np.array_equal(left, right)
