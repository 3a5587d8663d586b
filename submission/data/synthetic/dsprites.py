"""dSprites rendered from formulas (docs/methods/dsprites-rendering.md): three shapes, 64x64, one bit a pixel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from submission.data.synthetic.raster import SIZE, Floats, rasterise
from submission.parallel import available_cores

SIDE = 0.3 * SIZE  # the square's side at scale 1, in pixels
ELLIPSE = 1.33  # semi-axes: SIDE / 2 times and divided by this
SIZES = (3, 6, 40, 32, 32)  # shape, scale, orientation, posX, posY
TINY: tuple[Sequence[int], ...] = (range(3), (1, 3, 5), (0, 5), range(8, 24, 2), range(11, 21, 2))
SMALL: tuple[Sequence[int], ...] = (range(3), (0, 2, 5), range(0, 39, 3), range(0, 32, 4), range(0, 32, 4))


def outlines() -> tuple[Floats, Floats, Floats]:
    """Vertices (n, 2) of square, ellipse and heart at scale 1 around their centre of rotation (x right, y down)."""
    square = SIDE / 2 * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    t = 2 * np.pi * np.arange(100) / 100
    ellipse = SIDE / 2 * np.stack([ELLIPSE * np.cos(t), np.sin(t) / ELLIPSE], axis=1)
    t = 2 * np.pi * np.arange(150) / 150
    bend = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    heart = SIDE * np.stack([np.sin(t) ** 3 / 2, -bend / 29 - 0.075], axis=1)
    return square, ellipse, heart


def turned(polygon: Floats, angle: float) -> Floats:
    """The polygon turned counter-clockwise, as seen, by ``angle`` radians."""
    c, s = np.cos(angle), np.sin(angle)
    vertices: Floats = polygon @ np.array([[c, -s], [s, c]])
    return vertices


def render(classes: Sequence[Sequence[int]] = tuple(map(range, SIZES))) -> npt.NDArray[np.uint8]:
    """Images of the grid spanned by ``classes`` (five lists of dSprites classes), packed: (cells, 512) uint8.

    Orientation class 39 is a full turn and therefore class 0 again, as in the original.
    """
    shapes, scales, orientations, pos_x, pos_y = (np.asarray(values, dtype=np.intp) for values in classes)
    polygons = outlines()
    xs, ys = (SIZE / 4 + SIZE / 2 * positions / 31 for positions in (pos_x, pos_y))
    looks = list(itertools.product(shapes, scales, orientations % 39))
    packed = np.empty((len(looks), len(xs), len(ys), SIZE, SIZE // 8), dtype=np.uint8)

    def draw(number: int) -> None:
        shape, scale, orientation = looks[number]
        polygon = turned((0.5 + 0.1 * scale) * polygons[shape], 2 * np.pi * orientation / 39)
        packed[number] = rasterise(polygon, xs, ys)

    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(draw, range(len(looks))))
    return packed.reshape(-1, SIZE * SIZE // 8)
