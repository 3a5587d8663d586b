"""MNIST (LeCun, Cortes, Burges 1998) from the original idx files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.originals import MNIST_FOLDER
from submission.data.reading import again, read_gzipped
from submission.data.splits import SplitImages, binarised, choose
from submission.errors import SubmissionError

SPLITS = {  # file prefix and the range of its images, as in Larochelle and Murray 2011 and Burda et al. 2016
    "train": ("train", 0, 50_000),
    "valid": ("train", 50_000, 60_000),
    "test": ("t10k", 0, 10_000),
    "train+valid": ("train", 0, 60_000),
}
COUNTS = {"train": 60_000, "t10k": 10_000}
FIX = again("mnist")


def mnist(name: str, root: Path, split: str = "train", binarisation: str = "dynamic", seed: int = 0) -> SplitImages:
    """MNIST at 28x28: 50,000 training, 10,000 validation and 10,000 test digits (or ``train+valid`` together).

    The fixed binarisation of Larochelle and Murray is a separate file that cannot be computed from this one;
    ``static`` is drawn in the same way, from ``seed``.
    """
    prefix, start, stop = SPLITS[choose(name, "split", split, SPLITS)]
    folder = root / MNIST_FOLDER
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte", (COUNTS[prefix], 28, 28))[start:stop, ..., None]
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte", (COUNTS[prefix],))[start:stop].astype(np.int64)
    role = "train" if split == "train+valid" else split
    return binarised(name, role, images, labels, binarisation, seed, f"read from {folder}")


def grey(name: str, root: Path, split: str = "train+valid") -> SplitImages:
    """MNIST in grey, not binarised, as in Pérez Rey et al. (2020): 60,000 training and 10,000 test digits."""
    return mnist(name, root, split, binarisation="none")


def read_idx(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """An idx file of unsigned bytes, plain or with ``.gz``, that must have ``shape``."""
    size, start = int(np.prod(shape)), 4 + 4 * len(shape)
    raw = read_gzipped(path, start + size, FIX)
    if len(raw) != start + size or raw[:start] != struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape):
        raise SubmissionError(f"{path} is not an idx file of {'x'.join(map(str, shape))} bytes", FIX)
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
