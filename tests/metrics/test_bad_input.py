"""Input that a metric can say nothing sensible about is refused in one line that names the trouble."""

from __future__ import annotations

import numpy as np
import pytest

from submission.errors import SubmissionError, UsageError
from submission.metrics.irs import irs
from submission.metrics.mig import mig
from submission.metrics.modularity import modularity_explicitness
from submission.metrics.protocol import SampleSampler
from submission.metrics.registry import REGISTRY, metric
from submission.metrics.sap import sap
from submission.metrics.unsupervised import unsupervised

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
    with pytest.raises(SubmissionError, match=r"\(60,\)"):
        mig(CODES, FACTORS[:, 0])


def test_a_factor_of_one_value_is_named() -> None:
    factors = FACTORS.copy()
    factors[:, 1] = 5
    for call in (lambda: mig(CODES, factors), lambda: irs(CODES, factors), lambda: sap(CODES, factors, CODES, factors)):
        with pytest.raises(SubmissionError, match="factor 1 has one value"):
            call()


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
    with pytest.raises(SubmissionError, match="have 1"):
        unsupervised(np.concatenate([CODES[:, :1], np.ones((60, 2), np.float32)], axis=1))


def test_exact_copies_have_infinite_total_correlation() -> None:
    with pytest.raises(SubmissionError, match="singular"):
        unsupervised(np.repeat(np.arange(60, dtype=np.float32)[:, None], 2, axis=1))


def test_plain_samples_cannot_be_intervened_on() -> None:
    sampler = SampleSampler(CODES, FACTORS, 0, "codes.npz")
    for name in ("factor_vae", "beta_vae"):
        with pytest.raises(SubmissionError, match=r"codes\.npz does not hold"):
            metric(name).score(sampler, metric(name).fast)


def test_plain_samples_train_and_test_do_not_overlap() -> None:
    codes = np.arange(100, dtype=np.float32)[:, None]
    train, test = SampleSampler(codes, np.zeros((100, 1), int), 0, "x").train_test(10_000, 5_000)
    assert not set(train.codes[:, 0]) & set(test.codes[:, 0])
    assert (len(train.codes), len(test.codes)) == (66, 33)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean factor_vae"):
        metric("factorvae")


def test_every_registered_metric_is_what_its_line_says() -> None:
    for name in REGISTRY:
        known = metric(name)
        assert known.name == name
        assert type(known.fast) is type(known.settings)
