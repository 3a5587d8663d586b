"""Data sets of torch, and whatever else becomes a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from submission.data import GroundTruthDataset, as_dataset, from_arrays, from_torch
from submission.errors import SubmissionError

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)
FLOATS = np.random.RandomState(1).random_sample((24, 5, 6, 3)).astype(np.float32)


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
        ([], "has no length"),
        (["a", "b"], "an item's image is"),
        ([(IMAGES[0], 1), (IMAGES[1, :2], 1)], "item 1 of torch data set is 2x6x3 uint8, the first one 5x6x3"),
        ([FLOATS[0], IMAGES[1]], "item 1 of torch data set is 5x6x3 uint8, the first one 5x6x3 float32"),
        (iter([1]), "has no length"),
        ([(IMAGES[0], 1), (IMAGES[1], None)], "item 1 of torch data set has no factor values like those of the first"),
        ([(IMAGES[0], (1, 2)), (IMAGES[1], (1,))], "item 1 of torch data set has no factor values like those"),
    ],
)
def test_other_torch_data_sets_are_refused(items: Any, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        from_torch(items)


@pytest.mark.parametrize("data", [(IMAGES, ROWS, ROWS), {"images": IMAGES}, (IMAGES.reshape(24, -1), ROWS)])
def test_other_collections_are_refused(data: Any) -> None:
    with pytest.raises(SubmissionError, match=r"a (tuple|dict) of \d parts is no data set — pass images, or a pair"):
        as_dataset(data)


def test_whatever_a_user_has_becomes_a_data_set(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=IMAGES)
    tensors = torch.from_numpy(IMAGES).movedim(3, 1)
    for data in (from_arrays(IMAGES), IMAGES, tensors, (IMAGES, ROWS), TensorDataset(tensors), tmp_path / "own.npz"):
        dataset = as_dataset(data)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)
    assert as_dataset("dsprites_small").name == "dsprites_small"
