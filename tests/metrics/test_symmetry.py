"""D_LSBD: perfect rotations, known values, and the published computation written out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA

from submission.data import Factor
from submission.errors import SubmissionError
from submission.metrics import d_lsbd, metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource

SIZES = (12, 10)
FACTORS = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, 2)
ANGLES = 2 * np.pi * FACTORS / np.array(SIZES)
Table = npt.NDArray[np.float64]


def circles(*frequencies: int, angles: Table = ANGLES) -> Table:
    """A circle per cyclic factor, turned so many times per turn of the factor."""
    turns = angles * np.array(frequencies)
    return np.stack([np.cos(turns), np.sin(turns)], axis=-1).reshape(len(angles), -1)


def rotation(size: int) -> Table:
    return np.linalg.qr(np.random.default_rng(3).standard_normal((size, size)))[0]


def published(table: Table, largest: int = 10) -> float:
    """The authors' computation for a torus: PCA, every rotation matrix, every integer omega."""
    total = []
    for axis in range(table.ndim - 1):
        centred = (table - table.mean(axis=axis, keepdims=True)).reshape(-1, table.shape[-1])
        pca = PCA(2, svd_solver="full").fit(centred)
        points = pca.transform(centred) / np.sqrt(2 * pca.explained_variance_ * (len(centred) - 1) / len(centred))
        angle = 2 * np.pi * np.indices(table.shape[:-1])[axis].reshape(-1) / table.shape[axis]
        spreads = []
        for omega in range(-largest, largest + 1):
            cosine, sine = np.cos(-omega * angle), np.sin(-omega * angle)
            turned = np.stack(
                [cosine * points[:, 0] - sine * points[:, 1], sine * points[:, 0] + cosine * points[:, 1]]
            )
            spreads.append(np.square(turned - turned.mean(axis=1, keepdims=True)).sum(axis=0).mean())
        total.append(min(spreads))
    return float(np.mean(total))


@pytest.mark.parametrize("frequencies", [(1, 1), (1, -1), (2, 3), (-4, 1)])
def test_perfect_rotations_score_zero(frequencies: tuple[int, int]) -> None:
    scores = d_lsbd(circles(*frequencies), FACTORS)
    assert scores["d_lsbd"] == pytest.approx(0, abs=1e-12)
    assert scores["d_lsbd_pairs"] == pytest.approx(0, abs=1e-12)
    assert scores.details["frequency"].tolist() == [
        min(abs(f), n - abs(f)) for f, n in zip(frequencies, SIZES, strict=True)
    ]
    assert scores.details["pairs"].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_the_published_computation_gives_the_same_number(seed: int) -> None:
    generator = np.random.default_rng(seed)
    mixed = np.tanh(circles(1, 2) @ generator.standard_normal((4, 6))) + 0.3 * generator.standard_normal((120, 6))
    found = d_lsbd(mixed, FACTORS)["d_lsbd"]
    assert 0.05 < found < 0.95
    assert found == pytest.approx(published(mixed.reshape(*SIZES, 6)), abs=1e-10)


def test_three_cycles() -> None:
    sizes = (5, 6, 7)
    factors = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, 3)
    codes = circles(1, 2, 1, angles=2 * np.pi * factors / np.array(sizes)) @ rotation(6)
    assert d_lsbd(codes, factors)["d_lsbd"] == pytest.approx(0, abs=1e-12)
    noisy = codes + 0.2 * np.random.default_rng(0).standard_normal(codes.shape)
    assert d_lsbd(noisy, factors)["d_lsbd"] == pytest.approx(published(noisy.reshape(*sizes, 6)), abs=1e-10)


def test_random_codes_score_one() -> None:
    """A random mean of n unit vectors has the squared length 1/n; the best of the frequencies a few times that."""
    codes = np.random.default_rng(0).standard_normal((len(FACTORS), 4))
    expected_length = np.log(2 * 10) / len(FACTORS)
    assert d_lsbd(codes, FACTORS)["d_lsbd"] == pytest.approx(1 - expected_length, abs=3 * expected_length)
    sizes = (60, 60)
    factors = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, 2)
    assert d_lsbd(np.random.default_rng(0).standard_normal((3600, 4)), factors)["d_lsbd"] > 0.99


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_a_noisy_circle_has_a_known_distance(noise: float) -> None:
    """The circle holds 1/2 of each axis' variance 1/2 + noise^2: D = 2 noise^2 / (1 + 2 noise^2)."""
    size = 20_000
    angle = 2 * np.pi * np.arange(size)[:, None] / size
    codes = circles(1, angles=angle) + noise * np.random.default_rng(0).standard_normal((size, 2))
    expected = 2 * noise**2 / (1 + 2 * noise**2)
    assert d_lsbd(codes, np.arange(size)[:, None])["d_lsbd"] == pytest.approx(expected, abs=0.02)


