"""Side by side with disentanglement_lib 1.5: the same seed draws the same factors and the same images.

The library's classes run as they are. Where its file is gigabytes, only ``np.load`` is replaced: it hands over an
object that looks like the file's array and computes the images asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from submission import reference
from submission.data import GroundTruthDataset, load, originals
from submission.data.pixels import ComputedPixels
from submission.data.readers import smallnorb
from submission.data.synthetic import dsprites as made

pytestmark = pytest.mark.skipif(not reference.installed(), reason=f"no disentanglement_lib; {reference.INSTALL}")


class Lookalike:
    """Stands for a huge array: indexing computes the rows."""

    def __init__(self, rows: Callable[[np.ndarray], np.ndarray]) -> None:
        self.rows = rows

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.rows(indices)


def hashed(indices: np.ndarray) -> np.ndarray:
    """A different picture (n, 64, 64, 3) for every index."""
    cells = np.asarray(indices, dtype=np.int64)[:, None] * 12_289 + np.arange(12_288)
    return ((cells * 2_654_435_761 >> 13) % 256).astype(np.uint8).reshape(-1, 64, 64, 3)


def assert_same_draws(ours: GroundTruthDataset, theirs: Any) -> None:
    """Twice in a row from one generator each: equal factors, images equal to float32 rounding, equal generators."""
    assert list(ours.factors_num_values) == list(theirs.factors_num_values)
    assert ours.num_factors == theirs.num_factors
    assert list(ours.observation_shape) == list(theirs.observation_shape)
    mine, its = np.random.RandomState(3), np.random.RandomState(3)
    for count in (7, 16):
        factors, images = ours.sample(count, mine)
        expected_factors, expected = theirs.sample(count, its)
        np.testing.assert_array_equal(factors, expected_factors)
        np.testing.assert_allclose(images, expected, atol=1e-7, rtol=0)
    assert mine.randint(2**31 - 1) == its.randint(2**31 - 1)


@pytest.fixture(scope="module")
def grid() -> np.ndarray:
    """The rendered grid, which stands for the file's contents."""
    return made.render()


