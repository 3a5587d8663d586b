"""Intervals against theory and Monte Carlo, rank correlation against scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from submission.errors import SubmissionError
from submission.evaluation.statistics import rank_correlations, spearman, summarise, table

Draw = Callable[..., np.ndarray]


def test_mean_and_deviation() -> None:
    summary = summarise([1.0, 2.0, 4.0])
    assert summary.mean == pytest.approx(7 / 3)
    assert summary.sd == pytest.approx(np.std([1, 2, 4], ddof=1))
    half = stats.t.ppf(0.975, 2) * np.std([1, 2, 4], ddof=1) / np.sqrt(3)
    assert (summary.low, summary.high) == pytest.approx((7 / 3 - half, 7 / 3 + half))


def test_bootstrap_interval_approaches_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(size=400)
    summary = summarise(list(values))
    half = 1.96 * values.std() / 20
    assert summary.low == pytest.approx(values.mean() - half, abs=0.006)
    assert summary.high == pytest.approx(values.mean() + half, abs=0.006)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("draw", [np.random.Generator.normal, lambda g, size: g.beta(2, 5, size=size) - 2 / 7])
def test_intervals_of_few_values_cover_the_mean_at_their_level(count: int, draw: Draw) -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        summary = summarise(list(draw(generator, size=count)), seed=trial)
        hits += summary.low <= 0 <= summary.high
    assert hits >= stats.binom.ppf(1e-4, 300, 0.92)  # percentile intervals cover 0.84 at five values, 0.72 at three
    assert hits <= stats.binom.ppf(1 - 1e-4, 300, 0.98)


@pytest.mark.parametrize("values", [[4.0] * 4 + [5.0], [0.0] * 9 + [-1.0], [0.1] * 4 + [0.3], [0.2] + [0.9] * 5])
def test_an_interval_has_the_mean_inside_where_all_values_but_one_are_equal(values: list[float]) -> None:
    found = summarise(values)
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize("count", [5, 10])
def test_an_interval_with_one_value_apart_is_at_most_twice_students(count: int) -> None:
    values = [*np.linspace(-100.2, -100.05, count - 1), -90.0]
    found = summarise(values)
    low, high = stats.t.interval(0.95, count - 1, np.mean(values), stats.sem(values))
    assert found.high == pytest.approx(found.mean + 2 * (high - found.mean))
    assert found.mean - 2 * (found.mean - low) <= found.low < found.mean


def test_one_value_has_no_spread() -> None:
    summary = summarise([0.25])
    assert (summary.mean, summary.sd, summary.low, summary.high) == (0.25, 0, 0.25, 0.25)
    assert str(summary) == "0.2500"


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_what_cannot_be_summarised(values: list[float]) -> None:
    with pytest.raises(SubmissionError, match="cannot summarise"):
        summarise(values)


def test_spearman_is_scipys_with_and_without_ties() -> None:
    generator = np.random.default_rng(3)
    for _ in range(10):
        left, right = generator.normal(size=20), generator.integers(0, 4, size=20)
        assert spearman(left, right) == pytest.approx(stats.spearmanr(left, right).statistic)
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_table_and_rank_correlations() -> None:
    results = {
        "beta": {"mig": [0.1, 0.2], "sap": [0.3, 0.2], "dci": [1.0, 2.0]},
        "tc": {"mig": [0.3, 0.4], "sap": [0.1, 0.0], "dci": [3.0, 4.0]},
    }
    assert table(results)["tc"]["mig"].mean == pytest.approx(0.35)
    names, correlations = rank_correlations(results)
    assert names == ("mig", "sap", "dci")
    np.testing.assert_allclose(correlations, [[1, -1, 1], [-1, 1, -1], [1, -1, 1]])


def test_runs_without_all_metrics_are_refused() -> None:
    with pytest.raises(SubmissionError, match="equally many"):
        rank_correlations({"a": {"mig": [1.0, 2.0], "sap": [1.0]}})
    with pytest.raises(SubmissionError, match="three runs"):
        rank_correlations({"a": {"mig": [1.0, 2.0]}})


def test_a_table_s_intervals_end_where_a_metric_s_range_does() -> None:
    found = table({"mine": {"mig": [0.1, 0.6], "my score": [0.1, 0.6]}})["mine"]
    assert (found["mig"].low, found["mig"].high) == (0.0, 1.0)
    assert found["my score"].low < 0 < 1 < found["my score"].high
    assert found["mig"].mean == found["my score"].mean
