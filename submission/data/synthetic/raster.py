"""Polygons to bits: scan conversion of one polygon at many places, one 64-bit word per image row.

A pixel is 1 when its centre lies inside the polygon (even-odd rule). A centre exactly on a left or bottom edge counts
as inside, one on a right or top edge as outside, so shapes that share an edge never share a pixel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIZE = 64
SUBPIXELS = 256
Floats = npt.NDArray[np.float64]

# FROM[i] has the bits of columns i..63 set; column 0 is the most significant bit, as in np.unpackbits.
FROM = np.array([(1 << (SIZE - first)) - 1 for first in range(SIZE + 1)], dtype=np.uint64)


def snap(coordinates: Floats) -> Floats:
    """Round to the sub-pixel grid of a graphics card, 1/256 pixel."""
    return np.rint(coordinates * SUBPIXELS) / SUBPIXELS


def rasterise(polygon: Floats, xs: Floats, ys: Floats) -> npt.NDArray[np.uint8]:
    """Bits (len(xs), len(ys), 64, 8) of ``polygon`` (vertices, 2; pixels, y down) moved to every place (x, y)."""
    x = snap(xs[:, None] + polygon[:, 0])  # (X, V)
    y = snap(ys[:, None] + polygon[:, 1])  # (Y, V)
    first_row = max(int(y.min()) - 1, 0)
    centres = np.arange(first_row, min(int(y.max()) + 2, SIZE)) + 0.5
    at_or_below = y[:, None, :] >= centres[:, None]  # (Y, rows, V)
    place, row, edge = np.nonzero(at_or_below != np.roll(at_or_below, -1, axis=2))
    words = np.zeros((len(xs), len(ys) * SIZE), dtype=np.uint64)
    if len(place):
        following = (edge + 1) % len(polygon)
        along = (centres[row] - y[place, edge]) / (y[place, following] - y[place, edge])
        crossings = x[:, edge] + along * (x[:, following] - x[:, edge])  # (X, crossings)
        columns = np.clip(np.ceil(crossings - 0.5), 0, SIZE).astype(np.intp)
        lines, starts = np.unique(place * SIZE + first_row + row, return_index=True)
        words[:, lines] = np.bitwise_xor.reduceat(FROM[columns], starts, axis=1)
    return words.astype(">u8").view(np.uint8).reshape(len(xs), len(ys), SIZE, SIZE // 8)
