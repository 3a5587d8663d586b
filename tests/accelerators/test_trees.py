"""The compiled trees against scikit-learn's own, tree for tree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from submission import acceleration
from submission.accelerators.library import library
from submission.accelerators.ties import has_many_ties, replayed, tie_lengths
from submission.accelerators.trees import BoostedTrees
from submission.metrics.boosting import fit_boosted_trees

pytestmark = pytest.mark.skipif(library("trees") is None, reason="the trees kernel was not built")
SAMPLES = 700


def representation(kind: str, seed: int = 1, samples: int = SAMPLES) -> tuple[npt.NDArray, npt.NDArray]:
    """Codes (n, 6) and labels (n, 3) with 2, 3 and 12 classes."""
    r = np.random.RandomState(seed)
    factors = np.stack([r.randint(size, size=samples) for size in (2, 3, 12)], axis=1)
    scaled = factors / [1, 2, 11] * 2 - 1
    noisy = scaled + 0.3 * r.standard_normal(scaled.shape)
    rotation = np.linalg.qr(np.random.RandomState(9).standard_normal((6, 6)))[0]
    codes = {
        "identity": np.c_[scaled, 1e-3 * r.standard_normal(scaled.shape)],
        "rotated": np.c_[noisy, r.standard_normal(scaled.shape)] @ rotation,
        "noise": r.standard_normal((samples, 6)),
        "constant": np.ones((samples, 6)),
        "one dead": np.c_[noisy, np.full(samples, 3.0), noisy[:, :2]],
        "duplicated": np.c_[noisy, noisy],
        "negated": np.c_[noisy, -noisy],
        "discrete": np.c_[factors % 3, factors // 2],
        "deterministic": np.tanh(scaled @ r.standard_normal((3, 6))),
        "close": 1 + 1e-7 * r.randint(4, size=(samples, 6)),
        "large": 1e6 * noisy @ np.ones((3, 6)) + r.standard_normal((samples, 6)),
    }[kind]
    return codes.astype(np.float32), factors


KINDS = ("identity", "rotated", "noise", "constant", "one dead", "duplicated", "negated", "discrete")
KINDS += ("deterministic", "close", "large")


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_importances_and_predictions_are_those_of_scikit_learn(kind: str, label: int) -> None:
    codes, labels = representation(kind)
    unseen, _ = representation(kind, seed=2)
    theirs = GradientBoostingClassifier(n_estimators=15, random_state=np.random.RandomState(3))
    theirs.fit(codes, labels[:, label])
    ours = BoostedTrees(rounds=15, threads=2).fit(codes, labels[:, label], np.random.RandomState(3))
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, rtol=0, atol=1e-12)
    raw = theirs.decision_function(unseen).reshape(len(unseen), -1)
    assert np.array_equal(ours.decision_function(unseen), raw)
    assert np.array_equal(ours.predict(unseen), theirs.predict(unseen))


def test_full_length_training_stays_equal_where_no_values_tie() -> None:
    codes, labels = representation("rotated", samples=1500)
    theirs = GradientBoostingClassifier(random_state=np.random.RandomState(3)).fit(codes, labels[:, 1])
    ours = BoostedTrees().fit(codes, labels[:, 1], np.random.RandomState(3))
    assert np.array_equal(ours.feature_importances_, theirs.feature_importances_)
    for round_trees, theirs_round in zip(ours.feature, theirs.estimators_, strict=True):
        assert [trees[0] for trees in round_trees] == [tree.tree_.feature[0] for tree in theirs_round]


def test_the_generator_is_left_as_scikit_learn_leaves_it() -> None:
    codes, labels = representation("rotated", samples=100)
    states = [np.random.RandomState(0), np.random.RandomState(0)]
    GradientBoostingClassifier(n_estimators=7, random_state=states[0]).fit(codes, labels[:, 1])
    BoostedTrees(rounds=7).fit(codes, labels[:, 1], states[1])
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_other_depths(depth: int) -> None:
    codes, labels = representation("rotated", samples=400)
    theirs = GradientBoostingClassifier(n_estimators=10, max_depth=depth, random_state=np.random.RandomState(1))
    theirs.fit(codes, labels[:, 2])
    ours = BoostedTrees(rounds=10, depth=depth).fit(codes, labels[:, 2], np.random.RandomState(1))
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, rtol=0, atol=1e-12)


def test_the_number_of_threads_changes_nothing() -> None:
    codes, labels = representation("rotated")
    models = [
        BoostedTrees(rounds=5, threads=threads).fit(codes, labels[:, 2], np.random.RandomState(0))
        for threads in (1, 2, 5)
    ]
    for model in models[1:]:
        assert np.array_equal(model.value, models[0].value)
        assert np.array_equal(model.predict(codes), models[0].predict(codes))


def test_labels_of_any_kind_and_classes_of_one_sample() -> None:
    codes, _ = representation("noise", samples=40)
    labels = np.array(["a"] * 20 + ["z"] * 19 + ["m"])
    theirs = GradientBoostingClassifier(n_estimators=5, random_state=np.random.RandomState(0)).fit(codes, labels)
    ours = BoostedTrees(rounds=5).fit(codes, labels, np.random.RandomState(0))
    assert np.array_equal(ours.predict(codes), theirs.predict(codes))
    with pytest.raises(ValueError, match="two classes"):
        BoostedTrees().fit(codes, np.zeros(40), np.random.RandomState(0))


def test_without_the_kernel_scikit_learn_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, labels = representation("rotated", samples=300)
    compiled = fit_boosted_trees(codes, labels[:, 1], np.random.RandomState(4), rounds=5)
    with monkeypatch.context() as without:
        without.setattr(acceleration, "accelerators", dict)
        twin = fit_boosted_trees(codes, labels[:, 1], np.random.RandomState(4), rounds=5)
    assert isinstance(twin, GradientBoostingClassifier)
    np.testing.assert_allclose(compiled.feature_importances_, twin.feature_importances_, rtol=0, atol=1e-12)
    assert np.array_equal(compiled.predict(codes), twin.predict(codes))


def test_ties_are_values_within_the_threshold() -> None:
    columns = np.array([[0, 1, 2, 3], [0, 5e-8, 1, 2], [1, 1, 1, 1], [0, 1, 1, 1]], np.float32)
    assert [tie_lengths(column).tolist() for column in columns] == [[1, 1, 1, 1], [2, 1, 1], [4], [1, 3]]


@pytest.mark.parametrize(
    ("lengths", "many"),
    [([1] * 100, False), ([1] * 98 + [2], True), ([1] * 5000 + [2] * 40, False), ([1] * 5000 + [65], True)],
)
def test_the_order_of_equal_values_matters_where_they_are_many_or_samples_few(lengths: list[int], many: bool) -> None:
    assert has_many_ties(np.array(lengths)) == many


def test_samples_that_were_drawn_twice_are_not_ties() -> None:
    r = np.random.RandomState(0)
    codes, labels = r.standard_normal((300, 3)).astype(np.float32), r.randint(0, 7, 300)
    codes[:, 2] = labels % 3
    rows = r.randint(0, 300, 3000)
    runs = [tie_lengths(np.sort(column)) for column in codes[rows].T]
    assert [has_many_ties(row) for row in runs] == [True] * 3
    assert replayed(codes[rows].T, labels[rows], runs).tolist() == [False, False, True]
    theirs = GradientBoostingClassifier(n_estimators=10, random_state=np.random.RandomState(0))
    theirs.fit(codes[rows], labels[rows])
    ours = BoostedTrees(rounds=10).fit(codes[rows], labels[rows], np.random.RandomState(0))
    assert np.array_equal(ours.feature_importances_, theirs.feature_importances_)


@pytest.mark.parametrize("samples", [30, 100, 250, 1100])
@pytest.mark.parametrize("classes", [2, 7])
def test_codes_of_few_values_give_scikit_learn_s_numbers(samples: int, classes: int) -> None:
    r = np.random.RandomState(samples)
    codes, labels = r.randint(0, 5, (samples, 4)).astype(np.float32), r.randint(0, classes, samples)
    theirs = GradientBoostingClassifier(n_estimators=25, random_state=np.random.RandomState(0)).fit(codes, labels)
    ours = BoostedTrees(rounds=25).fit(codes, labels, np.random.RandomState(0))
    assert np.array_equal(ours.feature_importances_, theirs.feature_importances_)
    assert np.array_equal(ours.predict(codes), theirs.predict(codes))
