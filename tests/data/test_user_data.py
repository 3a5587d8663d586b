"""Your own data: arrays and files, grids and samples."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from submission.data import GroundTruthDataset, from_arrays, load, require_factors
from submission.data.user_data import SampledDataset
from submission.errors import SubmissionError, UsageError
from submission.evaluation import evaluate, make_plan
from submission.evaluation.subject import ideal

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)


def test_a_shuffled_full_grid_is_put_in_order() -> None:
    order = np.random.RandomState(1).permutation(24)
    dataset = from_arrays(IMAGES[order], ROWS[order], ["a", "b", "c"], [False, True, False])
    assert isinstance(dataset, GroundTruthDataset)
    assert dataset.full_grid
    assert dataset.factor_sizes == (2, 3, 4)
    assert dataset.periodic == (False, True, False)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


def test_grey_and_binary_images_without_factors() -> None:
    dataset = from_arrays(IMAGES[..., 0] > 128)
    assert (dataset.image_shape, dataset.maximum, len(dataset)) == ((5, 6, 1), 1, 24)
    with pytest.raises(SubmissionError, match="own has no ground-truth factors, which MIG requires"):
        require_factors(dataset, "MIG")


def incomplete() -> SampledDataset:
    """The grid without its last cell, and the first cell twice."""
    chosen = np.r_[np.arange(23), 0]
    dataset = from_arrays(np.concatenate([IMAGES[:23], IMAGES[-1:]]), ROWS[chosen])
    assert isinstance(dataset, SampledDataset)
    return dataset


def test_an_incomplete_grid_samples_what_it_has() -> None:
    dataset = incomplete()
    factors, images = dataset.sample(500, np.random.RandomState(0))
    cells = np.ravel_multi_index(tuple(factors.T), (2, 3, 4))
    assert cells.max() == 22
    zero = images[cells == 0]
    assert len(np.unique(zero.reshape(len(zero), -1), axis=0)) == 2
    for cell, image in zip(cells, images, strict=True):
        if cell:
            np.testing.assert_allclose(image, IMAGES[cell] / np.float32(255), rtol=1e-6)


def test_an_incomplete_grid_says_so() -> None:
    dataset = incomplete()
    with pytest.raises(SubmissionError, match=r"no image with the factor values \[1, 2, 3\]"):
        dataset.indices(np.array([[0, 0, 1], [1, 2, 3]]))
    assert not dataset.full_grid


def test_an_incomplete_grid_is_scored_by_what_samples_can_serve() -> None:
    """MIG is computed; the FactorVAE score, asked for by name, says why it cannot be; a preset leaves it out."""
    plan = make_plan("challenge", metrics=("mig", "factor_vae"))
    outcomes = {outcome.metric.name: outcome for outcome in evaluate(plan, [ideal(incomplete())])[0].outcomes}
    assert not outcomes["mig"].error
    assert "needs a full grid" in str(outcomes["factor_vae"].error)
    assert "factor_vae" not in [metric.name for metric, _ in make_plan("challenge").without_grid().metrics]


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_files(tmp_path: Path, suffix: str) -> None:
    arrays = {"images": IMAGES, "factors": ROWS, "periodic": np.array([True, False, False])}
    names = ["angle", "size", "shape"]
    if suffix == "npz":
        np.savez_compressed(tmp_path / "own.npz", **arrays, factor_names=np.array(names))
    else:
        with h5py.File(tmp_path / "own.h5", "w") as file:
            for name, value in arrays.items():
                file[name] = value
            file["factor_names"] = names
    for dataset in (load(f"own.{suffix}", tmp_path), load(str(tmp_path / f"own.{suffix}"))):
        assert dataset.factor_names == ("angle", "size", "shape")
        assert dataset.periodic == (True, False, False)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


@pytest.mark.parametrize(
    ("images", "factors", "message"),
    [
        (IMAGES.astype(np.float32), None, "'images' of own is 24x5x6x3 float32 — make it uint8 or bool"),
        (IMAGES[0, :, :, 0], None, "'images' of own is 5x6 uint8"),
        (IMAGES[:0], None, "'images' of own is 0x5x6x3 uint8"),
        (IMAGES, ROWS[:5], r"'factors' of own is 5x3 int64 — make it integers of shape \(24, number of factors\)"),
        (IMAGES, ROWS.astype(float), "'factors' of own is 24x3 float64"),
        (IMAGES, ROWS - 1, "'factors' of own has negative values"),
        (IMAGES, ROWS * 10**18, "'factors' of own has values up to 3000000000000000000, .* — number the classes 0, 1"),
        (IMAGES, ROWS.astype(np.uint64) * 2**62, "'factors' of own has values up to .* number the classes 0, 1"),
        (IMAGES, np.zeros((24, 65), int), "'factors' of own has 65 columns, more than 32 — leave factors out"),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray, factors: np.ndarray | None, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        from_arrays(images, factors)


def test_names_must_fit() -> None:
    with pytest.raises(SubmissionError, match="3 factors, 1 factor_names and 3 periodic marks"):
        from_arrays(IMAGES, ROWS, ["a"])


def test_a_file_without_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", pictures=IMAGES)
    with pytest.raises(SubmissionError, match="has no array 'images'"):
        load("x.npz", tmp_path)
    with pytest.raises(SubmissionError, match=r"there is no file /.*/y.npz, nor /.*/y.npz — .*--data-root"):
        load("y.npz", tmp_path)


def test_a_file_is_found_where_its_name_says_then_under_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, count in (("here", 3), ("data", 5), ("other", 7)):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "own.npz", images=IMAGES[:count])
    assert len(load("here/own.npz")) == 3
    assert len(load("own.npz")) == 5
    assert load("own.npz").name == str(tmp_path / "data" / "own.npz")
    monkeypatch.chdir(tmp_path / "here")
    assert len(load("own.npz", tmp_path / "data")) == 3
    assert len(load("/gone/own.npz", tmp_path / "other")) == 7
    assert len(load("data/own.npz", tmp_path / "other")) == 7
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SubmissionError, match=r"there is no file /gone/own\.npz — "):
        load("/gone/own.npz")


def test_a_folder_of_pictures_is_no_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("pictures", "pictures/", str(tmp_path / "pictures")):
        with pytest.raises(UsageError, match=f"^{name} is a folder, which is no data set — .*docs/data.md"):
            load(name)
