"""3D Shapes (Kim and Mnih 2018): one object in a room of coloured walls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from submission.data.grid import Factor, factors
from submission.data.originals import SHAPES3D_FILE
from submission.data.pixels import GridDataset
from submission.data.readers import hdf5
from submission.data.reading import again, errors_named
from submission.data.store import FilePixels, converted, image_store, open_npy
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

LITERAL_FILE = "3dshapes/look-at-object-room_floor-hueXwall-hueXobj-hueXobj-sizeXobj-shapeXview-azi.npz"
NAMES = "floor color, wall color, object color, object size, object type, azimuth"
SIZES = (10, 10, 10, 8, 4, 15)
COUNT = 480_000
BLOCK = 500
FIX = again("shapes3d")


def shapes3d(name: str, root: Path, literal: bool = False, progress: Progress = QUIET) -> GridDataset:
    """3D Shapes from the published HDF5 file, converted once to an uncompressed copy (5.9 GB).

    ``literal`` reads the .npz that disentanglement_lib names, which was never published: for users who made that file.
    """
    path = root / (LITERAL_FILE if literal else SHAPES3D_FILE)
    pixels = literal_store(path, progress) if literal else hdf5_store(path, progress)
    return GridDataset(name, shapes3d_factors(), (64, 64, 3), 255, f"read from {path}", pixels=pixels)


def shapes3d_factors() -> tuple[Factor, ...]:
    """The factors; hues are ten steps of a full circle, the azimuth only swings from -30 to 30 degrees."""
    return factors(NAMES, SIZES, periodic="floor color, wall color, object color")


def hdf5_store(path: Path, progress: Progress) -> FilePixels:
    """The images of the HDF5 file."""
    check_hdf5(path)
    return open_npy(converted(path, (COUNT, 64, 64, 3), lambda: blocks(path), progress))[1]


def literal_store(path: Path, progress: Progress) -> FilePixels:
    """The images of disentanglement_lib's .npz, an array over the six factors."""
    return image_store(path, (*SIZES, 64, 64, 3), progress)[1]


def check_hdf5(path: Path) -> None:
    """Refuse a file whose arrays have other shapes, or whose labels are not in row-major order of the factors."""
    hdf5.require_sound(path, ["labels"], FIX)
    with hdf5.open_file(path, FIX) as file:
        hdf5.require(path, file, "images", (COUNT, 64, 64, 3), "uint8", FIX)
        stored = hdf5.require(path, file, "labels", (COUNT, len(SIZES)), "float64", FIX)
        with errors_named(path, FIX, "labels"):
            labels = stored[:]
    ranks = np.stack([np.unique(column, return_inverse=True)[1] for column in labels.T], axis=1)
    if not np.array_equal(ranks, np.stack(np.unravel_index(np.arange(COUNT), SIZES), axis=1)):
        raise SubmissionError(f"the labels of {path} are not in row-major order of the six factors", FIX)


def blocks(path: Path) -> Iterator[bytes]:
    """The images' bytes, block by block."""
    return hdf5.streamed(path, "images", (COUNT, 64, 64, 3), BLOCK, FIX)
