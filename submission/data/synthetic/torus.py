"""Data on a torus: translations of periodic pictures, and a sprite that turns and wraps around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.grid import Factor, factors
from submission.data.options import MOST_BYTES, within
from submission.data.pixels import BitPixels, BytePixels, GridDataset
from submission.data.synthetic.dsprites import outlines, turned
from submission.data.synthetic.raster import SIZE, Floats, rasterise
from submission.errors import UsageError

SHAPE = (SIZE, SIZE, 1)
DISCOUNTS = (0.001, 1.0)
MOST_PICTURES = MOST_BYTES // SIZE**4  # a picture has 64 x 64 translations of 64 x 64 bytes
SCALES = (0.01, 2.0)


def torus_pictures(
    name: str,
    root: Path,
    order: int = 3,
    discount: float = 0.5,
    pictures: int = 1,
    simple: bool = False,
    seed: int = 0,
    cutoff: int = 0,
) -> GridDataset:
    """All translations by whole pixels of periodic pictures (Pérez Rey et al. 2019, section 4.2): 64 x 64 each.

    Args:
        order: the highest frequency N of the Fourier series, at most what 64 pixels can show.
        discount: γ, from 0.001 to 1, the weight of higher frequencies.
        pictures: how many random pictures; more than one adds the factor ``picture``.
        simple: cos θ + cos φ instead of random pictures.
        seed: of the random coefficients.
        cutoff: without the components of the same random pictures above this frequency; 0 for all of them.
    """
    within(name, (1, SIZE // 2), order=order)
    within(name, DISCOUNTS, discount=discount)
    within(name, (0, order), cutoff=cutoff)
    within(name, (1, MOST_PICTURES), pictures=pictures)
    if simple and pictures > 1:
        raise UsageError(f"{name} cannot have simple=True and pictures={pictures}", "there is one simple picture")
    bases = simple_picture() if simple else fourier_pictures(order, discount, pictures, seed, cutoff)
    images = translations(np.rint(127.5 * (bases + 1)).astype(np.uint8))
    shifts = factors("vertical shift, horizontal shift", (SIZE, SIZE), periodic="vertical shift, horizontal shift")
    which = (Factor("picture", pictures),) if pictures > 1 else ()
    notes = "cos + cos" if simple else f"Fourier series of order {order}, discount {discount}, seed {seed}"
    notes += f", cut off above {cutoff}" if cutoff else ""
    return GridDataset(name, which + shifts, SHAPE, 255, notes, pixels=BytePixels(images))


def simple_picture() -> Floats:
    """The lowest Fourier components alone, (1, 64, 64) in [-1, 1]."""
    wave = np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    return (wave[:, None] + wave)[None] / 2


def fourier_pictures(order: int, discount: float, pictures: int, seed: int, cutoff: int = 0) -> Floats:
    """Random pictures Re Σ γ^(|k|+|l|-1) a_kl exp(ikθ + ilφ), each divided by its largest magnitude: (n, 64, 64)."""
    random = np.random.RandomState(seed)
    frequencies = np.arange(-order, order + 1)
    size = (pictures, len(frequencies), len(frequencies))
    coefficients = random.normal(size=size) + 1j * random.normal(size=size)
    weights = discount ** (np.abs(frequencies)[:, None] + np.abs(frequencies) - 1.0)
    if cutoff:
        low = np.abs(frequencies) <= cutoff
        weights = weights * np.outer(low, low)
    waves = np.exp(2j * np.pi * np.outer(frequencies, np.arange(SIZE)) / SIZE)
    values: Floats = np.einsum("pkl,ky,lx->pyx", weights * coefficients, waves, waves, optimize=True).real
    values /= np.abs(values).max(axis=(1, 2), keepdims=True)
    return values


def translations(bases: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every cyclic shift down and right of (n, 64, 64): (n * 4096, 64, 64, 1)."""
    source = (np.arange(SIZE) - np.arange(SIZE)[:, None]) % SIZE  # [shift, pixel]
    down = bases[:, source]  # (n, shift, y, x)
    return np.ascontiguousarray(down[..., source].transpose(0, 1, 3, 2, 4)).reshape(-1, *SHAPE)


def sprites_torus(
    name: str, root: Path, orientations: int = 40, positions: int = 32, scale: float = 1.0
) -> GridDataset:
    """A heart that turns by 360° and wraps around the edges: three cyclic factors.

    Args:
        orientations: steps of a full turn (the end is left out), as many as memory takes.
        positions: steps of a full translation in each direction; divides 64.
        scale: the heart's size, in dSprites' units, from 0.01 to 2.
    """
    within(name, (1, SIZE), positions=positions)
    within(name, (1, MOST_BYTES // (positions**2 * SIZE * SIZE // 8)), orientations=orientations)
    within(name, SCALES, scale=scale)
    if SIZE % positions:
        raise UsageError(f"{name} cannot have positions={positions}", f"give a divisor of {SIZE}")
    middle = np.array([SIZE / 2])
    steps = np.arange(positions) * (SIZE // positions)
    source = (np.arange(SIZE) - steps[:, None]) % SIZE  # [position, pixel]
    packed = np.empty((orientations, positions, positions, SIZE * SIZE // 8), dtype=np.uint8)
    for row, angle in zip(packed, 2 * np.pi * np.arange(orientations) / orientations, strict=True):
        bits = rasterise(turned(scale * outlines()[2], angle), middle, middle)
        image = np.unpackbits(bits.reshape(SIZE, SIZE // 8), axis=1)
        shifted = image[source][:, :, source].transpose(2, 0, 1, 3)  # (posX, posY, y, x)
        row[:] = np.packbits(shifted.reshape(positions, positions, -1), axis=2)
    names = "orientation, posX, posY"
    grid = factors(names, (orientations, positions, positions), periodic=names)
    return GridDataset(
        name, grid, SHAPE, 1, "a heart on a torus", pixels=BitPixels(packed.reshape(-1, SIZE * SIZE // 8), SHAPE)
    )