@pytest.mark.parametrize(
    "name", ["dsprites_full", "dsprites_noshape", "color_dsprites", "noisy_dsprites", "scream_dsprites"]
)
def test_dsprites_family(name: str, grid: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsprites").mkdir()
    (tmp_path / "scream").mkdir()
    picture = np.random.RandomState(0).randint(0, 256, (512, 400, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / originals.SCREAM_FILE)
    monkeypatch.setattr(made, "render", lambda: grid)
    ours = load(name, tmp_path)
    (tmp_path / originals.DSPRITES_FILE).touch()
    images = Lookalike(lambda indices: np.unpackbits(grid[indices], axis=1).reshape(-1, 64, 64))
    metadata = np.empty((), dtype=object)
    metadata[()] = {"latents_sizes": [1, 3, 6, 40, 32, 32]}
    with monkeypatch.context() as patch:
        patch.setattr(np, "load", lambda *_, **__: {"imgs": images, "metadata": metadata})
        patch.setattr(np, "array", as_array)
        theirs = reference.load_data(name, tmp_path)
    assert_same_draws(ours, theirs)


def as_array(value: Any, *arguments: Any, _original: Callable[..., Any] = np.array, **options: Any) -> Any:
    """``np.array`` that lets a look-alike pass."""
    return value if isinstance(value, Lookalike) else _original(value, *arguments, **options)


def test_mpi3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mpi3d_real").mkdir()
    (tmp_path / originals.MPI3D_FILES["mpi3d_real"]).touch()
    with monkeypatch.context() as patch:
        patch.setattr(np, "load", lambda *_, **__: {"images": Lookalike(hashed)})
        theirs = reference.load_data("mpi3d_real", tmp_path)
    ours = load("mpi3d_standin")
    ours.pixels = ComputedPixels(hashed)
    assert_same_draws(ours, theirs)


def test_cars3d(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> None:
    """With one car in the folder, the library has black images for all others; so ours is asked about that one."""
    mesh = noise.randint(0, 256, (128, 128, 3, 24, 4)).astype(np.uint8)
    write.cars(tmp_path, {"car_a.mat": mesh})
    theirs = reference.load_data("cars3d", tmp_path)
    monkeypatch.setattr("submission.data.readers.cars3d.SIZES", (4, 24, 1))
    ours = load("cars3d", tmp_path)
    rows = np.stack([noise.randint(4, size=30), noise.randint(24, size=30), np.zeros(30, np.int64)], axis=1)
    mine, its = (data.sample_observations_from_factors(rows, noise) for data in (ours, theirs))
    np.testing.assert_allclose(mine, its, atol=1e-7, rtol=0)
    ours.factors_of_variation = (*ours.factors_of_variation[:2], type(ours.factors_of_variation[2])("object type", 183))
    np.testing.assert_array_equal(
        ours.sample_factors(50, np.random.RandomState(1)), theirs.sample_factors(50, np.random.RandomState(1))
    )


def test_smallnorb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole grid, shuffled as in the files, with pictures of 4x4 to keep it quick."""
    random = np.random.RandomState(5)
    sizes = smallnorb.ALL_SIZES
    labels = np.stack(np.unravel_index(random.permutation(48_600), sizes), axis=1)
    images = random.randint(0, 256, (48_600, 4, 4)).astype(np.uint8)
    monkeypatch.setattr(smallnorb, "read_chunks", lambda _: (images, labels))
    monkeypatch.setattr(smallnorb, "reduce", lambda values, dtype, _: values.view(np.uint8).astype(dtype))
    doubled = labels.astype(np.int32)
    reloaded = reference.compatibility.reload("data.ground_truth.norb", tmp_path)
    monkeypatch.setattr(reloaded, "_load_small_norb_chunks", lambda *_: (images / 255.0, doubled))
    theirs = reloaded.SmallNORB()
    assert_same_draws(load("smallnorb", tmp_path, literal=True), theirs)
    assert_same_draws(load("smallnorb", tmp_path), theirs)


def test_smallnorb_files_and_their_literal_reduction(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> None:
    """The library's own file reader and its unclipped reduction, on chunks of 30 pictures."""
    images = (255 * (noise.random_sample((60, 2, 96, 96)) > 0.5)).astype(np.uint8)
    labels = np.stack([noise.randint(size, size=60) for size in smallnorb.ALL_SIZES], axis=1)
    halves = zip(originals.SMALLNORB_CHUNKS, np.split(np.arange(60), 2), strict=True)
    write.smallnorb(tmp_path, [(name, images[part], labels[part]) for name, part in halves])
    module = reference.compatibility.reload("data.ground_truth.norb", tmp_path)
    expected, features = module._load_small_norb_chunks(module.SMALLNORB_TEMPLATE, module.SMALLNORB_CHUNKS)
    read = smallnorb.read_matrix
    monkeypatch.setattr(smallnorb, "read_matrix", lambda path, shape, dtype: read(path, (30, *shape[1:]), dtype))
    pixels, found = smallnorb.read_chunks(tmp_path / "small_norb")
    np.testing.assert_array_equal(found, features)
    unclipped = smallnorb.reduce(pixels.view(np.int8), np.dtype(np.int32), smallnorb.QUIET)
    np.testing.assert_array_equal(unclipped / 255.0, expected)


def test_dummy_data(tmp_path: Path) -> None:
    assert_same_draws(load("dummy_data"), load("dlib:dummy_data", tmp_path, allow_unpickling=True).data)


def test_the_librarys_object_serves_as_a_data_set(tmp_path: Path) -> None:
    wrapped = load("dlib:dummy_data", tmp_path, allow_unpickling=True)
    assert wrapped.factor_sizes == (5,) * 10
    assert wrapped.images(np.array([0, 5**9])).shape == (2, 64, 64, 1)
    factors, images = wrapped.sample(4, np.random.RandomState(0))
    expected = wrapped.data.sample(4, np.random.RandomState(0))
    np.testing.assert_array_equal(factors, expected[0])
    np.testing.assert_array_equal(images, expected[1])
