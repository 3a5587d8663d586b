"""dSprites (Matthey, Higgins, Hassabis, Lerchner 2017) and variants: the original file, or the grid rendered."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.backgrounds import Draw, RandomBackground, ScreamPixels, color_pixels, noisy_pixels, read_picture
from submission.data.grid import Factor, factors
from submission.data.originals import DSPRITES_FACTORS, DSPRITES_FILE, SCREAM_FILE
from submission.data.pixels import BitPixels, GridDataset
from submission.data.readers.dsprites import read_packed
from submission.data.synthetic import dsprites as rendering
from submission.data.unobserved import UnobservedFactorDataset

SHAPE = (64, 64, 1)


def full(name: str, root: Path) -> GridDataset:
    """dSprites, 737,280 binary images: from the file under ``root`` if it is there, otherwise rendered (2 s)."""
    packed, notes = packed_images(root)
    return grid(name, packed, rendering.SIZES, notes)


def noshape(name: str, root: Path) -> UnobservedFactorDataset:
    """dSprites with the shape as an unobserved factor."""
    packed, notes = packed_images(root)
    observed = dsprites_factors(rendering.SIZES)[1:]
    pixels = BitPixels(packed, SHAPE)
    return UnobservedFactorDataset(
        name, observed, SHAPE, 1, notes, pixels=pixels, all_sizes=rendering.SIZES, observed=(1, 2, 3, 4)
    )


def color(name: str, root: Path) -> RandomBackground:
    """dSprites in a random colour for each image."""
    return random_background(name, root, color_pixels)


def noisy(name: str, root: Path) -> RandomBackground:
    """dSprites before uniform noise."""
    return random_background(name, root, noisy_pixels)


def scream(name: str, root: Path) -> RandomBackground:
    """dSprites before random parts of a painting, ``scream/scream.jpg`` under ``root``."""
    return random_background(name, root, ScreamPixels(read_picture(root / SCREAM_FILE)))


def random_background(name: str, root: Path, draw: Draw) -> RandomBackground:
    """The dSprites grid, coloured at random by ``draw``."""
    packed, notes = packed_images(root)
    known, sprites = dsprites_factors(rendering.SIZES), BitPixels(packed, SHAPE)
    return RandomBackground(name, known, (64, 64, 3), 255, notes, sprites=sprites, draw=draw)


def packed_images(root: Path) -> tuple[npt.NDArray[np.uint8], str]:
    """The whole grid, packed, and where it is from."""
    path = root / DSPRITES_FILE
    if path.is_file():
        return read_packed(path, math.prod(rendering.SIZES)), f"read from {path}"
    return rendering.render(), f"rendered from formulas ({path} is not there)"


def small(name: str, root: Path) -> GridDataset:
    """A part of the rendered grid for quick work: 3 shapes x 3 scales x 13 orientations x 8 x 8 = 7,488 images."""
    sizes = tuple(len(values) for values in rendering.SMALL)
    return grid(name, rendering.render(rendering.SMALL), sizes, "a part of the dSprites grid, rendered from formulas")


def grid(name: str, packed: npt.NDArray[np.uint8], sizes: tuple[int, ...], notes: str) -> GridDataset:
    """The data set over packed images in row-major order of shape, scale, orientation, posX, posY."""
    return GridDataset(name, dsprites_factors(sizes), SHAPE, 1, notes, pixels=BitPixels(packed, SHAPE))


def dsprites_factors(sizes: tuple[int, ...]) -> tuple[Factor, ...]:
    """dSprites' factors; none is a cycle, because the full orientation has 0 and 2π as two classes.

    The small grid's 13 orientations leave out the double one, but the square and the ellipse still repeat on the way.
    """
    return factors(DSPRITES_FACTORS, sizes)
