"""SmallNORB (LeCun, Huang, Bottou 2004): toys of five categories, left camera, reduced to 64x64."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from submission.data.grid import Factor, Indices, factors
from submission.data.originals import SMALLNORB_CHUNKS, SMALLNORB_FOLDER
from submission.data.pixels import BytePixels
from submission.data.reading import again, read_gzipped
from submission.data.unobserved import UnobservedFactorDataset
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

ALL_SIZES = (5, 10, 9, 18, 6)  # category, instance, elevation, azimuth, lighting
OBSERVED = (0, 2, 3, 4)
TYPES = {0x1E3D4C55: "|u1", 0x1E3D4C54: "<i4"}
FIX = again("smallnorb")


@dataclass(eq=False, repr=False, kw_only=True)
class LiteralSmallNORB(UnobservedFactorDataset):
    """The values as disentanglement_lib has them (``floats``), which leave [0, 1]."""

    floats: npt.NDArray[np.float32]

    def observations(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Float images, not clipped to [0, 1]."""
        return self.floats[indices]


def smallnorb(name: str, root: Path, literal: bool = False, progress: Progress = QUIET) -> UnobservedFactorDataset:
    """SmallNORB; the instance (10 in each category) is a hidden factor.

    disentanglement_lib reduces the pictures in 32-bit integers without clipping, so that sharp edges have values
    outside [0, 1]; ``literal`` gives exactly those floats.
    """
    pixels, labels = read_chunks(root / SMALLNORB_FOLDER)
    order = np.ravel_multi_index(tuple(labels.T), ALL_SIZES)
    if len(np.unique(order)) != np.prod(ALL_SIZES):
        raise SubmissionError(f"the labels in {root / SMALLNORB_FOLDER} do not cover the grid of factors once", FIX)
    arrange = np.argsort(order)
    common = (name, smallnorb_factors(), (64, 64, 1), 255, f"read from {root / SMALLNORB_FOLDER}")
    if not literal:
        store = BytePixels(reduce(pixels, np.dtype(np.uint8), progress).view(np.uint8)[arrange, ..., None])
        return UnobservedFactorDataset(*common, pixels=store, all_sizes=ALL_SIZES, observed=OBSERVED)
    unclipped = reduce(pixels.view(np.int8), np.dtype(np.int32), progress)[arrange, ..., None]
    store = BytePixels(np.clip(unclipped, 0, 255).astype(np.uint8))
    floats = (unclipped / 255.0).astype(np.float32)
    return LiteralSmallNORB(*common, pixels=store, all_sizes=ALL_SIZES, observed=OBSERVED, floats=floats)


def smallnorb_factors() -> tuple[Factor, ...]:
    """The observed factors; the 18 azimuths are one full turn."""
    return factors("category, elevation, azimuth, lighting condition", (5, 9, 18, 6), periodic="azimuth")


def read_chunks(folder: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Left images (48600, 96, 96) and labels (48600, 5) of both chunks."""
    images, labels = [], []
    for chunk in SMALLNORB_CHUNKS:
        images.append(read_matrix(folder / f"{chunk}-dat.mat", (24_300, 2, 96, 96), "|u1")[:, 0])
        category = read_matrix(folder / f"{chunk}-cat.mat", (24_300,), "<i4")
        labels.append(np.column_stack([category, read_matrix(folder / f"{chunk}-info.mat", (24_300, 4), "<i4")]))
    every = np.concatenate(labels)
    every[:, 3] //= 2  # azimuths are recorded as 0, 2, ..., 34
    if (every < 0).any() or (every >= ALL_SIZES).any():
        raise SubmissionError(f"labels in {folder} are out of range", FIX)
    return np.concatenate(images), every


def read_matrix(path: Path, shape: tuple[int, ...], dtype: str) -> npt.NDArray[np.generic]:
    """A NORB binary matrix, plain or gzip-compressed (``.gz``): magic number, dimensions, then the values."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    start = 8 + 4 * max(3, len(shape))
    raw = read_gzipped(path, start + size, FIX)
    magic, rank = struct.unpack_from("<II", raw) if len(raw) >= start else (0, 0)
    found = struct.unpack_from(f"<{rank}I", raw, 8) if rank == len(shape) else ()
    if TYPES.get(magic) != dtype or found != shape or len(raw) != start + size:
        raise SubmissionError(f"{path} is not a NORB matrix {shape} of {np.dtype(dtype)}", FIX)
    return np.frombuffer(raw, dtype, offset=start).reshape(shape)


def reduce(images: npt.NDArray[np.integer], dtype: np.dtype, progress: Progress) -> npt.NDArray[np.integer]:
    """Lanczos reduction of (n, 96, 96) to (n, 64, 64): clipped for uint8; Pillow takes int8 for unclipped integers."""
    small = np.empty((len(images), 64, 64), dtype=dtype)
    with progress.task("reduce SmallNORB", len(images)) as task:
        for row, image in zip(small, images, strict=True):
            row[:] = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.LANCZOS))
            task.advance()
    return small
