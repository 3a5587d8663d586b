"""MIG of Chen et al. (2018): closed forms, quadrature, and the procedure written out by brute force."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from submission.data import Factor
from submission.errors import SubmissionError
from submission.metrics import metric, mig_chen
from submission.metrics.base import PosteriorTable
from submission.metrics.posterior_gap import NormalPosteriors, aggregate_entropy, chosen_factors
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource

SIZES = (4, 5)
FACTORS = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, 2)


def normals(mean: npt.ArrayLike, scale: float = 0.1) -> NormalPosteriors:
    """Posteriors of one scale."""
    return NormalPosteriors(mean, np.full(np.shape(mean), scale))


def mixture_entropy(mean: npt.NDArray[np.float64], scale: float) -> float:
    """Entropy of a mixture of normals with equal weights, by quadrature."""
    grid = np.linspace(mean.min() - 12 * scale, mean.max() + 12 * scale, 40_001)
    density = np.mean(
        [np.exp(-0.5 * ((grid - m) / scale) ** 2) / (scale * math.sqrt(2 * math.pi)) for m in mean], axis=0
    )
    return float(np.trapezoid(-density * np.log(np.maximum(density, 1e-300)), grid))


def test_separate_posteriors_of_true_factors_score_one() -> None:
    """I(z; v) = log(size) where the values' posteriors do not overlap, and 0 for the other code."""
    scores = mig_chen(normals(FACTORS * 1.0, 0.01), FACTORS, 2_000)
    assert scores["mig_chen"] == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(np.diag(scores.details["mutual_information"]), np.log(SIZES), atol=0.03)


def test_entropy_of_a_mixture_that_does_not_overlap_is_known() -> None:
    """H = log n + log(sigma sqrt(2 pi e))."""
    found = aggregate_entropy(
        normals(np.c_[np.arange(8.0), np.zeros(8)], 0.02), np.arange(8), 40_000, np.random.RandomState(0)
    )
    normal = math.log(0.02 * math.sqrt(2 * math.pi * math.e))
    np.testing.assert_allclose(found, [math.log(8) + normal, normal], atol=0.02)


@pytest.mark.parametrize("scale", [0.2, 0.7, 2.0])
def test_overlapping_posteriors_by_quadrature(scale: float) -> None:
    mean = np.c_[FACTORS[:, 0] + 0.3 * FACTORS[:, 1], FACTORS[:, 1] * 1.0]
    scores = mig_chen(normals(mean, scale), FACTORS, 20_000)
    expected = np.zeros((2, 2))
    for code in range(2):
        for factor in range(2):
            inside = [mixture_entropy(mean[FACTORS[:, factor] == value, code], scale) for value in range(SIZES[factor])]
            expected[code, factor] = mixture_entropy(mean[:, code], scale) - np.mean(inside)
    np.testing.assert_allclose(scores.details["mutual_information"], expected, atol=0.03)
    gap = np.abs(expected[0] - expected[1]) / np.log(SIZES)
    assert scores["mig_chen"] == pytest.approx(gap.mean(), abs=0.03)


def brute_force(
    samples: dict[object, npt.NDArray[np.float64]],
    density: Callable[[npt.NDArray[np.float64], int, int], float],
    components: int,
) -> float:
    """The authors' procedure one density at a time: ``samples`` of the data (key None) and of each factor value."""

    def entropy(points: npt.NDArray[np.float64], rows: list[int], component: int) -> float:
        logs = []
        for point in points:
            likely = [math.exp(density(point, row, component)) for row in rows]
            logs.append(math.log(sum(likely) / len(rows)))
        return -sum(logs) / len(logs)

    everything = list(range(len(FACTORS)))
    gaps = []
    for factor, size in enumerate(SIZES):
        information = []
        for component in range(components):
            marginal = entropy(samples[None], everything, component)
            inside = [
                entropy(samples[factor, value], [r for r in everything if FACTORS[r, factor] == value], component)
                for value in range(size)
            ]
            information.append(max(0.0, marginal - sum(inside) / size))
        first, second = sorted(information, reverse=True)[:2]
        gaps.append((first - second) / math.log(size))
    return sum(gaps) / len(gaps)


class Recorded(NormalPosteriors):
    """Normal posteriors that keep the samples they gave."""

    def __init__(self, *arguments: npt.ArrayLike) -> None:
        super().__init__(*arguments)
        self.given: list[tuple[frozenset[int], npt.NDArray[np.float64]]] = []

    def sample(self, rows: npt.NDArray[np.int64], random_state: np.random.RandomState) -> npt.NDArray[np.float64]:
        found = super().sample(rows, random_state)
        self.given.append((frozenset(rows.tolist()), found))
        return found


