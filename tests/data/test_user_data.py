"""Users' own data: arrays, files, folders and torch data sets; grids and samples."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from submission.data import GroundTruthDataset, as_dataset, from_arrays, from_torch, load, require_factors
from submission.data.samples import Combinations, SampledDataset
from submission.errors import SubmissionError, UsageError
from submission.evaluation import make_plan
from submission.evaluation.representation import true_factor_baseline
from submission.evaluation.scoring import score_all

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)
FLOATS = np.random.RandomState(1).random_sample((24, 5, 6, 3)).astype(np.float32)


def grid(*arguments: Any, **options: Any) -> GroundTruthDataset:
    """A data set with factors from arrays."""
    dataset = from_arrays(*arguments, **options)
    assert isinstance(dataset, GroundTruthDataset)
    return dataset


def test_a_shuffled_full_grid_is_put_in_order() -> None:
    order = np.random.RandomState(1).permutation(24)
    dataset = grid(IMAGES[order], ROWS[order], ["a", "b", "c"], [False, True, False])
    assert dataset.full_grid
    assert dataset.factor_sizes == (2, 3, 4)
    assert dataset.periodic == (False, True, False)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


def test_grey_and_binary_images_without_factors() -> None:
    dataset = from_arrays(IMAGES[..., 0] > 128)
    assert (dataset.image_shape, dataset.maximum, len(dataset)) == ((5, 6, 1), 1, 24)
    with pytest.raises(SubmissionError, match="arrays has no ground-truth factors, which MIG requires"):
        require_factors(dataset, "MIG")


@pytest.mark.parametrize("shift", [1, -3, 2**40])
def test_classes_need_not_begin_at_zero(shift: int) -> None:
    """They are renumbered, the grid stays full, and the original values are the labels."""
    dataset = grid(IMAGES, 10 * ROWS + shift)
    assert dataset.full_grid
    assert dataset.factor_sizes == (2, 3, 4)
    assert dataset.factors_of_variation[1].labels == (shift, shift + 10, shift + 20)
    np.testing.assert_array_equal(dataset.factors(np.arange(24)), ROWS)
    np.testing.assert_array_equal(dataset.factor_values(ROWS), 10 * ROWS + shift)


def test_classes_from_zero_have_no_labels() -> None:
    assert [factor.labels for factor in grid(IMAGES, ROWS).factors_of_variation] == [(), (), ()]


def test_words_are_classes() -> None:
    words = np.array(["cube", "ball"] * 12)
    factor = grid(IMAGES, words, ["shape"]).factors_of_variation[0]
    assert (factor.size, factor.labels, factor.continuous) == (2, ("ball", "cube"), False)


@pytest.mark.parametrize(
    ("values", "size"), [([0, 90, 180, 270], 4), ([1, 2, 3, 4], 4), ([0, 1, 2, 4], 5), ([10, 20, 40, 50], 5)]
)
def test_a_cycle_keeps_its_angles(values: list[int], size: int) -> None:
    """A missing step of a cycle counts, because value k of n stands for the angle 2πk/n."""
    column = np.array(values)[np.arange(24) % 4]
    dataset = grid(IMAGES, column, periodic=[True])
    factor = dataset.factors_of_variation[0]
    assert factor.size == size
    np.testing.assert_array_equal(dataset.factor_values(dataset.factors(np.arange(24)))[:, 0], column)


def test_a_gap_in_classes_that_form_no_cycle_is_closed() -> None:
    factor = grid(IMAGES, np.array([0, 1, 2, 4])[np.arange(24) % 4]).factors_of_variation[0]
    assert (factor.size, factor.labels) == (4, (0, 1, 2, 4))


def test_real_values_are_continuous_factors() -> None:
    values = np.random.RandomState(0).normal(size=(24, 2))
    dataset = grid(IMAGES, values, ["x", "y"])
    assert dataset.continuous == (True, True)
    np.testing.assert_array_equal(dataset.factor_values(dataset.factors(np.arange(24))), values)
    classes = grid(IMAGES, ROWS.astype(float), continuous=[False, False, True])
    assert classes.continuous == (False, False, True)
    assert classes.full_grid


def test_floats_in_unit_range_keep_their_values() -> None:
    dataset = from_arrays(FLOATS)
    np.testing.assert_array_equal(dataset.observations(np.arange(24)), FLOATS)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), np.rint(FLOATS * 255).astype(np.uint8))
    assert not dataset.byte_valued


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_that_are_bytes_are_kept_as_bytes(kind: type) -> None:
    dataset = from_arrays((IMAGES > 128).astype(kind))
    assert dataset.maximum == 1
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES > 128)
    dataset = from_arrays(IMAGES / np.float32(255))
    assert dataset.byte_valued
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_is_recognised(channels: int, caplog: pytest.LogCaptureFixture) -> None:
    images = IMAGES[..., :channels]
    dataset = from_arrays(np.moveaxis(images, 3, 1))
    assert dataset.image_shape == (5, 6, channels)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), images)
    assert "read as (n, channels, height, width)" in caplog.text


@pytest.mark.parametrize("shape", [(9, 3, 8, 3), (9, 8, 8, 8), (9, 1, 1, 1), (9, 64, 64, 64)])
def test_a_shape_that_does_not_say_where_the_channels_are_is_refused(shape: tuple[int, ...]) -> None:
    images = np.zeros(shape, np.uint8)
    with pytest.raises(SubmissionError, match="does not say which axis the channels are — say so with layout="):
        from_arrays(images)
    assert from_arrays(images, layout="NHWC").image_shape == shape[1:]
    assert from_arrays(images, layout="NCHW").image_shape == (*shape[2:], shape[1])


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


def test_an_incomplete_grid_has_a_note() -> None:
    dataset = incomplete()
    with pytest.raises(SubmissionError, match=r"no image with the factor values \[1, 2, 3\]"):
        dataset.indices(np.array([[0, 0, 1], [1, 2, 3]]))
    assert not dataset.full_grid


def test_combinations_are_found_however_many_are_possible() -> None:
    """32 columns of 60 values: 60^32 combinations do not fit 64 bits."""
    rows = np.random.RandomState(0).randint(60, size=(50, 32))
    rows[7] = rows[3]
    found = Combinations.of(rows)
    start, count = found.find(rows)
    np.testing.assert_array_equal(count, [2 if k in (3, 7) else 1 for k in range(50)])
    np.testing.assert_array_equal(rows[found.order[start]], rows)
    others = rows.copy()
    others[:, 5] += 1
    others[0] = 60
    others[1] = -1
    assert not found.find(others)[1].any()


def test_an_incomplete_grid_is_scored_by_what_samples_can_serve() -> None:
    """MIG is computed; the FactorVAE score says why it cannot be, whether asked for by name or by a preset."""
    plan = make_plan("challenge", metrics=("mig", "factor_vae"))
    outcomes = {
        outcome.metric.name: outcome for outcome in score_all(plan, [true_factor_baseline(incomplete())])[0].results
    }
    assert not outcomes["mig"].error
    assert "give codes of a full grid" in str(outcomes["factor_vae"].error)
    (column,) = score_all(make_plan("fast"), [true_factor_baseline(incomplete())])
    assert "every combination of factor values" in column.result("factor_vae").unavailable


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


@pytest.mark.parametrize(
    ("images", "factors", "message"),
    [
        (IMAGES.astype(np.float32), None, r"'images' of arrays has values from 0 to 255, outside \[0, 1\] — scale"),
        (FLOATS * 2 - 1, None, r"'images' of arrays has values from -.*, outside \[0, 1\]"),
        (FLOATS * np.nan, None, "'images' of arrays has values that are not finite"),
        (IMAGES.astype(np.int64) * 2, None, "'images' of arrays is 24x5x6x3 int64 — pass uint8, bool, or floats"),
        (IMAGES.astype(complex), None, "'images' of arrays is 24x5x6x3 complex128"),
        (IMAGES[0, :, :, 0], None, "'images' of arrays is 5x6 uint8"),
        (IMAGES[:0], None, "'images' of arrays is 0x5x6x3 uint8"),
        (IMAGES, ROWS[:5], "factor 'factor 0' of arrays is 5 int64 — give one number or word for each of 24 images"),
        (IMAGES, ROWS * np.nan, "factor 'factor 0' of arrays has values that are not finite"),
        (IMAGES, ROWS.astype(complex), "factor 'factor 0' of arrays is 24 complex128"),
        (IMAGES, np.zeros((24, 65), int), "arrays has 65 factors, more than 32 — leave factors out"),
        (IMAGES, np.zeros((24, 0), int), "'factors' of arrays is 24x0 int64"),
        (IMAGES, np.zeros((24, 2, 2), int), "'factors' of arrays is 24x2x2 int64"),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray, factors: np.ndarray | None, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        from_arrays(images, factors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor_names": ["a"]}, "'factor_names' of arrays is not a list of 3 names"),
        ({"factor_names": ["a", "b", "a"]}, "two factors of arrays are called 'a'"),
        ({"factor_names": ["a", "b", ""]}, "has the name ''"),
        ({"factor_names": ["a", "b", "c\x1b[2J"]}, r"has the name 'c\\+x1b"),
        ({"factor_names": ["a", "b", "c" * 1_000_000]}, "has the name 'c{40}…'"),
        ({"factor_names": [["a"], ["b"], ["c"]]}, "is not a list of 3 names"),
        ({"periodic": ["False", "False", "False"]}, "'periodic' of arrays is .* — give True or False for each"),
        ({"periodic": [float("nan")] * 3}, "'periodic' of arrays is .* — give True or False for each"),
        ({"periodic": [True]}, "'periodic' of arrays is"),
        ({"continuous": [0, 1, 0]}, "'continuous' of arrays is"),
    ],
)
def test_names_and_marks_must_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SubmissionError, match=message) as caught:
        from_arrays(IMAGES, ROWS, **options)
    assert len(str(caught.value)) < 300


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


def pictures(folder: Path, images: np.ndarray, suffix: str = "png") -> Path:
    """Images as numbered files, 9 before 10."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"image{number}.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm"])
