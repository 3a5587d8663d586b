"""Statistics over seeds against scipy, enumeration and hand-computed values."""

from __future__ import annotations

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


def test_p_values_are_those_of_the_paired_t_test() -> None:
    first, second = dict(enumerate(SCORES[:, 0])), dict(enumerate(SCORES[:, 1]))
    test = paired_tests({"mig": first}, {"mig": second})["mig"]
    assert test.difference == pytest.approx((SCORES[:, 0] - SCORES[:, 1]).mean())
    assert test.p == pytest.approx(stats.ttest_rel(SCORES[:, 0], SCORES[:, 1]).pvalue)


def test_five_seeds_can_show_a_difference_and_ten_can_claim_it() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 10))
    for count, words in ((5, "a likely difference"), (10, "a difference")):
        first = {metric: dict(enumerate(5 + noise[0, :count])) for metric in ("mig", "sap", "dci", "factor_vae", "irs")}
        second = {metric: dict(enumerate(noise[1, :count])) for metric in first}
        assert all(test.verdict.startswith(words) for test in paired_tests(first, second).values())


def test_differences_by_chance_are_rarely_found() -> None:
    scores = np.random.default_rng(1).beta(0.7, 3, size=(400, 2, 5))
    found = [paired_tests({"a": dict(enumerate(x))}, {"a": dict(enumerate(y))})["a"].p < 0.05 for x, y in scores]
    assert sum(found) <= 30  # 20 expected at most, deviation 4.4


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


def test_equal_differences_count_as_one_flip_of_all_signs() -> None:
    test = paired_tests({"mig": dict.fromkeys(range(5), 1.0)}, {"mig": dict.fromkeys(range(5), 0.0)})["mig"]
    assert test.p == pytest.approx(2 / 32)
    assert test.verdict == "no difference shown"
    same = paired_tests({"mig": dict.fromkeys(range(5), 1.0)}, {"mig": dict.fromkeys(range(5), 1.0)})["mig"]
    assert same.p == 1.0


def test_settings_are_chosen_by_three_rules() -> None:
    scores = {"β = 1": [0.1, 0.2], "β = 4": [0.3, 0.5], "β = 8": [0.2, 0.2]}
    chosen = {item.rule: item for item in select(scores, "mig", udr={"β = 1": 0.2, "β = 4": 0.3, "β = 8": 0.6})}
    assert chosen["best UDR"].setting == "β = 8"
    assert chosen["best mig"].setting == "β = 4"
    assert chosen["middle of the grid"].setting == "β = 4"
    assert chosen["best mig"].mean == pytest.approx(0.4)
    assert [item.rule for item in select({"a": [0.1]}, "mig")] == ["best mig", "middle of the grid"]


def test_the_middle_of_a_grid_is_that_of_all_its_settings() -> None:
    grid = {"β = 1": [], "β = 4": [0.3], "β = 8": [0.2]}
    assert [(item.rule, item.setting) for item in select(grid, "mig")][1:] == [("middle of the grid", "β = 4")]
    grid = {"β = 1": [0.1], "β = 4": [], "β = 8": [0.2]}
    assert [item.rule for item in select(grid, "mig")] == ["best mig"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_not_tested_and_not_chosen(value: float) -> None:
    left, right = {0: 1.0, 1: value, 2: 3.0}, {0: 0.0, 1: 1.0, 2: 2.5}
    with pytest.raises(UsageError, match="not finite"):
        paired_tests({"dci": {0: 1.0, 1: 2.0}, "mig": left}, {"dci": {0: 0.0, 1: 1.5}, "mig": right})
    assert paired_tests({"mig": left}, {"mig": {0: 0.0, 2: 2.5}})["mig"].difference == 0.75  # of seeds 0 and 2
    with pytest.raises(UsageError, match="not finite"):
        select({"β = 1": [0.3], "β = 4": [0.5, value]}, "mig")


@pytest.mark.parametrize("scores", [[], [1.0], [[np.nan]]])
def test_scores_of_another_shape_are_refused(scores) -> None:
    with pytest.raises(UsageError, match="seeds, tasks"):
        aggregate(scores)
