"""Metrics work in the precision of the codes they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import submission.metrics
from submission.errors import SubmissionError
from submission.metrics import dci, irs, mig, sap, unsupervised
from submission.metrics.boosting import fit_boosted_trees, single_precision
from submission.metrics.information import bin_edges, discretise
from submission.metrics.sampling import MemoTable, PointSampler

GENERATOR = np.random.default_rng(0)
FACTORS = np.stack([GENERATOR.integers(0, size, 600) for size in (3, 4)], axis=1)
CODES = FACTORS @ np.array([[1.0, 0.3, 0.1], [0.0, 1.0, 0.5]]) + 0.2 * GENERATOR.standard_normal((600, 3))
FAR = CODES * 1e-4 + 1e6
SCALE_FREE = {
    "mig": {},
    "mig_sup": {},
    "jemmig": {},
    "dcimig": {},
    "med": {},
    "irs": {},
    "dci": {"rounds": 5},
    "dci_es": {},
    "modularity_explicitness": {},
    "infomec": {},
    "unsupervised": {},
    "periodic": {},
    "downstream": {},
    "sap": {"continuous_factors": True},
    "factor_vae": {"num_train": 300, "num_eval": 100, "num_variance_estimate": 300, "prune_threshold": 0.0},
}
IN_UNITS = {"gaussian_wasserstein_correlation"}


@pytest.mark.parametrize("name", SCALE_FREE)
def test_float64_codes_far_from_zero_score_as_the_same_codes_near_it(name: str) -> None:
    function, options = getattr(submission.metrics, name), SCALE_FREE[name]
    near, far = (function(codes, FACTORS, **options) for codes in (CODES, FAR))
    for key in set(near.values) - IN_UNITS:
        assert far[key] == pytest.approx(near[key], abs=2e-3), key
    assert not any("constant" in note for note in far.notes)


def test_what_float32_would_make_of_them() -> None:
    """The codes above differ by less than float32 resolves at a million."""
    scores = mig(FAR.astype(np.float32), FACTORS)
    assert scores["discrete_mig"] == 0
    assert "constant" in scores.notes[0]
    assert mig(FAR, FACTORS)["discrete_mig"] > 0.3


@pytest.mark.parametrize("name", ["mig", "irs", "dci", "sap", "unsupervised", "modularity_explicitness"])
def test_float64_copies_of_float32_codes_score_alike(name: str) -> None:
    options: dict[str, Any] = {"rounds": 5} if name == "dci" else {}
    single = CODES.astype(np.float32)
    expected = getattr(submission.metrics, name)(single, FACTORS, **options).values
    found = getattr(submission.metrics, name)(single.astype(np.float64), FACTORS, **options).values
    assert found == pytest.approx(expected, abs=1e-4)


def test_trees_keep_float32_columns_and_rescale_others() -> None:
    codes = np.c_[CODES[:, 0].astype(np.float32).astype(np.float64), FAR[:, 1]]
    place = single_precision(codes)
    placed = place(codes)
    assert placed.dtype == np.float32
    assert np.array_equal(placed[:, 0], codes[:, 0])
    assert len(np.unique(placed[:, 1])) == len(np.unique(codes[:, 1]))
    assert np.abs(placed[:, 1]).max() == pytest.approx(1)
    model = fit_boosted_trees(codes, FACTORS[:, 1], np.random.RandomState(0), rounds=5)
    assert np.mean(model.predict(codes) == FACTORS[:, 1]) > 0.8


@pytest.mark.parametrize("value", [1e20, 1e37])
def test_codes_that_overflow_float32_when_squared_are_fine_in_float64(value: float) -> None:
    large = CODES * value
    assert mig(large, FACTORS)["discrete_mig"] == pytest.approx(mig(CODES, FACTORS)["discrete_mig"], abs=1e-12)
    assert dci(large, FACTORS, rounds=3)["disentanglement"] == pytest.approx(
        dci(CODES, FACTORS, rounds=3)["disentanglement"], abs=1e-3
    )
    with pytest.raises(SubmissionError, match="overflows float32 when squared"):
        mig(large.astype(np.float32), FACTORS)
    with pytest.raises(SubmissionError, match="overflows float64 when squared"):
        mig(CODES * 1e200, FACTORS)


def test_samplers_and_tables_keep_the_precision() -> None:
    assert PointSampler(FAR, FACTORS).points(10).codes.dtype == np.float64
    table = MemoTable(len(FAR), lambda cells: FAR[cells])
    assert np.array_equal(table(np.arange(50)), FAR[:50])


def test_integers_that_float32_represents_become_float32() -> None:
    whole = np.round(CODES * 10).astype(np.int64)
    assert mig(whole, FACTORS).values == mig(whole.astype(np.float32), FACTORS).values
    large = whole * 10**9 + 1
    assert mig(large, FACTORS)["discrete_mig"] == pytest.approx(mig(whole.astype(np.float64), FACTORS)["discrete_mig"])
    with pytest.raises(SubmissionError, match="are not real numbers"):
        mig(CODES.astype(str), FACTORS)


# ---- bin edges ----


def on_edges(count: int) -> npt.NDArray[np.float32]:
    """float32 values k / 40, most of which lie on one of 20 edges between 0 and 1."""
    values = np.random.default_rng(1).integers(0, 41, size=(count, 3)) / np.float32(40)
    values[:2] = [[0], [1]]
    return values.astype(np.float32)


def test_edges_of_2019_are_rounded_from_float64() -> None:
    values = on_edges(500)[:, 0]
    expected = np.array([k / 20 for k in range(21)]).astype(np.float32)
    assert np.array_equal(bin_edges(values, 20, "2019"), expected)
    step = np.arange(0, 21, dtype=np.float64) * (1 / 20)  # numpy 1 multiplied by the step
    assert np.abs(bin_edges(values, 20, "2019") - step).max() < 1e-7


def test_installed_edges_are_the_installed_numpys() -> None:
    values = on_edges(500)[:, 0]
    assert np.array_equal(bin_edges(values, 20), np.histogram(values, 20)[1])


def test_the_eras_differ_only_for_values_on_edges() -> None:
    """numpy 2 computes the edges of float32 values in float32, numpy 1 in float64."""
    factors = np.round(on_edges(500)[:, :2] * 40).astype(np.int64) // 3
    codes = on_edges(500)
    found = {era: mig(codes, factors, era=era)["discrete_mig"] for era in ("installed", "2019")}  # type: ignore[arg-type]
    moved = (discretise(codes, 20) != discretise(codes, 20, "2019")).mean()
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        assert moved == 0
        assert found["installed"] == found["2019"]
    else:
        assert moved > 0.01
        assert found["installed"] != found["2019"]
    away = codes + np.float32(0.003)
    away[:2] = [[0], [1]]
    assert np.array_equal(discretise(away, 20), discretise(away, 20, "2019"))
    assert np.array_equal(discretise(codes.astype(np.float64), 20), discretise(codes.astype(np.float64), 20, "2019"))


def test_the_era_reaches_every_metric_with_bins() -> None:
    codes = on_edges(500)
    factors = np.round(codes[:, :2] * 40).astype(np.int64) // 3
    binned = ("mig", "mig_sup", "jemmig", "dcimig", "med", "modularity_explicitness", "unsupervised")
    for name in binned:
        function = getattr(submission.metrics, name)
        expected = function(codes.astype(np.float64), factors, era="2019")
        narrow = function(codes, factors, era="2019").values
        assert set(narrow) == set(expected.values)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        for name in binned:
            function = getattr(submission.metrics, name)
            assert function(codes, factors, era="2019").values != function(codes, factors).values, name


# ---- ranges ----


def test_irs_can_be_negative() -> None:
    """In each group the code strays further from the group's mean than it ever does from the overall mean."""
    code = np.tile([1.0, -1.0, -1.0, -1.0], 50), np.tile([-1.0, 1.0, 1.0, 1.0], 50)
    factors = np.repeat([[0], [1]], 200, axis=0)
    scores = irs(np.concatenate(code)[:, None], factors)
    # the overall mean is 0 and the largest deviation 1; the groups' means are -+0.5, and the deviation 1.5
    assert scores["IRS"] == pytest.approx(-0.5)
    low, high = submission.metrics.metric("irs").range
    assert low <= scores["IRS"] <= high


