"""dSprites (Matthey, Higgins, Hassabis, Lerchner 2017) and variants: the original file, or the grid rendered."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def full(name: str, root: Path, periodic_orientation: bool = False) -> GridDataset:
    """dSprites, 737,280 binary images: from the file under ``root`` if it is there, otherwise rendered (2 s).

    The 40 orientations run from 0 to 2π with both ends, so the last equals the first. ``periodic_orientation`` drops
    the last one and marks the orientation as a cycle of 39: 718,848 images. The picture of a square repeats four times
    per turn, that of an ellipse twice; only the heart has no symmetry.
    """
    packed, sizes, notes = packed_images(root, periodic_orientation)
    return grid(name, packed, sizes, notes, periodic_orientation)


def noshape(name: str, root: Path, periodic_orientation: bool = False) -> UnobservedFactorDataset:
    """dSprites with the shape as an unobserved factor; ``periodic_orientation`` as for ``dsprites_full``."""
    packed, sizes, notes = packed_images(root, periodic_orientation)
    known, pixels = dsprites_factors(sizes, periodic_orientation)[1:], BitPixels(packed, SHAPE)
    return UnobservedFactorDataset(name, known, SHAPE, 1, notes, pixels=pixels, all_sizes=sizes, observed=(1, 2, 3, 4))


def color(name: str, root: Path, periodic_orientation: bool = False) -> RandomBackground:
    """dSprites in a random colour for each image; ``periodic_orientation`` as for ``dsprites_full``."""
    return random_background(name, root, color_pixels, periodic_orientation)


def noisy(name: str, root: Path, periodic_orientation: bool = False) -> RandomBackground:
    """dSprites on uniform noise; ``periodic_orientation`` as for ``dsprites_full``."""
    return random_background(name, root, noisy_pixels, periodic_orientation)


def scream(name: str, root: Path, periodic_orientation: bool = False) -> RandomBackground:
    """dSprites on random parts of a painting, ``scream/scream.jpg`` under ``root``.

    ``periodic_orientation`` as for ``dsprites_full``.
    """
    return random_background(name, root, ScreamPixels(read_picture(root / SCREAM_FILE)), periodic_orientation)


def random_background(name: str, root: Path, draw: Draw, periodic_orientation: bool) -> RandomBackground:
    """The dSprites grid, coloured at random by ``draw``."""
    packed, sizes, notes = packed_images(root, periodic_orientation)
    known, sprites = dsprites_factors(sizes, periodic_orientation), BitPixels(packed, SHAPE)
    return RandomBackground(name, known, (64, 64, 3), 255, notes, sprites=sprites, draw=draw)


def packed_images(root: Path, periodic_orientation: bool) -> tuple[npt.NDArray[np.uint8], tuple[int, ...], str]:
    """The grid, packed, its sizes, and where it is from; without the double orientation if it is to be a cycle."""
    path, sizes = root / DSPRITES_FILE, rendering.SIZES
    notes = f"read from {path}" if path.exists() else f"rendered from formulas ({path} is not there)"
    packed = read_packed(path, math.prod(sizes)) if path.exists() else rendering.render()
    if not periodic_orientation:
        return packed, sizes, notes
    kept = (*sizes[:2], sizes[2] - 1, *sizes[3:])
    return packed.reshape(*sizes, -1)[:, :, :-1].reshape(math.prod(kept), -1), kept, notes


def small(name: str, root: Path, periodic_orientation: bool = False) -> GridDataset:
    """A part of the rendered grid for quick work: 3 shapes x 3 scales x 13 orientations x 8 x 8 = 7,488 images.

    It has no double orientation; ``periodic_orientation`` marks the orientation as a cycle.
    """
    return part(name, rendering.SMALL, periodic_orientation)


def tiny(name: str, root: Path) -> GridDataset:
    """A part of the rendered grid on which methods differ within minutes: 3 x 3 x 2 orientations x 8 x 5 = 720 images.

    Neighbouring positions overlap, x spans twice as much as y, and the orientations are 0 and 46 degrees, so that the
    factors change images by different amounts (docs/results/demo.md).
    """
    return part(name, rendering.TINY, periodic_orientation=False)


def part(name: str, classes: Sequence[Sequence[int]], periodic_orientation: bool) -> GridDataset:
    """The rendered grid spanned by ``classes``."""
    sizes = tuple(len(values) for values in classes)
    notes = "a part of the dSprites grid, rendered from formulas"
    return grid(name, rendering.render(classes), sizes, notes, periodic_orientation)


def grid(
    name: str, packed: npt.NDArray[np.uint8], sizes: tuple[int, ...], notes: str, periodic_orientation: bool
) -> GridDataset:
    """The data set over packed images in row-major order of shape, scale, orientation, posX, posY."""
    known = dsprites_factors(sizes, periodic_orientation)
    return GridDataset(name, known, SHAPE, 1, notes, pixels=BitPixels(packed, SHAPE))


def dsprites_factors(sizes: tuple[int, ...], periodic_orientation: bool) -> tuple[Factor, ...]:
    """dSprites' factors; by default none is a cycle, because the full orientation has 0 and 2π as two classes."""
    return factors(DSPRITES_FACTORS, sizes, periodic="orientation" if periodic_orientation else "")
