"""MIG-sup, JEMMIG, DCIMIG, MED and InfoMEC on oracles with known answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from submission.metrics import dcimig, infomec, jemmig, med, mig_sup
from submission.metrics.base import Scores
from submission.metrics.information import entropies
from submission.metrics.information_scores import neighbour_distances, neighbour_information

SIZES = (4, 5, 8)
GRID = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, 3)
FACTORS = np.tile(GRID, (8, 1))  # every combination equally often: exact independence
PERFECT = FACTORS.astype(np.float32)
ENTROPY = np.log(SIZES)
METRICS: dict[str, Callable[..., Scores]] = {"mig_sup": mig_sup, "jemmig": jemmig, "dcimig": dcimig, "med": med}


def noise(columns: int = 4) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((len(FACTORS), columns)).astype(np.float32)


@pytest.mark.parametrize("name", ["mig_sup", "dcimig", "med"])
def test_one_code_per_factor_scores_one_in_any_order(name: str) -> None:
    for codes in (PERFECT, PERFECT[:, [2, 0, 1]], -3 * PERFECT + 1):
        assert METRICS[name](codes, FACTORS).values[name] == pytest.approx(1, abs=1e-9)


def test_jemmig_of_perfect_codes_misses_one_by_the_bins_that_stay_empty() -> None:
    scores = jemmig(PERFECT, FACTORS, num_bins=20)
    # H(z, y) - I = H(y) + H(y) - 2 H(y) = 0 and the second code knows nothing
    assert scores.values["jemmig_nats"] == pytest.approx(0, abs=1e-9)
    assert scores.values["jemmig"] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_constants_and_noise_score_low(name: str) -> None:
    constant = METRICS[name](np.ones((len(FACTORS), 4), np.float32), FACTORS)
    expected = np.mean(1 - ENTROPY / (ENTROPY + np.log(20))) if name == "jemmig" else 0
    assert constant.values[name] == pytest.approx(expected, abs=1e-9)
    assert "constant" in constant.notes[0]
    # plug-in information of noise has the bias (bins - 1)(values - 1) / 2n, up to 0.05 nats here; JEMMIG keeps the
    # bins that normal noise leaves empty, log 20 - H(z)
    bound = 0.1 if name in {"mig_sup", "dcimig"} else 0.25
    assert METRICS[name](noise(), FACTORS).values[name] < bound


def test_a_duplicated_code_costs_jemmig_its_gap_but_not_the_others() -> None:
    codes = np.c_[PERFECT, PERFECT]
    for name in ("mig_sup", "dcimig", "med"):
        assert METRICS[name](codes, FACTORS).values[name] == pytest.approx(1, abs=1e-9)
    expected = np.mean(1 - ENTROPY / (ENTROPY + np.log(20)))
    assert jemmig(codes, FACTORS).values["jemmig"] == pytest.approx(expected, abs=1e-9)


def test_a_dead_dimension() -> None:
    codes = np.c_[PERFECT, np.zeros(len(FACTORS), np.float32)]
    assert mig_sup(codes, FACTORS).values["mig_sup"] == pytest.approx(0.75)  # it counts as a code without a factor
    assert dcimig(codes, FACTORS).values["dcimig"] == pytest.approx(1)
    assert med(codes, FACTORS).values["med"] == pytest.approx(1, abs=1e-9)
    assert jemmig(codes, FACTORS).values["jemmig"] == pytest.approx(1)


def test_a_code_of_two_factors() -> None:
    codes = np.c_[FACTORS[:, 0] + 4 * FACTORS[:, 1], FACTORS[:, 2]].astype(np.float32)
    scores = mig_sup(codes, FACTORS)
    # knows both factors entirely: no gap
    np.testing.assert_allclose(scores.details["gap"], [0, 1], atol=1e-9)
    per_factor = dcimig(codes, FACTORS).details["per_factor"]
    np.testing.assert_allclose(per_factor, [0, (ENTROPY[1] - ENTROPY[0]) / ENTROPY[1], 1], atol=1e-9)
    # each factor's importances sum to one: the first code has 1 + 1 of 3, shared equally by two of three factors
    disentangled = 1 - np.log(2) / np.log(3)
    assert med(codes, FACTORS).values["med"] == pytest.approx((2 * disentangled + 1) / 3, abs=1e-9)


def test_rotation_lowers_every_score() -> None:
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    codes = ((PERFECT / (np.array(SIZES) - 1) - 0.5) @ rotation).astype(np.float32)
    for name, metric in METRICS.items():
        assert metric(codes, FACTORS).values[name] < 0.6 * metric(PERFECT, FACTORS).values[name], name


# ---- InfoMEC ----


@pytest.mark.parametrize("estimator", ["neighbours", "histogram"])
def test_infomec_of_perfect_codes(estimator: str) -> None:
    values = infomec(PERFECT, FACTORS, estimator, neighbours=3).values  # type: ignore[arg-type]
    assert values["infom"] == pytest.approx(1, abs=0.03)
    assert values["infoc"] == pytest.approx(1, abs=0.03)
    assert values["infoe"] == pytest.approx(1, abs=0.01)


def test_infomec_of_noise_and_of_constants() -> None:
    values = infomec(noise(), FACTORS, neighbours=3).values
    assert -1e-6 < values["infoe"] < 0.05
    assert infomec(np.ones_like(noise()), FACTORS).values == {"infom": 0, "infoc": 0, "infoe": 0}


def test_duplicates_lower_compactness_and_inactive_codes_do_not_count() -> None:
    doubled = infomec(np.c_[PERFECT, PERFECT], FACTORS, estimator="histogram").values
    assert doubled["infom"] == pytest.approx(1, abs=1e-9)
    assert doubled["infoc"] == pytest.approx((0.5 - 1 / 6) / (1 - 1 / 6), abs=1e-9)
    weak = infomec(np.c_[PERFECT, 0.01 * noise(1)], FACTORS, estimator="histogram")
    assert weak.details["active"].tolist() == [True] * 3 + [False]
    assert weak.values["infoc"] == pytest.approx(1, abs=1e-9)


def test_neighbour_information_is_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    y = generator.integers(0, 5, size=500)
    for x in (
        generator.standard_normal(500),
        y + generator.standard_normal(500),
        y + 0.01 * generator.uniform(size=500),
    ):
        theirs = mutual_info_classif(x[:, None], y, discrete_features=False, n_neighbors=4, random_state=0)[0]
        assert max(0, neighbour_information(x, y, 4)) == pytest.approx(theirs, abs=1e-6)


def test_neighbour_information_approaches_the_exact_value() -> None:
    y = np.repeat([0, 1], 4000)
    x = np.random.default_rng(0).standard_normal(8000) + 2 * y
    grid = np.linspace(-8, 10, 20001)
    low, high = (np.exp(-0.5 * (grid - centre) ** 2) / np.sqrt(2 * np.pi) for centre in (0, 2))
    mean = (low + high) / 2
    truth = np.trapezoid(0.5 * low * np.log(low / mean) + 0.5 * high * np.log(high / mean), grid)
    assert neighbour_information(x, y, 5) == pytest.approx(truth, abs=0.03)


def test_neighbour_distances_by_brute_force() -> None:
    values = np.sort(np.random.default_rng(4).uniform(size=30))
    distances = np.sort(np.abs(values[:, None] - values), axis=1)
    for k in (1, 4, 29):
        np.testing.assert_array_equal(neighbour_distances(values, k), distances[:, k])


# ---- quantised latents, the published solver, top-k MED ----


def quantised() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Codes of three levels whose order means nothing, which two factors share."""
    generator = np.random.default_rng(0)
    levels = generator.integers(0, 3, size=(900, 2))
    noisy = np.where(generator.random((900, 2)) < 0.15, generator.integers(0, 3, size=(900, 2)), levels)
    shuffled = np.array([[0, 5, 1], [2, 0, 7]])
    return np.stack([shuffled[k][levels[:, k]] for k in range(2)], axis=1).astype(np.float32), noisy


