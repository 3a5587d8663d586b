"""Batches are the data set's own pictures, however it keeps them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from submission.data import ImageDataset
from submission.data.batches import ImageBatches, unpacked
from submission.data.dataset import Images, Indices
from submission.training.start import fingerprint


class Pictures(ImageDataset):
    """Random pictures kept packed, as an array, or made on demand."""

    name = "pictures"

    def __init__(self, kept: str, channels: int, maximum: int) -> None:
        self.image_shape, self.maximum, self.kept = (6, 8, channels), maximum, kept
        self.pixels = np.random.default_rng(0).integers(0, maximum + 1, (20, *self.image_shape), dtype=np.uint8)

    def __len__(self) -> int:
        """20."""
        return 20

    def images(self, indices: Indices) -> Images:
        """Pictures (n, 6, 8, channels)."""
        return self.pixels[indices]

    @property
    def packed(self) -> np.ndarray | None:
        """Bits."""
        return np.packbits(self.pixels.reshape(20, -1), axis=1) if self.kept == "packed" else None

    @property
    def array(self) -> np.ndarray | None:
        """Bytes."""
        return self.pixels if self.kept == "array" else None


@pytest.mark.parametrize(
    ("kept", "channels", "maximum"), [("packed", 1, 1), ("array", 1, 1), ("array", 3, 255), ("made", 3, 255)]
)
def test_batches_are_the_observations_channels_first(kept: str, channels: int, maximum: int) -> None:
    data = Pictures(kept, channels, maximum)
    indices = torch.tensor([3, 19, 0, 3])
    batch = ImageBatches(data, torch.device("cpu"))(indices)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous()
    np.testing.assert_array_equal(batch.movedim(1, 3).numpy(), data.observations(indices.numpy()))


def test_bits_unpack_as_numpy_does() -> None:
    packed = np.arange(256, dtype=np.uint8).reshape(32, 8)
    np.testing.assert_array_equal(unpacked(torch.from_numpy(packed)).numpy(), np.unpackbits(packed, axis=1))


def test_the_fingerprint_sees_a_changed_picture() -> None:
    data = Pictures("array", 1, 255)
    before = fingerprint(data)
    assert fingerprint(Pictures("array", 1, 255)) == before
    data.pixels[7, 2, 3] ^= 1
    changed = fingerprint(data)
    assert {key for key in before if before[key] != changed[key]} == {"data.checksum"}
