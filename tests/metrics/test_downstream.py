"""Downstream accuracy, its shifted variants, fairness: oracles and the real disentanglement_lib."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from submission import reference
from submission.errors import SubmissionError
from submission.metrics import forced_factor, metric, prediction, shifted_prediction
from submission.metrics.base import Points, Scores
from submission.metrics.forced_factor import group_unfairness
from submission.metrics.prediction import factor_accuracies
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource

SIZES = (3, 4, 5)
GRID = CodeGrid.of("grid", SIZES)
needs_reference = pytest.mark.skipif(not reference.installed(), reason="disentanglement_lib is not installed")


class Truth:
    """disentanglement_lib's data interface over a grid whose images are the factors."""

    num_factors = len(SIZES)
    factors_num_values = SIZES

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        return GRID.sample_factors(num, random_state)

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.int64], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        return factors

    def sample(self, num: int, random_state: np.random.RandomState) -> tuple[npt.NDArray, npt.NDArray]:
        factors = self.sample_factors(num, random_state)
        return factors, factors


@pytest.fixture
def both(oracles: dict[str, npt.NDArray[np.float32]]) -> Callable[..., tuple[dict[str, float], dict[str, float]]]:
    """``both(module, function, metric, settings, oracle, **bindings)``: the reference's scores and ours."""

    def run(name: str, function: str, ours: Callable[[GridSampler], Scores], oracle: str, **bindings: object):
        table = oracles[oracle]

        def encode(factors: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
            return table[GRID.indices(factors)]

        theirs = reference.module(f"evaluation.metrics.{name}")
        np.random.seed(3)
        with few_trees(reference.module("evaluation.metrics.utils")), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = getattr(theirs, function)(Truth(), encode, np.random.RandomState(3), **bindings)
        sampler = GridSampler(IndexSource(GRID, lambda cells: table[cells]), seed=3)
        return expected, ours(sampler).values

    return run


class few_trees:  # noqa: N801
    """The reference's predictor without gin."""

    def __init__(self, utils: ModuleType) -> None:
        self.utils = utils

    def __enter__(self) -> Iterator[None]:
        from sklearn.ensemble import GradientBoostingClassifier

        self.before = self.utils.make_predictor_fn
        self.utils.make_predictor_fn = lambda: GradientBoostingClassifier
        return iter(())

    def __exit__(self, *error: object) -> None:
        self.utils.make_predictor_fn = self.before


def agree(expected: dict[str, float], ours: dict[str, float]) -> None:
    """Every number of the reference is there and equal."""
    for key, value in expected.items():
        assert ours[key] == pytest.approx(float(value), abs=1e-6), key


@needs_reference
@pytest.mark.parametrize("oracle", ["rotated", "noise", "constant"])
def test_downstream_accuracy_is_the_references(both: Callable, oracle: str) -> None:
    settings = prediction.DownstreamSettings(num_train=(40, 60), num_test=60)
    agree(
        *both(
            "downstream_task",
            "compute_downstream_task",
            lambda sampler: metric("downstream").score(sampler, settings),
            oracle,
            num_train=[40, 60],
            num_test=60,
        )
    )


@needs_reference
def test_fairness_is_the_references(both: Callable) -> None:
    settings = forced_factor.FairnessSettings(num_train=100, num_test_points_per_class=20)
    expected, ours = both(
        "fairness",
        "compute_fairness",
        lambda sampler: forced_factor.fairness_score(sampler, settings),
        "rotated",
        num_train=100,
        num_test_points_per_class=20,
    )
    agree(expected, ours)
    assert set(ours) == set(expected)


@needs_reference
def test_strong_generalisation_is_the_references(both: Callable) -> None:
    settings = shifted_prediction.StrongSettings(num_train=(80,), num_test=60, n_experiment=1)
    agree(
        *both(
            "strong_downstream_task",
            "compute_strong_downstream_task",
            lambda sampler: shifted_prediction.score_strong(sampler, settings),
            "rotated",
            num_train=[80],
            num_test=60,
            n_experiment=1,
        )
    )


@needs_reference
def test_reduced_accuracy_is_the_references(both: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = reference.module("evaluation.metrics.reduced_downstream_task")
    reduced = theirs.compute_reduced_representation
    importance = theirs.compute_factorwise_dci
    monkeypatch.setattr(
        theirs, "compute_reduced_representation", lambda *points: reduced(*points, correlation_measure=importance)
    )
    settings = shifted_prediction.ReducedSettings(num_train=(80,), num_test=60, num_factors_to_remove=1)
    agree(
        *both(
            "reduced_downstream_task",
            "compute_reduced_downstream_task",
            lambda sampler: shifted_prediction.score_reduced(sampler, settings),
            "rotated",
            num_factors_to_remove=1,
            num_train=[80],
            num_test=60,
        )
    )


def points(codes: npt.NDArray[np.float32], factors: npt.NDArray[np.int64]) -> Points:
    return Points(codes, factors)


def test_logistic_regression_reads_linear_codes_and_not_noise() -> None:
    y = np.random.RandomState(0).randint(2, size=(200, 1))
    codes = (y + 0.01 * np.random.RandomState(1).randn(200, 1)).astype(np.float32)
    state = np.random.RandomState(0)
    perfect = factor_accuracies(codes, y, codes, y, state, "logistic_regression")
    np.testing.assert_allclose(perfect, [[1, 1]])
    noise = np.random.RandomState(2).randn(200, 1).astype(np.float32)
    other = np.random.RandomState(3).randn(2000, 1).astype(np.float32)
    answer = np.random.RandomState(4).randint(2, size=(2000, 1))
    assert factor_accuracies(noise, y, other, answer, state, "logistic_regression")[0, 1] < 0.56


def test_a_factor_with_one_training_value_is_predicted_to_have_it() -> None:
    y = np.zeros((10, 1), np.int64)
    test = np.array([[0], [1], [0], [2]])
    codes = np.ones((10, 2), np.float32)
    accuracies = factor_accuracies(codes, y, codes[:4], test, np.random.RandomState(0))
    assert accuracies.tolist() == [[1.0, 0.5]]


def test_removing_the_best_code_of_perfect_codes_hurts_that_factor_alone() -> None:
    factors = np.stack([np.random.RandomState(k).randint(size, size=300) for k, size in enumerate(SIZES)], axis=1)
    perfect = Points(factors.astype(np.float32), factors)
    accuracies = shifted_prediction.reduced_accuracies(perfect, perfect, 1, np.random.RandomState(0))
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(accuracies[off], 1)
    assert (accuracies[~off] < 0.8).all()
    with pytest.raises(SubmissionError, match="cannot remove 3"):
        shifted_prediction.reduced_accuracies(perfect, perfect, 3, np.random.RandomState(0))


def test_interventions_hide_exactly_one_other_factor() -> None:
    random_state = np.random.RandomState(0)
    factors = np.stack([random_state.randint(size, size=50) for size in SIZES], axis=1)
    for _ in range(20):
        train, test = shifted_prediction.intervene(factors, factors, 1, SIZES, random_state)
        changed = np.flatnonzero((train != factors).any(axis=0))
        assert changed.size == 1
        assert changed[0] != 1
        assert np.unique(train[:, changed[0]]).size == 1
        assert train[0, changed[0]] not in test[:, changed[0]]


def test_unfairness_of_identical_and_of_opposite_predictions() -> None:
    assert group_unfairness(np.array([[5, 5], [5, 5]])) == (0, 0)
    assert group_unfairness(np.array([[10, 0], [0, 10]])) == pytest.approx((0.5, 0.5))
    mean, largest = group_unfairness(np.array([[10, 10, 0], [0, 0, 10]]))
    assert (mean, largest) == pytest.approx(((1 / 3 + 1 / 3 + 2 / 3) / 3, 2 / 3))
