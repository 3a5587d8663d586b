"""Statistics over seeds against scipy, enumeration and hand-computed values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from submission.errors import UsageError
from submission.studies.statistics import (
    aggregate,
    holm,
    interquartile_mean,
    median,
    paired_tests,
    performance_profile,
    probability_of_improvement,
    select,
)

SCORES = np.random.default_rng(0).beta(2, 4, size=(6, 4))


def test_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    assert interquartile_mean(SCORES) == pytest.approx(np.sort(SCORES.ravel())[6:18].mean())
    assert interquartile_mean(SCORES) == pytest.approx(stats.trim_mean(SCORES.ravel(), 0.25))


def test_median_is_over_tasks_of_means_over_seeds() -> None:
    assert median(SCORES) == pytest.approx(np.median(SCORES.mean(axis=0)))


@pytest.mark.parametrize("statistic", [interquartile_mean, median])
def test_the_stratified_interval_is_scipys_bootstrap_of_the_tasks_as_samples(statistic) -> None:
    def of_columns(*columns: np.ndarray, axis: int = -1) -> np.ndarray:
        return statistic(np.stack(columns, axis=-1))

    peer = stats.bootstrap(
        tuple(SCORES.T), of_columns, n_resamples=4000, method="percentile", random_state=1, vectorized=True
    ).confidence_interval
    ours = aggregate(SCORES, statistic)
    assert (ours.low, ours.high) == pytest.approx((peer.low, peer.high), abs=0.012)
    assert (ours.seeds, ours.tasks) == (6, 4)


def test_the_profile_counts_runs_above_a_threshold() -> None:
    fractions, ends = performance_profile([[0.1, 0.4], [0.2, 0.6]], [0.0, 0.2, 0.5, 1.0])
    np.testing.assert_allclose(fractions, [1, 0.5, 0.25, 0])
    assert (ends[0] <= fractions).all()
    assert (fractions <= ends[1]).all()


def test_probability_of_improvement_is_the_scaled_mann_whitney_statistic() -> None:
    left, right = SCORES[:, :1], np.round(SCORES[:5, 1:2], 1)
    peer = stats.mannwhitneyu(left[:, 0], right[:, 0]).statistic / 30
    assert probability_of_improvement(left, right) == pytest.approx(peer)
    assert probability_of_improvement(SCORES, SCORES) == pytest.approx(0.5)


def test_p_values_are_those_of_all_sign_flips() -> None:
    first, second = dict(enumerate(SCORES[:, 0])), dict(enumerate(SCORES[:, 1]))
    test = paired_tests({"mig": first}, {"mig": second})["mig"]
    difference = SCORES[:, 0] - SCORES[:, 1]
    flips = np.array(list(itertools.product([-1, 1], repeat=6))) @ difference
    assert test.difference == pytest.approx(difference.mean())
    assert test.p == pytest.approx(np.mean(np.abs(flips) >= abs(difference.sum()) - 1e-12))


def test_holm_is_the_textbook_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )


def test_only_seeds_that_both_have_are_paired() -> None:
    tests = paired_tests({"mig": {0: 1.0, 1: 2.0, 2: 3.0}, "dci": {0: 1.0}}, {"mig": {1: 1.0, 2: 2.0, 3: 9.0}})
    assert tests["mig"].seeds == 2
    assert tests["mig"].difference == 1.0
    assert "dci" not in tests


@pytest.mark.parametrize(("count", "words"), [(3, "too few seeds"), (7, "likely difference"), (12, "a difference")])
def test_the_verdict_depends_on_the_number_of_seeds(count: int, words: str) -> None:
    left = {seed: 1 + 0.01 * seed for seed in range(count)}
    right = dict.fromkeys(range(count), 0.0)
    assert words in paired_tests({"mig": left}, {"mig": right})["mig"].verdict


def test_five_equal_signs_cannot_reach_five_percent() -> None:
    test = paired_tests({"mig": dict.fromkeys(range(5), 1.0)}, {"mig": dict.fromkeys(range(5), 0.0)})["mig"]
    assert test.p == pytest.approx(2 / 32)
    assert test.verdict == "no difference shown"


def test_settings_are_chosen_by_three_rules() -> None:
    scores = {"β = 1": [0.1, 0.2], "β = 4": [0.3, 0.5], "β = 8": [0.2, 0.2]}
    chosen = {item.rule: item for item in select(scores, "mig", udr={"β = 1": 0.2, "β = 4": 0.3, "β = 8": 0.6})}
    assert chosen["best UDR"].setting == "β = 8"
    assert chosen["best mig"].setting == "β = 4"
    assert chosen["middle of the grid"].setting == "β = 4"
    assert chosen["best mig"].mean == pytest.approx(0.4)
    assert [item.rule for item in select({"a": [0.1]}, "mig")] == ["best mig", "middle of the grid"]


@pytest.mark.parametrize("scores", [[], [1.0], [[np.nan]]])
def test_scores_of_another_shape_are_refused(scores) -> None:
    with pytest.raises(UsageError, match="seeds, tasks"):
        aggregate(scores)
