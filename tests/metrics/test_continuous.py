"""Factors with real values: the metrics that have a form for them, and the refusal of the others."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import submission.metrics
from submission.data import Factor
from submission.errors import SubmissionError
from submission.metrics import dci, infomec, metric, mig, sap
from submission.metrics.information import entropies, mutual_information
from submission.metrics.registry import REGISTRY
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, PointSampler

REAL, CLASS = True, False
HAVE_A_FORM = {"mig", "sap", "dci", "dci_fast", "infomec"}


def factors(count: int = 1500) -> np.ndarray:
    """A uniform real factor, a class of four values, and a normal real factor."""
    generator = np.random.default_rng(0)
    return np.c_[generator.random(count), generator.integers(0, 4, count), generator.standard_normal(count)]


KINDS = (REAL, CLASS, REAL)
Y = factors()
TRUTH = Y @ np.diag([2.0, -1.0, 0.3])
ROTATED = (Y - Y.mean(axis=0)) / Y.std(axis=0) @ np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
NOISE = np.random.default_rng(2).standard_normal(Y.shape)


@pytest.mark.parametrize("name", ["mig", "sap", "dci", "infomec"])
def test_true_factors_beat_rotated_ones_and_noise(name: str) -> None:
    options = {"rounds": 20} if name == "dci" else {}
    key = metric(name).headline
    truth, rotated, noise = (
        getattr(submission.metrics, name)(codes, Y, continuous=KINDS, **options)[key]
        for codes in (TRUTH, ROTATED, NOISE)
    )
    assert truth > 0.6 if name == "sap" else truth > 0.85
    assert truth > rotated + 0.2
    if name != "infomec":  # InfoM of noise divides next to nothing by next to nothing
        assert rotated > noise - 0.05
        assert noise < 0.3


def test_sap_is_the_difference_of_squared_correlations() -> None:
    real = Y[:, [0, 2]]
    scores = sap(ROTATED, real, ROTATED, real, continuous=(True, True))
    expected = np.square(np.corrcoef(ROTATED.T, real.T)[:3, 3:])
    np.testing.assert_allclose(scores.details["predictability"], expected, atol=1e-9)
    ordered = np.sort(expected, axis=0)
    assert scores["SAP_score"] == pytest.approx((ordered[-1] - ordered[-2]).mean())


def test_sap_of_classes_does_not_change_beside_real_factors() -> None:
    alone = sap(ROTATED, Y[:, 1:2], ROTATED, Y[:, 1:2]).details["predictability"]
    beside = sap(ROTATED, Y, ROTATED, Y, continuous=KINDS).details["predictability"]
    np.testing.assert_array_equal(beside[:, 1:2], alone)


def test_mig_bins_a_real_factor_by_hand() -> None:
    scores = mig(ROTATED, Y, num_bins=7, continuous=KINDS)

    def binned(x: np.ndarray) -> np.ndarray:
        return np.clip(np.floor((x - x.min()) / np.ptp(x) * 7), 0, 6).astype(np.int64)

    classes = np.c_[binned(Y[:, 0]), Y[:, 1].astype(np.int64), binned(Y[:, 2])]
    codes = np.stack([binned(column) for column in ROTATED.T], axis=1)
    information = np.sort(mutual_information(codes, classes), axis=0)
    expected = ((information[-1] - information[-2]) / entropies(classes)).mean()
    assert scores["discrete_mig"] == pytest.approx(expected, abs=2e-3)
    assert "cut into 7 equal-width bins: 0, 2" in " ".join(scores.notes)


def test_dci_grades_regression_by_the_coefficient_of_determination() -> None:
    """A code that is the factor plus noise of a known share of its variance."""
    generator = np.random.default_rng(5)
    real = generator.standard_normal((4000, 2))
    codes = np.sqrt(0.8) * real + np.sqrt(0.2) * generator.standard_normal((4000, 2))
    found = dci(codes, real, rounds=60, continuous=(True, True))
    # the best prediction of the factor from the code explains 0.8 of its variance
    assert found["informativeness_test"] == pytest.approx(0.8, abs=0.04)
    assert found["disentanglement"] > 0.9


def test_neighbour_information_of_a_normal_pair() -> None:
    """-log(1 - rho^2) / 2 for a normal pair of correlation rho."""
    rho = 0.9
    generator = np.random.default_rng(3)
    real = generator.standard_normal((4000, 2))
    codes = rho * real + np.sqrt(1 - rho**2) * generator.standard_normal((4000, 2))
    scores = infomec(codes, real, continuous=(True, True))
    bins = np.stack([np.histogram_bin_edges(column, 20) for column in real.T])
    entropy = entropies(np.stack([np.digitize(x, edges[:-1]) for x, edges in zip(real.T, bins, strict=True)], axis=1))
    expected = -0.5 * np.log(1 - rho**2) / entropy
    np.testing.assert_allclose(np.diag(scores.details["information"]), expected, atol=0.03)
    assert scores["infoe"] == pytest.approx(rho**2, abs=0.02)


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - HAVE_A_FORM))
def test_metrics_without_a_form_refuse_by_name(name: str) -> None:
    chosen = metric(name)
    kinds = (Factor("hue", 6, continuous=True), Factor("shape", 4))
    grid = CodeGrid("grid", kinds)
    codes = np.random.default_rng(0).standard_normal((24, 3)).astype(np.float32)
    sampler = GridSampler(IndexSource(grid, lambda cells: codes[cells]), 0)
    if name == "unsupervised":
        assert chosen.score(sampler, chosen.fast).values
        return
    with pytest.raises(SubmissionError, match=r"no form for real-valued factors \(hue\)"):
        chosen.score(sampler, chosen.fast)


@pytest.mark.parametrize("name", sorted(HAVE_A_FORM))
def test_a_data_set_names_its_real_factors(name: str) -> None:
    """The sampler passes the original values on: uneven spacing matters to regression."""
    labels = tuple(float(x) for x in np.exp(np.linspace(0, 4, 12)))
    grid = CodeGrid("grid", (Factor("scale", 12, continuous=True, labels=labels), Factor("shape", 4)))
    cells = grid.factors(np.arange(len(grid)))
    codes = np.c_[np.array(labels)[cells[:, 0]], cells[:, 1], np.zeros(len(cells))].astype(np.float32)
    sampler = GridSampler(IndexSource(grid, lambda cells: codes[cells]), 0)
    chosen = metric(name)
    settings = dataclasses.replace(chosen.fast, num_train=300)
    drawn = GridSampler(IndexSource(grid, lambda cells: codes[cells]), 0).points(50)
    np.testing.assert_allclose(drawn.factors[:, 0], drawn.codes[:, 0], rtol=1e-6)
    assert chosen.score(sampler, settings)[chosen.headline] > 0.5


def test_samples_with_real_factors() -> None:
    sampler = PointSampler(TRUTH, Y, 0, continuous=KINDS)
    assert sampler.factor_sizes == (1500, 4, 1500)
    assert metric("mig").score(sampler, metric("mig").settings)["discrete_mig"] > 0.8
    assert np.array_equal(np.sort(sampler.points(2000).factors[:, 0]), np.sort(Y[:, 0]))


@pytest.mark.parametrize("name", ["mig", "sap", "dci", "infomec", "irs", "modularity_explicitness"])
def test_real_values_that_were_not_declared_are_refused(name: str) -> None:
    with pytest.raises(SubmissionError, match="factor 0 has values that are not whole numbers"):
        getattr(submission.metrics, name)(TRUTH, Y)
    if name in HAVE_A_FORM:
        with pytest.raises(SubmissionError, match="3 factors but 2 flags in `continuous`"):
            getattr(submission.metrics, name)(TRUTH, Y, continuous=(True, False))