def balanced_information(level: npt.NDArray[np.int64], factor: npt.NDArray[np.int64]) -> float:
    """InfoE of one categorical code in closed form: one-hot features let every class probability be chosen.

    The balanced regression weights class y by n / (c n_y), so that p(y | level) is proportional to n(level, y) / n_y.
    """
    counts = np.stack([[np.sum((level == z) & (factor == y)) for y in range(3)] for z in range(3)]).astype(float)
    share = counts / np.bincount(factor)
    share /= share.sum(axis=1, keepdims=True)
    return float(1 + np.sum(counts * np.log(share)) / counts.sum() / np.log(3))


def test_infoe_of_one_hot_codes_in_closed_form() -> None:
    codes, factors = quantised()
    level = np.unique(codes[:, 0], return_inverse=True)[1].reshape(-1)
    single = infomec(codes[:, :1], factors, discrete_latents=True)["infoe"]
    expected = np.mean([balanced_information(level, factor) for factor in factors.T])
    assert single == pytest.approx(expected, abs=1e-4)
    assert infomec(codes[:, :1], factors)["infoe"] < single - 0.05  # numbers in place of classes


def published_infomec(
    codes: npt.NDArray[np.floating], factors: npt.NDArray[np.int64], discrete: bool
) -> dict[str, float]:
    """The authors' program, written from its description with scikit-learn's own estimators."""
    features = OneHotEncoder().fit_transform(codes).toarray() if discrete else StandardScaler().fit_transform(codes)
    infoe, shares = [], []
    for factor in factors.T:
        losses = []
        for x in (features, np.zeros_like(features)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100).fit(x, factor)
            losses.append(log_loss(factor, model.predict_proba(x)))
        infoe.append(1 - losses[0] / losses[1])
        classes = codes.T if discrete else np.round(codes.T).astype(int)
        shares.append([mutual_info_score(factor, code) / mutual_info_score(factor, factor) for code in classes])
    nmi = np.array(shares)
    count, width = nmi.shape
    return {
        "infom": ((nmi.max(axis=0) / nmi.sum(axis=0)).mean() - 1 / count) / (1 - 1 / count),
        "infoc": ((nmi.max(axis=1) / nmi.sum(axis=1)).mean() - 1 / width) / (1 - 1 / width),
        "infoe": float(np.mean(infoe)),
    }