@pytest.mark.parametrize("seed", range(20))
def test_headlines_stay_in_their_ranges(seed: int) -> None:
    """Few samples, heavy tails and duplicates."""
    generator = np.random.default_rng(seed)
    factors = np.stack([generator.integers(0, size, 40) for size in (2, 3)], axis=1)
    factors[:3] = [[0, 0], [1, 1], [0, 2]]
    codes = generator.standard_cauchy((40, 3)) * 10.0 ** generator.integers(-3, 4, size=3)
    codes[:, 2] = np.where(generator.random(40) < 0.5, codes[:, 0], codes[:, 2])
    for name in ("mig", "mig_sup", "jemmig", "dcimig", "med", "irs", "infomec", "unsupervised", "sap"):
        chosen = submission.metrics.metric(name)
        scores = getattr(submission.metrics, name)(codes, factors)
        low, high = chosen.range
        assert low - 1e-9 <= scores[chosen.headline] <= high + 1e-9, name


# ---- too few samples ----


@pytest.mark.parametrize("samples", [2, 5, 9, 10])
def test_a_covariance_from_too_few_samples_is_refused(samples: int) -> None:
    codes = np.random.default_rng(0).standard_normal((samples, 10))
    with pytest.raises(SubmissionError, match="give more than 10 samples"):
        unsupervised(codes)
    assert np.isfinite(unsupervised(np.random.default_rng(0).standard_normal((50, 10)))["mutual_info_score"])


def test_constant_dimensions_do_not_count_as_samples_needed() -> None:
    codes = np.c_[np.random.default_rng(0).standard_normal((8, 3)), np.zeros((8, 9))]
    assert unsupervised(codes)["gaussian_total_correlation"] > 0


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_linear_combinations_are_refused_in_either_precision(kind: type) -> None:
    codes = np.round(2**8 * np.random.default_rng(0).standard_normal((1000, 3)))
    combined = np.c_[codes, codes[:, 0] + codes[:, 1] - 2 * codes[:, 2]]
    with pytest.raises(SubmissionError, match="linear combinations"):
        unsupervised(combined.astype(kind))
    with pytest.raises(SubmissionError, match="linear combinations"):
        unsupervised(np.c_[codes, 1e6 * codes[:, 0]].astype(np.float64))


def test_regressions_that_fit_any_factor_are_noted() -> None:
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 2, size=(20, 2))
    scores = submission.metrics.infomec(generator.standard_normal((20, 30)), factors, neighbours=2)
    assert scores["infoe"] > 0.9
    assert "infoe is not meaningful: 20 points" in " ".join(scores.notes)
    block = sap(
        generator.standard_normal((20, 40)),
        factors,
        continuous_factors=True,
        blocks=[list(range(25)), list(range(25, 40))],
    )
    assert "explain any factor" in " ".join(block.notes)