def test_a_line_and_an_angle_as_a_number() -> None:
    """A cosine alone: |M|^2 = 1/4. A sawtooth in turns, variance 1/12, coefficient 1/(2 pi): |M|^2 = 3/(2 pi^2)."""
    size = 2000
    turn = np.arange(size)[:, None] / size
    for code, length in ((np.cos(2 * np.pi * turn), 1 / 4), (turn, 3 / (2 * np.pi**2))):
        found = d_lsbd(np.c_[code, np.zeros(size)], np.arange(size)[:, None])["d_lsbd"]
        assert found == pytest.approx(1 - length, abs=1e-3)


def test_constants_score_one() -> None:
    assert d_lsbd(np.ones((len(FACTORS), 3)), FACTORS)["d_lsbd"] == 1


def test_order_scale_offset_and_rotation_do_not_matter_to_all_columns() -> None:
    codes = circles(1, 2)
    for changed in (codes[:, [2, 0, 3, 1]] * 5 + 7, codes @ rotation(4)):
        assert d_lsbd(changed, FACTORS)["d_lsbd"] == pytest.approx(0, abs=1e-12)
    mixed = d_lsbd(codes @ rotation(4), FACTORS)
    assert mixed["d_lsbd_pairs"] > 0.05  # no pair of columns is a plane of a factor
    pairs = [d_lsbd(codes[:, list(pair)], FACTORS)["d_lsbd"] for pair in itertools.combinations(range(4), 2)]
    # a circle of one factor, on which the other has no effect; or the cosine of one, the sine of the other
    assert pairs == pytest.approx([0.5, 0.75, 0.75, 0.75, 0.75, 0.5], abs=1e-9)


def test_an_entangled_circle_is_far() -> None:
    """One circle that turns with the sum of both angles: each factor rotates it, but it is one plane for two."""
    turn = ANGLES.sum(axis=1)
    codes = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    assert d_lsbd(codes, FACTORS)["d_lsbd"] == pytest.approx(1, abs=1e-9)


# ---- cylinders ----


def cylinder(objects: int = 4) -> tuple[Table, npt.NDArray[np.int64]]:
    """A circle whose radius, centre and direction depend on the object."""
    factors = np.stack(np.meshgrid(range(objects), range(16), indexing="ij"), axis=-1).reshape(-1, 2)
    sign = np.where(factors[:, 0] % 2, -1, 1)
    turn = 2 * np.pi * factors[:, 1] / 16 * sign
    return (1 + factors[:, :1]) * np.stack([np.cos(turn), np.sin(turn)], axis=1) + 3 * factors[:, :1], factors


def test_a_cylinder_of_perfect_circles_scores_zero_whatever_their_radius_and_direction() -> None:
    codes, factors = cylinder()
    assert d_lsbd(codes, factors, cycles=(False, True))["d_lsbd"] == pytest.approx(0, abs=1e-12)
    assert d_lsbd(codes, factors)["d_lsbd"] > 0.2  # as a torus, with the object for an angle


def test_a_cylinder_is_the_mean_over_its_objects() -> None:
    codes, factors = cylinder()
    noisy = codes + 0.4 * np.random.default_rng(0).standard_normal(codes.shape)
    each = [
        d_lsbd(noisy[factors[:, 0] == one], factors[factors[:, 0] == one][:, 1:], max_frequency=1)["d_lsbd"]
        for one in range(4)
    ]
    found = d_lsbd(noisy, factors, cycles=(False, True), max_frequency=1)["d_lsbd"]
    assert found == pytest.approx(np.mean(each), abs=1e-12)
    assert found == pytest.approx(np.mean([published(noisy[factors[:, 0] == one], 1) for one in range(4)]), abs=1e-10)