def test_quantised_latents_as_the_authors_score_them() -> None:
    codes, factors = quantised()
    found = infomec(codes, factors, discrete_latents=True, solver="published").values
    assert found == pytest.approx(published_infomec(codes, factors, True), abs=1e-6)
    assert found["infoe"] > infomec(codes, factors, solver="published")["infoe"] + 0.05


def test_the_published_solver_stops_after_100_iterations() -> None:
    """Thirty classes and twenty codes of unequal noise, which 100 iterations do not fit to the end."""
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 30, size=(800, 2))
    noises = 0.5 * generator.standard_normal((800, 20)) * 10.0 ** -np.linspace(0, 3, 20)
    codes = factors @ generator.standard_normal((2, 20)) / 3 + noises
    published = infomec(codes, factors, estimator="histogram", solver="published")["infoe"]
    assert published == pytest.approx(published_infomec(codes, factors, False)["infoe"], abs=1e-4)
    assert infomec(codes, factors, estimator="histogram")["infoe"] > published + 1e-3


def test_a_quantised_code_of_two_levels_is_active_whatever_its_range() -> None:
    codes, factors = quantised()
    narrow = codes * np.float32([1, 1e-4])
    assert (
        infomec(narrow, factors, discrete_latents=True).values == infomec(codes, factors, discrete_latents=True).values
    )
    assert infomec(narrow, factors).details["active"].tolist() == [True, False]


def test_blocks_of_quantised_latents_are_their_combinations() -> None:
    codes, factors = quantised()
    joint = infomec(np.c_[codes, codes[:, :1]], factors, discrete_latents=True, blocks=[[0, 1], [2]])
    expected = mutual_info_score(codes[:, 0] * 10 + codes[:, 1], factors[:, 0]) / entropies(factors)[0]
    assert joint.details["information"][0, 0] == pytest.approx(expected, abs=1e-9)


def test_top_k_med_keeps_the_most_disentangled_codes_of_each_factor() -> None:
    """Two clean codes and a mixed one per pair of factors: the mixed ones go."""
    mixed = np.stack([FACTORS[:, 0] + FACTORS[:, 1], FACTORS[:, 1] + FACTORS[:, 2]], axis=1)
    codes = np.c_[mixed, PERFECT, noise(3)]
    everything, top = med(codes, FACTORS), med(codes, FACTORS, top_k=1)
    assert top.details["kept"].tolist() == [2, 3, 4]
    assert top["med"] == pytest.approx(1, abs=1e-9)
    assert top["med"] > everything["med"] + 0.1
    assert med(codes, FACTORS, top_k=100).values == everything.values
    assert len(med(codes, FACTORS, top_k=2).details["kept"]) <= 6


def test_top_k_med_as_the_authors_select() -> None:
    """Their loop over codes in the order of disentanglement, which fills each factor's places."""
    generator = np.random.default_rng(7)
    codes = FACTORS @ generator.standard_normal((3, 20)) + generator.standard_normal((len(FACTORS), 20))
    for k in (1, 2, 3):
        importance = med(codes, FACTORS).details["importance"]
        share = (importance.T + 1e-11) / (importance.T + 1e-11).sum(axis=0)
        per_code = 1 + (share * np.log(share)).sum(axis=0) / np.log(3)
        places: list[list[int]] = [[], [], []]
        for code in np.argsort(-per_code, kind="stable"):
            own = places[int(importance[code].argmax())]
            if len(own) < k:
                own.append(int(code))
        assert med(codes, FACTORS, top_k=k).details["kept"].tolist() == sorted(code for own in places for code in own)
