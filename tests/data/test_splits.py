"""MNIST, Omniglot and the silhouettes: original files, splits, polarity, binarisation."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from submission.data import load, originals
from submission.data.readers import caltech, mnist, omniglot
from submission.data.splits import binarised
from submission.errors import SubmissionError, UsageError


def images_digest(images: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()


@pytest.fixture
def small_mnist(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> tuple[Path, np.ndarray]:
    monkeypatch.setattr(mnist, "COUNTS", {"train": 60, "t10k": 10})
    splits = {
        "train": ("train", 0, 50),
        "valid": ("train", 50, 60),
        "test": ("t10k", 0, 10),
        "train+valid": ("train", 0, 60),
    }
    monkeypatch.setattr(mnist, "SPLITS", splits)
    images = noise.randint(0, 256, (70, 28, 28))
    for prefix, part in (("train", slice(0, 60)), ("t10k", slice(60, 70))):
        write.idx(tmp_path / "mnist" / f"{prefix}-images-idx3-ubyte.gz", images[part])
        write.idx(tmp_path / "mnist" / f"{prefix}-labels-idx1-ubyte.gz", np.arange(70)[part] % 10)
    return tmp_path, images


def test_mnist_splits(small_mnist: tuple[Path, np.ndarray]) -> None:
    root, images = small_mnist
    for split, part in {"train": slice(0, 50), "valid": slice(50, 60), "test": slice(60, 70)}.items():
        dataset = load("mnist", root, split=split, binarisation="none")
        np.testing.assert_array_equal(dataset.images(np.arange(len(dataset)))[..., 0], images[part])
        np.testing.assert_array_equal(dataset.labels, np.arange(70)[part] % 10)
    assert len(load("mnist_grey", root)) == 60
    with pytest.raises(UsageError, match="mnist has no split 'dev'"):
        load("mnist", root, split="dev")


def test_mnist_files_of_another_size_or_cut_short_are_refused(
    small_mnist: tuple[Path, np.ndarray], write: SimpleNamespace
) -> None:
    root, _ = small_mnist
    path = root / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SubmissionError, match="train-images-idx3-ubyte"):
        load("mnist", root)
    write.idx(path, np.zeros((61, 28, 28)))
    with pytest.raises(SubmissionError, match="is not an idx file of 60x28x28 bytes"):
        load("mnist", root)
    path.unlink()
    with pytest.raises(SubmissionError, match=r"neither .* exists"):
        load("mnist", root)


def test_the_real_mnist(shared_data: Path) -> None:
    """Counts, and the mean grey value that every tutorial quotes: 0.1307."""
    train = load("mnist_grey", shared_data)
    assert len(train) == 60_000
    assert train.array is not None
    assert train.array.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    test = load("mnist", shared_data, split="test")
    np.testing.assert_array_equal(test.labels[:5], [7, 2, 1, 0, 4])


GREY = np.full((3000, 4, 4, 1), 51, np.uint8)
GREY[:, 0] = 0
GREY[:, 1] = 255


def split_of(split: str, binarisation: str, seed: int = 0) -> np.ndarray:
    return binarised("x", split, GREY, np.zeros(3000, np.int64), binarisation, seed, "").images(np.arange(3000))


@pytest.mark.parametrize("binarisation", ["static", "dynamic"])
def test_a_pixel_is_one_as_often_as_it_is_bright(binarisation: str) -> None:
    images = split_of("train", binarisation)
    assert set(np.unique(images)) == {0, 1}
    assert images[:, 0].max() == 0
    assert images[:, 1].min() == 1
    share, count = images[:, 2:].mean(), images[:, 2:].size
    assert abs(share - 0.2) < 5 * np.sqrt(0.2 * 0.8 / count)


def test_static_is_drawn_once_dynamic_in_every_batch_and_both_from_the_seed() -> None:
    dynamic = binarised("x", "train", GREY, np.zeros(3000, np.int64), "dynamic", 0, "")
    first, other_company = dynamic.images(np.array([5, 6])), dynamic.images(np.array([5, 7]))
    assert (first[0] != other_company[0]).any()
    np.testing.assert_array_equal(first, dynamic.images(np.array([5, 6])))
    assert dynamic.packed is None
    np.testing.assert_array_equal(split_of("train", "static"), split_of("train", "static"))
    assert (split_of("train", "static") != split_of("train", "static", seed=1)).any()
    assert (split_of("train", "dynamic") != split_of("train", "dynamic", seed=1)).any()
    assert (split_of("train", "static") != split_of("test", "static")).any()
    held_out = binarised("x", "test", GREY, np.zeros(3000, np.int64), "dynamic", 0, "")
    np.testing.assert_array_equal(held_out.images(np.array([5, 6]))[0], held_out.images(np.array([5, 7]))[0])


def write_silhouettes(root: Path, images: dict[str, np.ndarray]) -> Path:
    path = root / originals.CALTECH_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {"classnames": np.array(["a", "b"], dtype=object)}
    for key, value in images.items():
        arrays[f"{key}_data"] = (1 - value).transpose(0, 2, 1).reshape(len(value), 784).astype(np.uint8)
        arrays[f"{key}_labels"] = np.ones((len(value), 1), np.uint8)
    savemat(path, arrays, do_compression=True)
    return path


def test_silhouettes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState) -> None:
    monkeypatch.setattr(caltech, "SPLITS", {"train": 4, "valid": 3, "test": 2})
    images = {key: noise.randint(0, 2, (count, 28, 28)) for key, count in (("train", 4), ("val", 3), ("test", 2))}
    path = write_silhouettes(tmp_path, images)
    valid = load("caltech101", tmp_path, split="valid")
    np.testing.assert_array_equal(valid.images(np.arange(3))[..., 0], images["val"])
    inverted = load("caltech101", tmp_path, split="valid", inverted=True)
    np.testing.assert_array_equal(inverted.images(np.arange(3))[..., 0], 1 - images["val"])
    savemat(path, {"train_data": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(SubmissionError, match=r"'train_data' of .* is .*, not"):
        load("caltech101", tmp_path)


def test_the_real_silhouettes_are_objects_of_ones(shared_data: Path) -> None:
    """Objects are in the middle: with object = 1 the centre is brighter than the corners, and rows are rows."""
    sizes = []
    for split in ("train", "valid", "test"):
        dataset = load("caltech101", shared_data, split=split)
        sizes.append(len(dataset))
        mean = dataset.images(np.arange(len(dataset))).mean(axis=0)[..., 0]
        assert mean[10:18, 10:18].mean() > 0.8
        assert mean[[0, 0, -1, -1], [0, -1, 0, -1]].mean() < 0.35
        assert mean[14, [0, -1]].mean() > 2 * mean[[0, -1], [0, 0]].mean()
    assert sizes == [4100, 2264, 2307]


@pytest.fixture
def small_omniglot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> tuple[Path, np.ndarray]:
    monkeypatch.setattr(omniglot, "PARTS", {"images_background": 2, "images_evaluation": 1})
    for key, value in {"TRAIN": 40, "TEST": 15, "VALID": 8}.items():
        monkeypatch.setattr(omniglot, key, value)
    ink = noise.random_sample((60, 105, 105)) < 0.1
    (tmp_path / "omniglot").mkdir()
    return tmp_path, ink


def write_omniglot(root: Path, ink: np.ndarray, form: str) -> None:
    start = 0
    for name, count in omniglot.PARTS.items():
        part = ~ink[start : start + count * 20]
        start += count * 20
        if form == "npz":
            np.savez_compressed(root / "omniglot" / f"{name}.npz", images=part.reshape(count, 20, 105, 105))
            continue
        with zipfile.ZipFile(root / "omniglot" / f"{name}.zip", "w") as archive:
            for number, image in enumerate(part):
                buffer = io.BytesIO()
                Image.fromarray(image).save(buffer, "PNG")
                archive.writestr(f"{name}/Alphabet/character{number // 20:02}/{number:04}.png", buffer.getvalue())


def test_omniglot_is_the_same_from_either_archive(small_omniglot: tuple[Path, np.ndarray]) -> None:
    root, ink = small_omniglot
    seen = {}
    for form in ("zip", "npz"):
        write_omniglot(root, ink, form)
        parts = {
            split: load("omniglot", root, split=split, binarisation="none") for split in ("train", "valid", "test")
        }
        assert [len(part) for part in parts.values()] == [32, 8, 15]
        seen[form] = [images_digest(part.images(np.arange(len(part)))) for part in parts.values()]
    assert seen["zip"] == seen["npz"]


def test_the_box_filter_keeps_the_ink(small_omniglot: tuple[Path, np.ndarray]) -> None:
    """The mean is preserved, and on a picture made of 28 x 28 equal boxes nothing is lost."""
    _, ink = small_omniglot
    assert omniglot.reduce(ink).mean() / 255 == pytest.approx(ink.mean(), abs=1e-3)
    small = np.random.RandomState(0).randint(0, 2, (3, 7, 7)).astype(bool)
    wide = small.repeat(15, axis=1).repeat(15, axis=2)
    np.testing.assert_array_equal(omniglot.reduce(wide)[..., 0] == 255, small.repeat(4, axis=1).repeat(4, axis=2))


def test_burdas_file_wins(small_omniglot: tuple[Path, np.ndarray], noise: np.random.RandomState) -> None:
    root, ink = small_omniglot
    write_omniglot(root, ink, "npz")
    images = noise.randint(0, 256, (55, 28, 28))
    flat = images.transpose(0, 2, 1).reshape(55, 784).T / 255.0
    target = np.eye(5)[:, np.arange(55) % 5]
    arrays = {"data": flat[:, :40], "target": target[:, :40], "testdata": flat[:, 40:], "testtarget": target[:, 40:]}
    savemat(root / "omniglot" / "chardata.mat", arrays)
    test = load("omniglot", root, split="test", binarisation="none")
    np.testing.assert_array_equal(test.images(np.arange(15))[..., 0], images[40:])
    np.testing.assert_array_equal(test.labels, np.arange(40, 55) % 5)


def test_the_real_omniglot(shared_data: Path) -> None:
    """All 32,460 drawings are read; ink covers 8.05 % of the paper."""
    train = load("omniglot", shared_data, split="train+valid", binarisation="none")
    assert len(train) == 24_345
    assert train.array is not None
    assert train.array.mean() / 255 == pytest.approx(0.0805, abs=5e-4)