def test_objects_share_one_frequency() -> None:
    factors = cylinder(2)[1]
    turn = 2 * np.pi * factors[:, 1] / 16 * (1 + factors[:, 0])
    codes = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    assert d_lsbd(codes, factors, cycles=(False, True))["d_lsbd"] == pytest.approx(0.5, abs=1e-12)


# ---- components ----


def test_by_component_on_circles_spheres_and_tori() -> None:
    circle = circles(1, 2)
    blocks = [[0, 1], [2, 3]]
    scores = d_lsbd(circle, FACTORS, blocks=blocks)
    assert scores["d_lsbd"] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(scores.details["per_block"], [[0, 1], [1, 0]], atol=1e-12)
    latitude = np.array([0.3, 0.9])
    sphere = np.concatenate(
        [
            np.c_[np.cos(z) * circle[:, 2 * k : 2 * k + 2], np.full(len(FACTORS), np.sin(z))]
            for k, z in enumerate(latitude)
        ],
        axis=1,
    )
    turned = sphere.copy()
    turned[:, :3] = sphere[:, :3] @ rotation(3)
    for codes in (sphere, turned):
        assert d_lsbd(codes, FACTORS, blocks=[[0, 1, 2], [3, 4, 5]])["d_lsbd"] == pytest.approx(0, abs=1e-12)
    mixed = d_lsbd(circle @ rotation(4), FACTORS, blocks=blocks)
    assert mixed["d_lsbd"] > 0.05
    split = d_lsbd(circle, FACTORS, blocks=[[0], [1, 2, 3]])
    assert split.details["per_block"][0].tolist() == [1, 1]  # a single column is no plane


def test_a_component_that_turns_with_two_factors_is_not_disentangled_from_either() -> None:
    one = np.c_[circles(1, 1)[:, :2] + circles(1, 1)[:, 2:], np.random.default_rng(0).standard_normal((120, 2))]
    scores = d_lsbd(one, FACTORS, blocks=[[0, 1], [2, 3]])
    # each factor turns the plane around a centre that the other one moves: half of the variance each
    np.testing.assert_allclose(scores.details["per_block"][0], 0.5, atol=1e-9)
    assert d_lsbd(one[:, :2], FACTORS)["d_lsbd"] == pytest.approx(0, abs=1e-12)  # which the published form allows


# ---- by name, and refusals ----


def sampler(codes: Table, *factors: Factor) -> GridSampler:
    return GridSampler(IndexSource(CodeGrid("grid", factors), lambda cells: codes[cells]), 0)


def test_by_name_on_a_grid_with_cycles() -> None:
    chosen = metric("d_lsbd")
    assert not chosen.higher_is_better
    both = (Factor("a", 12, periodic=True), Factor("b", 10, periodic=True))
    assert chosen.score(sampler(circles(1, 1), *both), chosen.settings)["d_lsbd"] == pytest.approx(0, abs=1e-12)
    assert chosen.block_score is not None
    found = chosen.block_score(sampler(circles(1, 1), *both), chosen.settings, [[0, 1], [2, 3]])
    assert found["d_lsbd"] == pytest.approx(0, abs=1e-12)
    codes, _ = cylinder(20)
    object_and_angle = (Factor("object", 20), Factor("azimuth", 16, periodic=True))
    scores = chosen.score(sampler(codes, *object_and_angle), chosen.fast)
    assert scores["d_lsbd"] == pytest.approx(0, abs=1e-12)
    assert "10 of 20 combinations of the other factors" in scores.notes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((circles(1, 1)[:-1], FACTORS[:-1]), "every combination of factor values exactly once: 119 rows, 120"),
        ((np.tile(circles(1, 1), (2, 1)), np.tile(FACTORS, (2, 1))), "exactly once: 240 rows, 120"),
        ((circles(1, 1), FACTORS, (False, False)), "no factor of this data set is periodic"),
        ((circles(1, 1), FACTORS, None, 0), "max_frequency 0 is below 1"),
        ((circles(1, 1)[:, :1], FACTORS), "at least 2 code dimensions"),
        ((np.eye(4), [[0, 0], [0, 1], [1, 0], [1, 1]]), "a cycle of 2 values has no direction"),
    ],
)
def test_what_it_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        d_lsbd(*arguments)
