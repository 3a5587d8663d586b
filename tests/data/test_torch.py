"""Data sets as torch data sets: items, data loaders with workers, and what they are called."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from submission.data import GroundTruthDataset, ImageDataset, from_arrays, load, originals
from submission.data.readers import mpi3d
from submission.data.splits import binarised

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)
GREY = np.random.RandomState(1).randint(0, 256, (24, 5, 6, 1)).astype(np.uint8)
LABELS = np.arange(24) % 10


def test_an_item_is_an_image_and_its_factors() -> None:
    dataset = from_arrays(IMAGES, ROWS)
    assert isinstance(dataset, Dataset)
    for index in (0, 7, -1, np.int64(3), torch.tensor(4)):
        image, factors = dataset[index]
        assert (image.dtype, tuple(image.shape), factors.dtype) == (torch.float32, (3, 5, 6), torch.int64)
        np.testing.assert_array_equal(image.movedim(0, 2), IMAGES[int(index)] / np.float32(255))
        np.testing.assert_array_equal(factors, ROWS[int(index)])
    for index in (24, -25):
        with pytest.raises(IndexError, match="arrays has 24 images"):
            dataset[index]
    assert len(list(dataset)) == 24


def test_without_factors_an_item_is_the_image() -> None:
    image = from_arrays(GREY > 128)[5]
    np.testing.assert_array_equal(image[0], GREY[5, ..., 0] > 128)


def test_torchs_own_data_sets_take_them() -> None:
    dataset = from_arrays(IMAGES, ROWS)
    both = ConcatDataset([Subset(dataset, [3, 1]), dataset])
    assert torch.equal(both[1][0], dataset[1][0])
    assert len(both) == 26


def file_set(root: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> ImageDataset:
    """Images that stay in a file."""
    monkeypatch.setattr(mpi3d, "SIZES", {24: (2, 1, 2, 1, 1, 3, 2)})
    images = np.random.RandomState(2).randint(0, 256, (24, 64, 64, 3)).astype(np.uint8)
    write.images_npz(root / originals.MPI3D_FILES["mpi3d_toy"], images, False)
    return load("mpi3d_toy", root)


@pytest.mark.parametrize("kind", ["bytes", "floats", "samples", "file", "dynamic", "bits"])
def test_a_loader_with_workers_gives_the_same_items(
    kind: str, tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data sets reach other processes by forking and, where processes are spawned, by pickling."""
    floats = np.random.RandomState(3).random_sample((24, 5, 6, 1)).astype(np.float32)
    dataset = {
        "bytes": lambda: from_arrays(IMAGES, ROWS),
        "floats": lambda: from_arrays(floats, ROWS),
        "samples": lambda: from_arrays(IMAGES, ROWS // 2),
        "file": lambda: file_set(tmp_path, write, monkeypatch),
        "dynamic": lambda: binarised("digits", "train", GREY, LABELS, "dynamic", 0, ""),
        "bits": lambda: load("sprites_torus", orientations=3, positions=2),
    }[kind]()
    order = np.random.RandomState(0).permutation(len(dataset))
    batches = np.array_split(order, 3)
    copied = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(copied.observations(order[:3]), dataset.observations(order[:3]))
    sampler = [batch.tolist() for batch in batches]
    loader = DataLoader(dataset, batch_sampler=sampler, num_workers=2, multiprocessing_context="fork")
    for batch, indices in zip(loader, batches, strict=True):
        images = batch[0] if isinstance(dataset, GroundTruthDataset) else batch
        expected = torch.from_numpy(dataset.observations(indices)).movedim(3, 1)
        assert torch.equal(images, expected)
        if isinstance(dataset, GroundTruthDataset):
            np.testing.assert_array_equal(batch[1], dataset.factors(indices))


def test_a_loader_draws_random_parts_for_every_batch() -> None:
    """An image is drawn differently in different batches, and the same again in the same batch."""
    dataset = binarised("digits", "train", GREY, LABELS, "dynamic", 0, "")
    first, second = (torch.stack(dataset.__getitems__(batch))[0] for batch in ([0, 1, 2], [0, 5, 9]))
    assert not torch.equal(first, second)
    assert torch.equal(first, torch.stack(dataset.__getitems__([0, 1, 2]))[0])


def test_what_they_are_called() -> None:
    """A line that says what it is, and never an array."""
    dataset = from_arrays(IMAGES, 1.5 * ROWS, ["a", "b", "c"], [True, False, False])
    assert repr(dataset) == (
        "GridDataset('arrays', 24 images 5x6x3, "
        "factors: a (2, periodic, continuous), b (3, continuous), c (4, continuous))"
    )
    assert repr(from_arrays(GREY > 128)) == "PlainImages('arrays', 24 binary images 5x6x1)"
    assert repr(load("sprites_torus", orientations=3, positions=2)) == (
        "GridDataset('sprites_torus', 12 binary images 64x64x1, "
        "factors: orientation (3, periodic), posX (2, periodic), posY (2, periodic))"
    )


@pytest.mark.parametrize("name", ["dsprites_small", "dummy_data", "torus_pictures"])
def test_no_name_dumps_arrays(name: str) -> None:
    assert len(repr(load(name))) < 400
    assert "array(" not in repr(load(name))
