"""dSprites (Matthey, Higgins, Hassabis, Lerchner 2017): the original file, or the same grid rendered on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.dataset import Factor
from submission.data.hidden import HiddenFactorDataset
from submission.data.made import dsprites
from submission.data.pixels import BitPixels, GridDataset, factors
from submission.data.readers import npz
from submission.data.readers.backgrounds import (
    Draw,
    RandomBackground,
    ScreamPixels,
    color_pixels,
    noisy_pixels,
    read_picture,
)
from submission.errors import SubmissionError

FILE = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
NAMES = "shape, scale, orientation, posX, posY"
SHAPE = (64, 64, 1)
SCREAM = "scream/scream.jpg"
BLOCK = 256  # images: a megabyte, which stays in the cache


def full(name: str, root: Path) -> GridDataset:
    """dSprites, 737,280 binary images: from the file under ``root`` if it is there, otherwise rendered (2 s)."""
    packed, notes = packed_images(root)
    return grid(name, packed, dsprites.SIZES, notes)


def noshape(name: str, root: Path) -> HiddenFactorDataset:
    """dSprites with the shape as a hidden factor."""
    packed, notes = packed_images(root)
    observed = dsprites_factors(dsprites.SIZES)[1:]
    return HiddenFactorDataset(
        name,
        observed,
        SHAPE,
        1,
        notes,
        pixels=BitPixels(packed, SHAPE),
        all_sizes=dsprites.SIZES,
        observed=(1, 2, 3, 4),
    )


def color(name: str, root: Path) -> RandomBackground:
    """dSprites in a random colour for each image."""
    return random_background(name, root, color_pixels)


def noisy(name: str, root: Path) -> RandomBackground:
    """dSprites before uniform noise."""
    return random_background(name, root, noisy_pixels)


def scream(name: str, root: Path) -> RandomBackground:
    """dSprites before random parts of a painting, ``scream/scream.jpg`` under ``root``."""
    return random_background(name, root, ScreamPixels(read_picture(root / SCREAM)))


def random_background(name: str, root: Path, draw: Draw) -> RandomBackground:
    """The dSprites grid, coloured at random by ``draw``."""
    packed, notes = packed_images(root)
    return RandomBackground(
        name, dsprites_factors(dsprites.SIZES), (64, 64, 3), 255, notes, sprites=BitPixels(packed, SHAPE), draw=draw
    )


def packed_images(root: Path) -> tuple[npt.NDArray[np.uint8], str]:
    """The whole grid, packed, and where it is from."""
    path = root / FILE
    if path.is_file():
        return read_packed(path), f"read from {path}"
    return dsprites.render(), f"rendered from formulas ({path} is not there)"


def small(name: str, root: Path) -> GridDataset:
    """A part of the rendered grid for quick work: 3 shapes x 3 scales x 13 orientations x 8 x 8 = 7,488 images."""
    sizes = tuple(len(values) for values in dsprites.SMALL)
    return grid(name, dsprites.render(dsprites.SMALL), sizes, "a part of the dSprites grid, rendered from formulas")


def grid(name: str, packed: npt.NDArray[np.uint8], sizes: tuple[int, ...], notes: str) -> GridDataset:
    """The data set over packed images in row-major order of shape, scale, orientation, posX, posY."""
    return GridDataset(name, dsprites_factors(sizes), SHAPE, 1, notes, pixels=BitPixels(packed, SHAPE))


def dsprites_factors(sizes: tuple[int, ...]) -> tuple[Factor, ...]:
    """dSprites' factors; no cycle among them, because full orientation has 0 and 2 pi as two classes.

    The small grid's 13 orientations leave out the double one, but the square and the ellipse still repeat on the way.
    """
    return factors(NAMES, sizes)


def read_packed(path: Path) -> npt.NDArray[np.uint8]:
    """``imgs`` of the original file as packed bits (737280, 512), decompressed block by block."""
    count = int(np.prod(dsprites.SIZES))
    packed = np.empty((count, 512), dtype=np.uint8)
    with npz.member(path, "imgs") as (header, stream):
        npz.require(path, "imgs", header, (count, 64, 64), "uint8")
        block = np.empty((BLOCK, 64 * 64), dtype=np.uint8)
        for start in range(0, count, BLOCK):
            rows = block[: count - start]
            npz.fill(stream, rows.reshape(-1).data)
            if rows.max() > 1:
                raise SubmissionError(f"'imgs' of {path} has values above 1", npz.READ_AGAIN)
            packed[start : start + BLOCK] = np.packbits(rows, axis=1)
    return packed
