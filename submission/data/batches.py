"""A data set as batches of floats on a device, without data-loader processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.data.dataset import ImageDataset

CPU = torch.device("cpu")
PIXELS = 64 * 64
"""Of an image for which programs choose how many they take at once."""


def at_once(rows: int, height: int, width: int) -> int:
    """How many images a pass takes that takes ``rows`` of 64 × 64 pixels; fewer where they are larger, at least one.

    >>> at_once(1024, 28, 28), at_once(1024, 64, 64), at_once(1024, 256, 256)
    (1024, 1024, 64)
    """
    return max(1, min(rows, rows * PIXELS // (height * width)))


class ImageBatches:
    """Batches of a data set, as ``ImageDataset.observations`` has its images.

    On the CPU the rows of a batch are gathered by numpy and bits are unpacked per batch. On a GPU the bits or bytes of
    all images live in its memory, where that leaves half of it free, and the CPU sends only indices.

    Args:
        dataset: the images.
        device: where batches are wanted.
    """

    def __init__(self, dataset: ImageDataset, device: torch.device = CPU) -> None:
        self.dataset, self.device = dataset, device
        self._bytes = dataset.byte_valued
        self._store = self._resident()

    def __call__(self, indices: Tensor | npt.NDArray[np.integer]) -> Tensor:
        """Images (n, C, H, W), float32 in [0, 1] on the device, of the ``indices`` (n,), which are on the CPU."""
        if isinstance(indices, np.ndarray):
            indices = torch.from_numpy(indices)
        height, width, channels = self.dataset.image_shape
        pixels = self._pixels(indices).to(self.device).to(torch.float32).view(-1, height, width, channels)
        images = pixels.movedim(3, 1).contiguous()
        return images if not self._bytes or self.dataset.maximum == 1 else images.div_(self.dataset.maximum)

    def iterate(self, indices: Tensor | npt.NDArray[np.integer], size: int) -> Iterator[Tensor]:
        """Batches of at most ``size`` images, in the order of ``indices`` (n,)."""
        for start in range(0, len(indices), size):
            yield self(indices[start : start + size])

    def __repr__(self) -> str:
        """The data set and the device."""
        return f"ImageBatches({self.dataset!r}, {str(self.device)!r})"

    def _pixels(self, indices: Tensor) -> Tensor:
        """Pixels of the ``indices``, rows of n images: uint8, or float32 where the data set has its own floats."""
        if self._store is not None:
            rows = self._store[indices.pin_memory().to(self.device, non_blocking=True)]
            return rows if self.dataset.packed is None else unpacked(rows)
        if not self._bytes:
            return torch.from_numpy(self.dataset.observations(indices.numpy()))
        if self.dataset.packed is not None:
            return torch.from_numpy(np.unpackbits(self.dataset.packed[indices.numpy()], axis=1))
        return torch.from_numpy(self.dataset.images(indices.numpy()))

    def _resident(self) -> Tensor | None:
        """All images on the GPU, or None where they are fetched per batch."""
        images = self.dataset.array if self.dataset.packed is None else self.dataset.packed
        if self.device.type != "cuda" or images is None or not self._bytes:
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        return torch.tensor(images, device=self.device) if 2 * images.nbytes < free else None


def unpacked(packed: Tensor) -> Tensor:
    """Bits (n, 8·bytes) of ``packed`` (n, bytes) uint8 on any device, the highest bit first."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=packed.device)
    return ((packed[..., None] >> shifts) & 1).flatten(1)
