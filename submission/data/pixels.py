"""How images are stored: bit-packed, in an array (or memory map), as floats, or computed on request."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset, ImageDataset, Images
from submission.data.grid import Indices

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Pixels(Protocol):
    """A store of equally large images."""

    @property
    def packed(self) -> Bytes | None:
        """All images one bit a pixel (n, height * width / 8), or None."""

    @property
    def array(self) -> Images | None:
        """All images (n, height, width, channels), or None."""

    @property
    def floats(self) -> Floats | None:
        """All images (n, height, width, channels) in [0, 1], where bytes cannot represent them; else None."""

    def images(self, indices: Indices) -> Images:
        """Images (len(indices), height, width, channels)."""


@dataclass(frozen=True, eq=False)
class BitPixels:
    """Binary images kept one bit a pixel: ``packed`` (n, height * width / 8)."""

    packed: Bytes
    image_shape: tuple[int, int, int]
    array: None = None
    floats: None = None

    def images(self, indices: Indices) -> Images:
        """Images (n, height, width, 1) of zeros and ones."""
        return np.unpackbits(self.packed[indices], axis=1).reshape(-1, *self.image_shape)


@dataclass(frozen=True, eq=False)
class BytePixels:
    """Images kept in an array or memory map (n, height, width, channels) of uint8."""

    array: Images
    packed: None = None
    floats: None = None

    def images(self, indices: Indices) -> Images:
        """The rows asked for, copied."""
        return self.array[indices]


@dataclass(frozen=True, eq=False)
class FloatPixels:
    """Images kept as floats (n, height, width, channels) in [0, 1]; as bytes they are rounded to 1/255."""

    floats: Floats
    packed: None = None
    array: None = None

    def images(self, indices: Indices) -> Images:
        """The rows asked for, rounded."""
        return np.rint(self.floats[indices] * 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class ComputedPixels:
    """Images computed when asked for, by ``images(indices)``."""

    images: Callable[[Indices], Images]
    packed: None = None
    array: None = None
    floats: None = None


class StoredImages(ImageDataset):
    """Images that are kept in ``pixels``; must come first among the bases of a class."""

    pixels: Pixels

    def images(self, indices: Indices) -> Images:
        """Images (n, height, width, channels) of the ``indices`` (n,)."""
        return self.pixels.images(np.asarray(indices))

    def observations(self, indices: Indices) -> Floats:
        """Float images (n, height, width, channels) in [0, 1] of the ``indices`` (n,)."""
        floats = self.pixels.floats
        return super().observations(indices) if floats is None else floats[np.asarray(indices)]

    @property
    def byte_valued(self) -> bool:
        """Whether ``observations`` are ``images`` divided by ``maximum``."""
        return type(self).observations is StoredImages.observations and self.pixels.floats is None

    @property
    def packed(self) -> Bytes | None:
        """All images one bit a pixel, or None."""
        return self.pixels.packed

    @property
    def array(self) -> Images | None:
        """All images as an array or memory map, or None."""
        return self.pixels.array


@dataclass(eq=False, repr=False, kw_only=True)
class GridDataset(StoredImages, GroundTruthDataset):
    """A full grid of factors whose images are kept in ``pixels``, in grid order."""

    pixels: Pixels


def batch_generator(seed: int, indices: Indices) -> np.random.RandomState:
    """The generator of one batch's random parts: a function of ``seed`` and of the batch's indices in their order.

    Shuffled batches never repeat, so every access draws again; yet nothing depends on earlier requests, so a
    resumed or repeated run sees the same images.
    """
    checksum = zlib.crc32(np.ascontiguousarray(indices, dtype=np.int64).tobytes())
    return np.random.RandomState([seed, checksum])