def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES, suffix)
    (folder / "notes.txt").write_text("not a picture")
    monkeypatch.chdir(tmp_path)
    for name in ("./pictures", "pictures/", str(folder)):
        dataset = load(name)
        assert dataset.name == str(folder)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)
    with pytest.raises(UsageError, match=r"no data set named 'pictures' — name the folder as \./pictures"):
        load("pictures")


def test_a_folder_of_grey_pictures_with_factors(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[..., 0])
    lines = [f"image{k}.png,{10 * ROWS[k, 0]},{'xyz'[ROWS[k, 1]]},{ROWS[k, 2] / 4}" for k in range(24)]
    (folder / "factors.csv").write_text("\n".join(["file,angle,shape,size", *reversed(lines)]))
    dataset = load(str(folder), periodic="angle")
    assert isinstance(dataset, GroundTruthDataset)
    assert dataset.full_grid
    assert dataset.image_shape == (5, 6, 1)
    assert dataset.periodic == (True, False, False)
    assert dataset.continuous == (False, False, True)
    assert [factor.labels for factor in dataset.factors_of_variation] == [(0, 10), tuple("xyz"), (0, 0.25, 0.5, 0.75)]
    np.testing.assert_array_equal(dataset.images(np.arange(24))[..., 0], IMAGES[..., 0])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "cannot read .*factors.csv"),
        ("name,angle\n", r"begins with name,angle — begin it with file,NAME"),
        ("file\n", "begins with file — begin it with"),
        ("file,angle\nimage0.png,1\n", "no line of 2 cells for image1.png"),
        ("file,angle\nimage0.png,1\nimage1.png,1,2\n", "no line of 2 cells for image1.png"),
        ("file,a,a\nimage0.png,1,1\nimage1.png,1,2\n", "two factors of .* are called 'a'"),
        ("file,a\nimage0.png,nan\nimage1.png,1\n", "factor 'a' of .* has values that are not finite"),
        ('file,a\n"image0.png,1\n', "cannot read .*factors.csv"),
        ("file,a\nimage0.png,\udcff\n", "cannot read .*factors.csv"),
    ],
)
def test_a_table_of_factors_that_does_not_fit(tmp_path: Path, table: str, message: str) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[:2])
    (folder / "factors.csv").write_bytes(table.encode("utf-8", "surrogateescape"))
    with pytest.raises(SubmissionError, match=message) as caught:
        load(str(folder))
    assert "\n" not in str(caught.value)


