"""Synthetic data sets: against closed forms, and every cycle closes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from submission.data import GroundTruthDataset, load
from submission.data.readers import cars3d, faces3d, mpi3d
from submission.data.synthetic import solids, turntable
from submission.data.synthetic.torus import fourier_pictures
from submission.errors import UsageError

FULL_CARS, FULL_FACES = turntable.CARS, turntable.FACES


@pytest.fixture(scope="module")
def small_standins() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(turntable, "CARS", (4, 24, 3))
    patch.setattr(turntable, "FACES", (2, 21, 2, 11))
    patch.setattr(cars3d, "SIZES", (4, 24, 3))
    yield
    patch.undo()


MADE = {
    "torus_pictures": {"pictures": 2},
    "sprites_torus": {"positions": 16},
    "klein_pictures": {"count": 16},
    "turntable": {"objects": 2, "elevations": 2, "color": True},
    "cars3d_standin": {},
    "faces3d_standin": {},
    "mpi3d_standin": {},
}


@pytest.fixture(params=MADE, scope="module")
def made(request: pytest.FixtureRequest, small_standins: None) -> GroundTruthDataset:
    return load(request.param, **MADE[request.param])


def test_images_differ_and_use_the_range(made: GroundTruthDataset) -> None:
    cells = np.random.RandomState(1).choice(len(made), 200, replace=False)
    images = made.images(cells)
    assert images.shape == (200, *made.image_shape)
    assert images.max() > 0.6 * made.maximum
    assert len(np.unique(images.reshape(200, -1), axis=0)) >= 199


def test_every_cycle_closes(made: GroundTruthDataset) -> None:
    """Going from the last class of a periodic factor to the first changes the image as one step inside does."""
    assert any(made.periodic)
    start = made.factors(np.array([len(made) // 2]))[0]
    for axis in np.flatnonzero(made.periodic):
        size = made.factor_sizes[axis]
        rows = np.tile(start, (size, 1))
        rows[:, axis] = np.arange(size)
        images = made.observations(made.indices(rows)).astype(np.float64)
        steps = np.abs(images - np.roll(images, -1, axis=0)).mean(axis=(1, 2, 3))
        assert 0 < steps[-1] <= 1.3 * steps[:-1].max(), made.factor_names[axis]


def test_images_do_not_depend_on_the_company(made: GroundTruthDataset) -> None:
    cells = np.random.RandomState(2).randint(len(made), size=9)
    together = made.images(cells)
    for cell, image in zip(cells, together, strict=True):
        np.testing.assert_array_equal(made.images(np.array([cell]))[0], image)


def test_torus_pictures_are_translations() -> None:
    dataset = load("torus_pictures", pictures=2, order=2)
    first = dataset.images(dataset.indices(np.array([[1, 0, 0]])))[0]
    moved = dataset.images(dataset.indices(np.array([[1, 5, 60]])))[0]
    np.testing.assert_array_equal(moved, np.roll(first, (5, 60), axis=(0, 1)))


def test_the_simple_picture_is_a_sum_of_cosines() -> None:
    dataset = load("torus_pictures", simple=True)
    theta = 2 * np.pi * (np.arange(64) - 7) / 64
    phi = 2 * np.pi * (np.arange(64) - 9) / 64
    image = dataset.observations(dataset.indices(np.array([[7, 9]])))[0, ..., 0]
    np.testing.assert_allclose(2 * image - 1, (np.cos(theta)[:, None] + np.cos(phi)) / 2, atol=1.01 / 255)


def test_fourier_pictures_have_the_weights_of_the_paper() -> None:
    """The spectrum ends at the order, and halving γ changes each coefficient by 2^-(|k|+|l|-1) up to one factor."""
    whole, half = (np.fft.fft2(fourier_pictures(3, gamma, 1, 5)[0]) for gamma in (1.0, 0.5))
    k = np.abs(np.fft.fftfreq(64, 1 / 64))
    assert np.abs(whole[(k[:, None] > 3) | (k > 3)]).max() < 1e-9
    inside = (k[:, None] <= 3) & (k <= 3)
    ratio = np.abs(half / np.where(inside, whole, 1))[inside] * 2.0 ** ((k[:, None] + k)[inside] - 1)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


def test_a_cutoff_leaves_the_low_frequencies_of_the_same_picture() -> None:
    whole, low = (np.fft.fft2(fourier_pictures(5, 0.6, 1, 3, cutoff)[0]) for cutoff in (0, 2))
    k = np.abs(np.fft.fftfreq(64, 1 / 64))
    inside = (k[:, None] <= 2) & (k <= 2)
    assert np.abs(low[~inside]).max() < 1e-9
    ratio = low[inside] / whole[inside]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("torus_pictures", {"order": 2, "cutoff": 3}, "cutoff=3 — give a number from 0 to 2"),
        ("torus_pictures", {"order": 0}, "order=0 — give a number from 1 to 32"),
        ("torus_pictures", {"order": 99_999_999}, "order=99999999 — give a number from 1 to 32"),
        ("torus_pictures", {"discount": 0.0}, "discount=0.0 — give a number from 0.001 to 1"),
        ("torus_pictures", {"pictures": 0}, "pictures=0 — give a number from 1 to 256"),
        ("torus_pictures", {"pictures": 10**12}, "pictures=1000000000000 — give a number from 1 to 256"),
        ("torus_pictures", {"simple": True, "pictures": 2}, "simple=True and pictures=2 — there is one"),
        ("torus_pictures", {"seed": -1}, "seed=-1 — give a number from 0 to 4294967295"),
        ("sprites_torus", {"orientations": 10**9}, "orientations=1000000000 — give a number from 1 to 8192"),
        ("sprites_torus", {"positions": 10**9}, "positions=1000000000 — give a number from 1 to 64"),
        ("sprites_torus", {"positions": 7}, "positions=7 — give a divisor of 64"),
        ("sprites_torus", {"scale": 3.0}, "scale=3.0 — give a number from 0.01 to 2.0"),
        ("turntable", {"objects": 99_999_999_999}, "objects=99999999999 — give a number from 1 to 100000"),
        ("turntable", {"lights": 0}, "lights=0 — give a number from 1 to 100000"),
        (
            "turntable",
            {"objects": 1000, "color": True},
            "objects=1000, .*: 1728000 images — lower them to 349525 images or fewer",
        ),
        ("cars3d_standin", {"seed": 2**32}, "seed=4294967296 — give a number from 0 to 4294967295"),
        ("faces3d_standin", {"seed": -1}, "seed=-1 — give a number from 0 to 4294967295"),
    ],
)
def test_impossible_numbers_are_refused(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot have {message}"):
        load(name, **options)


def test_sprites_wrap_around() -> None:
    dataset = load("sprites_torus")
    assert dataset.factor_sizes == (40, 32, 32)
    first, moved = dataset.images(dataset.indices(np.array([[3, 0, 0], [3, 31, 2]])))
    np.testing.assert_array_equal(moved, np.roll(first, (4, -2), axis=(0, 1)))


def test_a_quarter_turn_of_the_sprite_is_a_quarter_turn_of_the_picture() -> None:
    dataset = load("sprites_torus", positions=1)
    upright, turned = dataset.images(dataset.indices(np.array([[0, 0, 0], [10, 0, 0]])))[..., 0]
    assert (np.rot90(upright) != turned).sum() <= 4  # centres on edges may fall either way


def test_solids_are_hit_where_a_dense_search_hits_them() -> None:
    """Brute force: the highest of many points along each ray that lies inside any ellipsoid, in world coordinates."""
    solid = turntable.blob(np.random.RandomState(3))
    view = solids.rotation(0.7, 0.4)
    normals, which = solids.cast(solid, view[None])
    heights = np.linspace(1, -1, 2001)
    for row, column in np.random.RandomState(4).randint(8, 56, size=(60, 2)):
        ray = np.stack([np.full(2001, solids.CENTRES[column]), np.full(2001, -solids.CENTRES[row]), heights], axis=1)
        world = ray @ view
        inside = (((world[:, None] - solid.centres) / solid.radii) ** 2).sum(axis=2) <= 1
        hits = inside.any(axis=1)
        if not hits.any():
            assert which[0, row, column] == -1
            continue
        first = hits.argmax()
        number = which[0, row, column]
        assert inside[first : first + 3, number].any()
        gradient = view @ ((world[first] - solid.centres[number]) / solid.radii[number] ** 2)
        np.testing.assert_allclose(normals[0, :3, row, column], gradient / np.linalg.norm(gradient), atol=0.06)


def test_shading_is_linear_in_the_light() -> None:
    """Opposite lights together are a constant, whatever the normal."""
    direction = solids.light(0.3, 0.2)
    weights = solids.shading(np.stack([direction, -direction]))
    np.testing.assert_allclose(weights.sum(axis=0)[:3], 0, atol=1e-5)
    assert weights[0, 3] + np.linalg.norm(weights[0, :3]) == pytest.approx(255.5, abs=1e-3)


def test_standins_have_the_exact_grids() -> None:
    assert (50, 21, 11, 11) == FULL_FACES == faces3d.SIZES
    assert FULL_CARS == (4, 24, 183)
    standin = load("mpi3d_standin")
    assert standin.factor_sizes == mpi3d.SIZES[1_036_800]
    assert len(standin) == 1_036_800


def test_the_default_turntable_has_17280_images() -> None:
    assert np.prod(turntable.SIZES) == 17_280


@pytest.mark.parametrize("bars", [0.0, 2.0])
def test_edges_and_bars_are_a_klein_bottle(bars: float) -> None:
    """Half a turn is the opposite phase: the step after the last direction is as small as any, with phases reversed."""
    dataset = load("klein_pictures", count=16, bars=bars)
    images = dataset.observations(np.arange(len(dataset))).astype(np.float64).reshape(16, 16, -1)
    reversed_phases = images[0][-np.arange(16) % 16]
    steps = [np.abs(images[k + 1] - images[k]).mean() for k in range(15)]
    assert np.abs(reversed_phases - images[15]).mean() == pytest.approx(np.mean(steps), rel=0.1)
    assert np.abs(images[0] - images[15]).mean() > 1.5 * np.mean(steps)


def test_with_bars_that_stay_distances_between_pictures_are_those_on_the_klein_bottle_in_space() -> None:
    """Correlated with |point − point| of (u, v) = (2·direction, phase), R = 2, r = 1; less so without them."""

    def correlation(bars: float) -> float:
        images = load("klein_pictures", count=16, bars=bars).observations(np.arange(256)).reshape(256, -1)
        turn = 2 * np.pi * np.arange(16) / 16
        u, v = (axis.ravel() for axis in np.meshgrid(turn, turn, indexing="ij"))
        wide = 2 + np.cos(v)
        points = np.stack([wide * np.cos(u), wide * np.sin(u), np.sin(v) * np.cos(u / 2), np.sin(v) * np.sin(u / 2)], 1)
        return float(np.corrcoef(pdist(images.astype(np.float64)), pdist(points))[0, 1])

    assert correlation(2.0) > 0.95
    assert correlation(0.0) < 0.8
