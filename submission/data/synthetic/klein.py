"""Data on a Klein bottle: straight edges and bars in every direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from submission.data.grid import factors
from submission.data.options import within
from submission.data.pixels import BytePixels, GridDataset
from submission.data.synthetic.raster import SIZE, Floats

SHAPE = (SIZE, SIZE, 1)


def klein_pictures(name: str, root: Path, count: int = 40, bars: float = 0.0) -> GridDataset:
    """Pictures cos φ·b(q) + sin φ·e(q) of q = x cos θ + y sin θ: bars b, even in q, turn into edges e, odd in q.

    Directions θ go from 0 to π. Half a turn changes the sign of q and so that of e: (θ + π, φ) is the same picture as
    (θ, −φ), so the pictures form a Klein bottle. Carlsson et al., *On the local behavior of spaces of natural images*
    (2008), found it in small patches of photographs, with polynomials; here b = cos πq and e = sin πq, which fade out
    at the border of a disc, outside of which pictures are grey.

    Args:
        count: values of the direction, and of the phase φ, from 4 to 128.
        bars: weight w of bars that stay whatever the phase: pictures (w + cos φ)·b + sin φ·e, divided by w + 1, so that
            every picture shows its direction; b without its mean over all directions, which shows none. With w = 2
            distances between pictures are much like those on the Klein bottle in R⁴ with R = 2 and r = 1.
    """
    within(name, (4, 128), count=count)
    within(name, (0, 100), bars=bars)
    values = np.rint(127.5 * (1 + pictures(count, bars))).astype(np.uint8)
    grid = factors("direction, phase", (count, count), periodic="phase")
    note = "direction over half a turn, after which the phase has changed its sign"
    return GridDataset(name, grid, SHAPE, 255, note, pixels=BytePixels(values.reshape(-1, *SHAPE)))


def pictures(count: int, bars: float = 0.0) -> Floats:
    """All pictures (directions, phases, 64, 64), in [-1, 1]."""
    line = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    x, y = np.meshgrid(line, line)
    fade = np.clip(1 - x**2 - y**2, 0, None) ** 0.5
    direction, phase = np.pi * np.arange(count) / count, 2 * np.pi * np.arange(count) / count
    along = x * np.cos(direction)[:, None, None] + y * np.sin(direction)[:, None, None]
    bar, edge = 0.9 * np.cos(np.pi * along) * fade, 0.9 * np.sin(np.pi * along) * fade
    if bars > 0:
        bar -= bar.mean(0)
    wave = phase[:, None, None]
    result: Floats = ((bars + np.cos(wave)) * bar[:, None] + np.sin(wave) * edge[:, None]) / (1 + bars)
    return result
