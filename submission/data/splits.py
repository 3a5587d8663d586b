"""Splits of a data set: images held out of training, and published splits, in grey or binarised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from submission.data.dataset import Images
from submission.data.grid import Indices
from submission.data.pixels import BitPixels, BytePixels, ComputedPixels, Pixels, StoredImages, batch_generator
from submission.errors import UsageError

BINARISATIONS = ("dynamic", "static", "none")
Labels = npt.NDArray[np.int64]
Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def held_out(size: int, count: int, seed: int) -> Split:
    """Training and held-out images, indices in rising order; ``count`` of ``size`` are held out, drawn from ``seed``.

    Raises:
        UsageError: nothing would be left to train on.
    """
    if not 0 <= count < size:
        raise UsageError(f"{count} of {size} images cannot be held out", f"hold out from 0 to {size - 1}")
    order = np.random.default_rng([seed, size, count]).permutation(size)
    return np.sort(order[count:]), np.sort(order[:count])


@dataclass(eq=False, repr=False)
class SplitImages(StoredImages):
    """One split of a data set without factors of variation.

    Attributes:
        split: ``train``, ``valid`` or ``test``.
        labels: the class of each image (len,), for colouring plots.
    """

    name: str
    image_shape: tuple[int, int, int]
    maximum: int
    pixels: Pixels = field(repr=False)
    labels: Labels = field(repr=False)
    split: str = "train"
    notes: str = field(default="", repr=False)

    def __len__(self) -> int:
        """Number of images in the split."""
        return len(self.labels)


def choose(name: str, what: str, choice: str, choices: Mapping[str, object] | tuple[str, ...]) -> str:
    """``choice`` if it is one of ``choices``, else a UsageError."""
    if choice not in choices:
        raise UsageError(f"{name} has no {what} {choice!r}", f"choose {', '.join(choices)}")
    return choice


def binarised(
    name: str, split: str, grey: Images, labels: Labels, binarisation: str, seed: int, notes: str
) -> SplitImages:
    """A split of grey images (n, height, width, 1), binarised.

    A pixel of grey value g is 1 with probability g / 255. ``static`` draws every pixel once from ``seed``; ``dynamic``
    draws the training images again for every batch (see ``batch_generator``), and the held-out splits once, so that
    their scores compare; ``none`` keeps the grey values.
    """
    choose(name, "binarisation", binarisation, BINARISATIONS)
    shape: tuple[int, int, int] = grey.shape[1:]
    notes = f"{notes}, binarisation {binarisation}, seed {seed}"
    if binarisation == "none":
        return SplitImages(name, shape, 255, BytePixels(grey), labels, split, notes)
    pixels: Pixels
    if binarisation == "dynamic" and split == "train":
        pixels = ComputedPixels(DynamicBinarisation(grey, seed))
    else:
        random = np.random.RandomState([seed, sum(split.encode())])
        packed = [np.packbits(draw(block, random).reshape(len(block), -1), axis=1) for block in blocks(grey)]
        pixels = BitPixels(np.concatenate(packed), shape)
    return SplitImages(name, shape, 1, pixels, labels, split, notes)


@dataclass(frozen=True, eq=False)
class DynamicBinarisation:
    """Grey images (n, height, width, 1), drawn as zeros and ones again for every batch."""

    grey: Images
    seed: int

    def __call__(self, indices: Indices) -> Images:
        """Binary images of the ``indices``."""
        return draw(self.grey[indices], batch_generator(self.seed, indices))


def blocks(grey: Images, size: int = 4096) -> list[Images]:
    """Consecutive parts."""
    return [grey[start : start + size] for start in range(0, len(grey), size)]


def draw(grey: Images, random: np.random.RandomState) -> Images:
    """Zeros and ones: 1 with probability ``grey`` / 255."""
    return (random.randint(0, 255, grey.shape, dtype=np.uint8) < grey).astype(np.uint8)
