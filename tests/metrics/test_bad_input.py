"""Input that a metric can say nothing sensible about is refused in one line that names the trouble."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from submission.errors import SubmissionError, UsageError
from submission.evaluation import make_plan
from submission.metrics import Scores, dci, dci_es, irs, mig, modularity_explicitness, periodic, sap, unsupervised
from submission.metrics.information import discretise
from submission.metrics.registry import REGISTRY, metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, PointSampler

CODES = np.random.RandomState(0).randn(60, 3).astype(np.float32)
FACTORS = np.stack([np.arange(60) % 3, np.arange(60) // 3 % 4], axis=1)


def spoiled(value: float) -> np.ndarray:
    """Codes with one bad entry in column 1."""
    codes = CODES.copy()
    codes[7, 1] = value
    return codes


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_named(value: float) -> None:
    for call in (lambda: mig(spoiled(value), FACTORS), lambda: irs(spoiled(value), FACTORS)):
        with pytest.raises(SubmissionError, match=r"column.* 1 .*NaN"):
            call()
    with pytest.raises(SubmissionError, match=r"column.* 1 "):
        unsupervised(spoiled(value))


def test_lengths_must_agree() -> None:
    with pytest.raises(SubmissionError, match="60 codes but 59 rows"):
        mig(CODES, FACTORS[:-1])


def test_shapes_must_be_tables() -> None:
    with pytest.raises(SubmissionError, match=r"\(60, 1, 1\)"):
        mig(CODES, FACTORS[:, :1, None])
    assert mig(CODES, FACTORS[:, 0]).values == mig(CODES, FACTORS[:, :1]).values  # one factor is a column


def test_a_factor_of_one_value_is_named() -> None:
    factors = FACTORS.copy()
    factors[:, 1] = 5
    for call in (lambda: mig(CODES, factors), lambda: irs(CODES, factors), lambda: sap(CODES, factors, CODES, factors)):
        with pytest.raises(SubmissionError, match=r"factor 1 has one value.* more samples if it has other values"):
            call()


@pytest.mark.parametrize("function", [dci, dci_es, periodic])
def test_no_samples_are_too_few(function: Callable[..., Scores]) -> None:
    with pytest.raises(SubmissionError, match="needs one sample or more, got 0"):
        function(CODES, FACTORS, CODES[:0], FACTORS[:0])
    with pytest.raises(SubmissionError, match=r"or more, got [01]"):
        function(CODES[:1], FACTORS[:1])


def test_one_code_dimension_has_no_gap() -> None:
    for call in (lambda: mig(CODES[:, :1], FACTORS), lambda: sap(CODES[:, :1], FACTORS, CODES[:, :1], FACTORS)):
        with pytest.raises(SubmissionError, match="at least 2 code dimensions"):
            call()


def test_fewer_samples_than_classes() -> None:
    """A class that only the test sample has (the reference dies of a shape error here)."""
    train, test = np.flatnonzero(FACTORS[:, 1] != 2), np.arange(60)
    with pytest.raises(SubmissionError, match="value 2 of factor 1"):
        modularity_explicitness(CODES[train], FACTORS[train], CODES[test], FACTORS[test])


def test_dependence_needs_two_dimensions_that_vary() -> None:
    with pytest.raises(SubmissionError, match="vary, got 1"):
        unsupervised(np.concatenate([CODES[:, :1], np.ones((60, 2), np.float32)], axis=1))


def test_exact_copies_have_infinite_total_correlation() -> None:
    with pytest.raises(SubmissionError, match="singular"):
        unsupervised(np.repeat(np.arange(60, dtype=np.float32)[:, None], 2, axis=1))


def test_plain_samples_cannot_be_intervened_on() -> None:
    sampler = PointSampler(CODES, FACTORS, 0, "codes.npz")
    for name in ("factor_vae", "beta_vae"):
        with pytest.raises(SubmissionError, match=r"codes\.npz does not hold"):
            metric(name).score(sampler, metric(name).fast)


def test_plain_samples_train_and_test_do_not_overlap() -> None:
    codes = np.arange(100, dtype=np.float32)[:, None]
    train, test = PointSampler(codes, np.zeros((100, 1), int), 0, "x").train_test(10_000, 5_000)
    assert not set(train.codes[:, 0]) & set(test.codes[:, 0])
    assert (len(train.codes), len(test.codes)) == (66, 33)


@pytest.mark.parametrize(
    ("samples", "asked", "given"),
    [
        (300, (10, 5000), (10, 290)),
        (300, (1000, 5000), (150, 150)),
        (2000, (100, 5000), (100, 1900)),
        (2000, (10_000, 5_000), (1333, 666)),
        (20, (10, 10), (10, 10)),
        (1, (10, 10), (0, 0)),
    ],
)
def test_few_samples_train_as_much_as_leaves_half_for_testing(
    samples: int, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    codes = np.arange(samples, dtype=np.float32)[:, None]
    train, test = PointSampler(codes, np.zeros((samples, 1), int), 0, "x").train_test(*asked)
    assert not set(train.codes[:, 0]) & set(test.codes[:, 0])
    assert (len(train.codes), len(test.codes)) == given


def grid(sizes: tuple[int, ...], codes: np.ndarray) -> GridSampler:
    """Draws of codes (N, D) on a grid of these sizes."""
    return GridSampler(IndexSource(CodeGrid.of("grid", sizes), lambda cells: codes[cells]), 0)


COMPARING = (
    "dci",
    "mig_sup",
    "beta_vae",
    "modularity",
    "med",
    "infomec",
    "downstream_reduced",
    "downstream_strong",
    "fairness",
)


@pytest.mark.parametrize("name", COMPARING)
def test_metrics_that_compare_factors_need_two(name: str) -> None:
    chosen = metric(name)
    with pytest.raises(SubmissionError, match="compares factors, got 1"):
        chosen.score(grid((24,), np.random.RandomState(0).randn(24, 3).astype(np.float32)), chosen.fast)


@pytest.mark.parametrize("name", ["downstream", "downstream_logistic", "downstream_strong", "fairness"])
def test_nothing_is_learnt_about_a_factor_of_one_value(name: str) -> None:
    chosen = metric(name)
    with pytest.raises(SubmissionError, match="factor 1 has a single value"):
        chosen.score(grid((6, 1, 4), np.random.RandomState(0).randn(24, 3).astype(np.float32)), chosen.fast)


@pytest.mark.parametrize("name", ["factor_vae", "beta_vae"])
def test_votes_for_a_factor_of_one_value_are_the_reference_s_and_noted(name: str) -> None:
    chosen = metric(name)
    scores = chosen.score(grid((6, 1, 4), np.random.RandomState(0).randn(24, 3).astype(np.float32)), chosen.fast)
    assert any("one value: 1" in note for note in scores.notes)


BINNED = ("mig", "modularity", "unsupervised", "mig_sup", "jemmig", "dcimig", "med", "irs", "sap")


@pytest.mark.parametrize("name", BINNED)
def test_a_column_of_rounding_errors_is_accepted(name: str) -> None:
    codes = np.random.RandomState(0).randn(60, 4).astype(np.float32)
    codes[:, 2] = np.float32(1) + np.float32(6e-8) * np.random.RandomState(1).randint(0, 2, 60)
    chosen = metric(name)
    scores = chosen.score(grid((3, 4, 5), codes), chosen.fast)
    assert np.isfinite(list(scores.values.values())).all()


def test_edges_of_a_narrow_range_coincide() -> None:
    values = np.array([1, np.nextafter(np.float32(1), np.float32(2))], np.float32)
    low, high = discretise(values[:, None])[:, 0]
    assert 1 <= low < high == 20


@pytest.mark.parametrize("name", ["irs", "factor_vae", "beta_vae", "modularity", "mig", "sap"])
def test_codes_whose_squares_overflow_are_refused(name: str) -> None:
    chosen = metric(name)
    with pytest.raises(SubmissionError, match="overflows float32 when squared"):
        chosen.score(grid((3, 4, 5), 1e37 * CODES), chosen.fast)


@pytest.mark.parametrize("scale", [1e-18, 1e-25, 1e-40])
def test_explicitness_of_tiny_codes_is_that_of_larger_ones(scale: float) -> None:
    found = [
        metric("modularity").score(grid((3, 4, 5), (factor * CODES).astype(np.float32)), metric("modularity").fast)
        for factor in (1.0, scale)
    ]
    tolerance = 1e-4 if scale > 1e-30 else 0.05  # the smallest floats have few digits
    for name, value in found[0].values.items():
        assert found[1].values[name] == pytest.approx(value, abs=tolerance), name


def test_neighbours_need_a_value_that_occurs_twice() -> None:
    factors = np.stack([np.arange(60), np.arange(60) % 2], axis=1)
    with pytest.raises(SubmissionError, match="another value in every sample"):
        metric("infomec").score(PointSampler(CODES, factors, 0, "x"), metric("infomec").settings)


@pytest.mark.parametrize("name", ["downstream", "downstream_logistic"])
def test_downstream_notes_how_few_points_it_trained_on(name: str) -> None:
    r = np.random.RandomState(0)
    factors = np.stack([r.randint(0, 3, 300), r.randint(0, 2, 300)], axis=1)
    settings = dataclasses.replace(metric(name).settings, num_train=(10, 1000))
    scores = metric(name).score(PointSampler(r.randn(300, 3).astype(np.float32), factors, 0, "x"), settings)
    assert scores.notes == ("training points where the name says 1000: 150, for lack of samples",)


def test_five_folds_need_five_points() -> None:
    sampler = PointSampler(CODES[:7], FACTORS[:7], 0, "x")
    with pytest.raises(SubmissionError, match="3 training and 3 test points"):
        metric("downstream_logistic").score(sampler, metric("downstream_logistic").fast)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean factor_vae"):
        metric("factorvae")


def test_capital_letters_are_the_same_name_and_unknown_names_get_the_list() -> None:
    assert metric("MIG") is metric("mig")
    listed = r"named 'zzz' — choose from mig, factor_vae, .*, fairness, or import .*: --import MODULE$"
    with pytest.raises(UsageError, match=listed):
        metric("zzz")


def test_a_metric_of_ones_own_is_found_as_it_was_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name may have capital letters, and need not be the name that its scores have."""
    own = dataclasses.replace(metric("mig"), name="mine")
    monkeypatch.setitem(REGISTRY, "MyMIG", own)
    assert metric("MyMIG") is own
    ((planned, settings),) = make_plan(metrics=["MyMIG"], settings={"MyMIG": {"num_bins": 5}}).metrics
    assert (planned.name, settings.num_bins) == ("mine", 5)


def test_every_registered_metric_matches_its_line() -> None:
    for name in REGISTRY:
        known = metric(name)
        assert known.name == name
        assert type(known.fast) is type(known.settings)
