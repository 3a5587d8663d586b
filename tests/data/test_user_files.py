"""Users' own .npz and .h5 files: their arrays, their names and marks, and where they are looked for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from submission.data import GroundTruthDataset, load
from submission.errors import SubmissionError

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)


def save(path: Path, **arrays: Any) -> Path:
    """Arrays in an .npz or .h5 file."""
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, value in arrays.items():
                file[name] = value.tolist() if np.asarray(value).dtype.kind == "U" else value
    return path


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_files(tmp_path: Path, suffix: str) -> None:
    names = np.array(["angle", "size", "shape"])
    marks = {"periodic": np.array([True, False, False]), "continuous": np.array([False, True, False])}
    save(tmp_path / f"own.{suffix}", images=np.moveaxis(IMAGES, 3, 1), factors=ROWS, factor_names=names, **marks)
    for dataset in (load(f"own.{suffix}", tmp_path), load(str(tmp_path / f"own.{suffix}"))):
        assert isinstance(dataset, GroundTruthDataset)
        assert dataset.factor_names == ("angle", "size", "shape")
        assert dataset.periodic == (True, False, False)
        assert dataset.continuous == (False, True, False)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_a_file_may_say_its_layout(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"own.{suffix}", images=np.zeros((9, 3, 8, 3), np.uint8), layout=np.array("NCHW"))
    assert load(str(path)).image_shape == (8, 3, 3)


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_arrays_that_are_not_used_are_named(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    """A user who calls the factors labels, targets or y learns it."""
    path = save(tmp_path / f"own.{suffix}", images=IMAGES, labels=ROWS, y=ROWS[:, 0])
    with caplog.at_level(logging.WARNING, "submission"):
        load(str(path))
    assert "not used: labels, y; factors of variation are read from 'factors' (n, K)" in caplog.text


@pytest.mark.parametrize("suffix", ["npz", "h5"])
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"periodic": np.array(["False"] * 3)}, "'periodic' of .* — make it one True or False for each factor"),
        ({"periodic": np.array([np.nan] * 3)}, "'periodic' of .* — make it one True or False for each factor"),
        ({"periodic": np.zeros((3, 1), bool)}, "'periodic' of .* is 3x1 bool"),
        ({"factor_names": np.array([["a", "b", "c"]])}, "'factor_names' of .* is 1x3 .* — make it a list of texts"),
        ({"factor_names": np.arange(3)}, "'factor_names' of .* is 3 int64"),
        ({"factor_names": np.array(["a", "b", "c" * 1_000_000])}, "'factor_names' of .*|has the name"),
        ({"layout": np.array("sideways")}, "'layout' of .* is 'sideways' — choose NHWC or NCHW"),
        ({"layout": np.array([1.0])}, "'layout' of .* — make it a list of texts"),
    ],
)
def test_marks_in_files_must_fit(tmp_path: Path, suffix: str, arrays: dict[str, Any], message: str) -> None:
    path = save(tmp_path / f"own.{suffix}", images=IMAGES, factors=ROWS, **arrays)
    with pytest.raises(SubmissionError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_file_without_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", pictures=IMAGES)
    with pytest.raises(SubmissionError, match=r"has no array 'images' \(it has pictures\)"):
        load("x.npz", tmp_path)
    with pytest.raises(SubmissionError, match=r"there is no file /.*/y.npz, nor /.*/y.npz — .*--data-root"):
        load("y.npz", tmp_path)


def test_a_file_is_found_by_its_path_then_under_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