def test_pictures_of_several_sizes_or_formats_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[:2])
    Image.fromarray(IMAGES[0, :3]).save(folder / "image2.png")
    with pytest.raises(SubmissionError, match=r"image2\.png is RGB 6x3, the first picture RGB 6x5 — make all pictures"):
        load(str(folder))
    (folder / "image2.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 6\nshowpage\n")
    with pytest.raises(SubmissionError, match=r"cannot read .*image2\.png"):
        load(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SubmissionError, match="has no pictures"):
        load(str(tmp_path / "empty"))


def test_torch_data_sets() -> None:
    tensors = torch.from_numpy(FLOATS).movedim(3, 1)
    dataset = from_torch(TensorDataset(tensors, torch.from_numpy(ROWS)), ["a", "b", "c"], [True, False, False])
    assert isinstance(dataset, GroundTruthDataset)
    assert dataset.full_grid
    assert dataset.factor_names == ("a", "b", "c")
    np.testing.assert_array_equal(dataset.observations(np.arange(24)), FLOATS)
    assert not isinstance(from_torch(TensorDataset(tensors, torch.zeros(24)), with_factors=False), GroundTruthDataset)
    assert from_torch(dataset) is dataset
    image, factors = dataset[5]
    assert torch.equal(image, tensors[5])
    assert factors.tolist() == ROWS[5].tolist()


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "has no items that can be counted"),
        (["a", "b"], "an item's image is"),
        ([(IMAGES[0], 1), (IMAGES[1, :2], 1)], "item 1 of torch data set is 2x6x3, the first one 5x6x3"),
        (iter([1]), "has no items that can be counted"),
    ],
)
def test_other_torch_data_sets_are_refused(items: Any, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        from_torch(items)


def test_whatever_a_user_has_becomes_a_data_set(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=IMAGES)
    tensors = torch.from_numpy(IMAGES).movedim(3, 1)
    for data in (from_arrays(IMAGES), IMAGES, tensors, (IMAGES, ROWS), TensorDataset(tensors), tmp_path / "own.npz"):
        dataset = as_dataset(data)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)
    assert as_dataset("dsprites_small").name == "dsprites_small"