def test_brute_force_gives_the_same_number() -> None:
    generator = np.random.default_rng(0)
    mean = FACTORS @ np.array([[1.0, 0.2, 0.0], [0.1, 0.8, 0.5]])
    scale = 0.3 + generator.random(mean.shape)
    posteriors = Recorded(mean, scale)
    found = mig_chen(posteriors, FACTORS, 40)["mig_chen"]
    keys: dict[frozenset[int], object] = {frozenset(range(len(FACTORS))): None}
    for factor, size in enumerate(SIZES):
        keys |= {frozenset(np.flatnonzero(FACTORS[:, factor] == v).tolist()): (factor, v) for v in range(size)}
    samples = {keys[rows]: points for rows, points in posteriors.given}
    assert len(samples) == 1 + sum(SIZES)

    def density(point: npt.NDArray[np.float64], row: int, component: int) -> float:
        s = scale[row, component]
        return -0.5 * ((point[component] - mean[row, component]) / s) ** 2 - math.log(s * math.sqrt(2 * math.pi))

    assert found == pytest.approx(brute_force(samples, density, 3), abs=1e-10)


def test_a_copy_of_the_best_code_leaves_no_gap() -> None:
    mean = FACTORS[:, [0, 0, 1, 1]] * 1.0
    assert mig_chen(normals(mean), FACTORS, 2_000)["mig_chen"] == pytest.approx(0, abs=0.03)


def test_the_prior_as_posterior_has_no_information() -> None:
    scores = mig_chen(normals(np.zeros((20, 3)), 1.0), FACTORS, 2_000)
    assert scores["mig_chen"] == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(scores.details["entropy"], 0.5 * math.log(2 * math.pi * math.e), atol=0.06)


def test_factors_that_are_left_out_still_vary() -> None:
    """As dSprites' shape in the paper: the gap is over the chosen factors, the images are all of them."""
    mean = np.c_[FACTORS[:, 0] + 10.0 * FACTORS[:, 1], FACTORS[:, 1]]
    both = mig_chen(normals(mean, 0.05), FACTORS, 2_000)
    first = mig_chen(normals(mean, 0.05), FACTORS, 2_000, columns=[0])
    assert first.details["gap"].shape == (1,)
    assert first["mig_chen"] == pytest.approx(both.details["gap"][0], abs=0.05)


def test_some_images_approximate_all() -> None:
    factors = np.tile(FACTORS, (30, 1))
    mean = factors + 0.01 * np.random.default_rng(0).standard_normal(factors.shape)
    few = mig_chen(normals(mean), factors, 1_000, num_images=200)["mig_chen"]
    assert few == pytest.approx(mig_chen(normals(mean), factors, 1_000)["mig_chen"], abs=0.06)


def test_it_is_another_number_than_the_histogram_s() -> None:
    from submission.metrics import mig

    generator = np.random.default_rng(0)
    mean = np.tile(FACTORS, (20, 1)) + 0.05 * generator.standard_normal((400, 2))
    blurred = mig_chen(normals(mean, 2.0), np.tile(FACTORS, (20, 1)), 2_000)["mig_chen"]
    assert blurred < mig(mean, np.tile(FACTORS, (20, 1)))["discrete_mig"] - 0.3


def test_by_name_from_a_sampler_with_posteriors() -> None:
    grid = CodeGrid("dsprites_small", (Factor("shape", 4), Factor("scale", 5)))
    sampler = GridSampler(IndexSource(grid, lambda cells: FACTORS[cells].astype(np.float32)), 3)
    chosen = metric("mig_chen")
    with pytest.raises(SubmissionError, match="dsprites_small has codes only"):
        chosen.score(sampler, chosen.fast)
    posteriors = normals(np.c_[FACTORS[:, 0] + 10.0 * FACTORS[:, 1], FACTORS[:, 1]], 0.05)
    sampler.posteriors = lambda: PosteriorTable(posteriors, FACTORS)
    expected = mig_chen(posteriors, FACTORS, 1_000, 2_000, columns=[1], seed=3)  # not shape
    assert chosen.score(sampler, chosen.fast).values == expected.values


def test_the_paper_s_factors() -> None:
    dsprites = ("shape", "scale", "orientation", "position x", "position y")
    assert chosen_factors("dsprites_full", dsprites) == [1, 2, 3, 4]
    assert chosen_factors("faces", ("identity", "azimuth", "elevation", "lighting")) == [1, 2, 3]
    assert chosen_factors("cars3d", ("elevation", "azimuth", "object type")) == [0, 1, 2]


def test_bad_input() -> None:
    with pytest.raises(SubmissionError, match=r"20 posteriors but factors of shape \(19, 2\)"):
        mig_chen(normals(FACTORS * 1.0), FACTORS[:-1], 10)
    with pytest.raises(SubmissionError, match="at least 2 components"):
        mig_chen(normals(FACTORS[:, :1] * 1.0), FACTORS, 10)
    with pytest.raises(SubmissionError, match="factor 1 has one value"):
        mig_chen(normals(FACTORS * 1.0), FACTORS * [1, 0], 10)
    with pytest.raises(SubmissionError, match="scales finite and positive"):
        NormalPosteriors(FACTORS, np.zeros(FACTORS.shape))
    with pytest.raises(SubmissionError, match=r"\(20, 2\) and \(20, 1\)"):
        NormalPosteriors(FACTORS, np.ones((20, 1)))
