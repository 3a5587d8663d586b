"""A two-joint arm on MPI3D's grid of 1,036,800 images, put together from bit masks when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.dataset import Images
from submission.data.grid import Indices, factors
from submission.data.originals import MPI3D_FACTORS
from submission.data.pixels import ComputedPixels, GridDataset
from submission.data.synthetic.dsprites import turned
from submission.data.synthetic.raster import SIZE, Floats, rasterise

SIZES = (6, 6, 2, 3, 3, 40, 40)
JOINT = SIZES[5]
LINKS = (11.0, 9.0)  # pixels
RADII = (3.6, 5.4)  # of the small and the large object
CAMERA_SHIFTS = (-5, 0, 5)  # pixels that the whole scene moves down
HORIZON = 44


def words(*colors: tuple[int, int, int]) -> npt.NDArray[np.uint32]:
    """Colours as one word each, so that a pixel is looked up at once."""
    return np.array([(*color, 0) for color in colors], dtype=np.uint8).view(np.uint32)[:, 0]


OBJECTS = words((230, 40, 40), (40, 200, 60), (50, 90, 240), (240, 220, 50), (230, 80, 220), (60, 220, 220))
WALLS = words((70, 20, 70), (20, 70, 60), (90, 60, 20))
FLOORS = words((35, 10, 35), (10, 35, 30), (45, 30, 10))
ARM = words((205, 205, 205))
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Masks:
    """Bit masks (..., 512): ``arm`` by camera and joints, ``thing`` by shape, size, camera and joints."""

    arm: Bits
    thing: Bits

    def images(self, indices: Indices) -> Images:
        """Wall and floor, the arm before them, the object before all."""
        color, shape, size, camera, wall, first, second = np.unravel_index(np.asarray(indices), SIZES)
        arm = np.unpackbits(self.arm[camera, first, second], axis=1)
        thing = np.unpackbits(self.thing[shape, size, camera, first, second], axis=1)
        label = np.maximum(np.maximum(FLOOR[camera], 2 * arm), 3 * thing)
        palette = np.stack([WALLS[wall], FLOORS[wall], np.broadcast_to(ARM, wall.shape), OBJECTS[color]], axis=1)
        entries = label + 4 * np.arange(len(label))[:, None]
        pixels = palette.ravel().take(entries).view(np.uint8)
        return np.ascontiguousarray(pixels.reshape(-1, SIZE, SIZE, 4)[..., :3])


FLOOR = np.repeat(np.arange(SIZE) >= HORIZON + np.array(CAMERA_SHIFTS)[:, None], SIZE, axis=1).astype(np.uint8)


def mpi3d_standin(name: str, root: Path) -> GridDataset:
    """An arm on MPI3D's grid whose joints turn by 360°, so that both are cyclic factors."""
    grid = factors(MPI3D_FACTORS, SIZES, periodic="horizontal axis, vertical axis")
    notes = "stand-in for MPI3D, rendered"
    return GridDataset(name, grid, (SIZE, SIZE, 3), 255, notes, pixels=ComputedPixels(masks().images))


def masks() -> Masks:
    """All masks; the scene's upright is the image's, the first joint sits in the middle."""
    angles = 2 * np.pi * np.arange(JOINT) / JOINT
    elbows = SIZE / 2 + LINKS[0] * directions(angles)
    upper = np.stack([link(LINKS[0], angle, (SIZE / 2, SIZE / 2)) for angle in angles])
    arm = np.empty((JOINT, JOINT, SIZE, SIZE), dtype=np.uint8)
    tips = np.empty((JOINT, JOINT, 2))
    for first, elbow in enumerate(elbows):
        bent = angles[first] + angles
        tips[first] = elbow + LINKS[1] * directions(bent)
        for second, angle in enumerate(bent):
            arm[first, second] = upper[first] | link(LINKS[1], angle, tuple(elbow))
    return Masks(pack(arm), np.stack([[pack(stamped(stamp, tips)) for stamp in sizes] for sizes in stamps()]))


def directions(angles: Floats) -> Floats:
    """Unit vectors (n, 2), counter-clockwise as seen (y down)."""
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1)


def link(length: float, angle: float, start: tuple[float, ...]) -> Bits:
    """A bar (64, 64) of zeros and ones that begins at ``start``."""
    bar = np.array([(-2.0, -2.0), (length + 2, -2.0), (length + 2, 2.0), (-2.0, 2.0)])
    return drawn(turned(bar, angle), start)


def drawn(polygon: Floats, place: tuple[float, ...]) -> Bits:
    """A polygon as (64, 64) of zeros and ones."""
    bits = rasterise(polygon, np.array([place[0]]), np.array([place[1]]))
    return np.unpackbits(bits.reshape(SIZE, SIZE // 8), axis=1)


def stamps() -> list[list[Bits]]:
    """Six shapes in two sizes, in the middle of the image."""
    outlines = [corners(3, 0.25), corners(4, 0.5), corners(6, 0.0), corners(40, 0.0), star(5), star(4)]
    return [[drawn(radius * outline, (SIZE / 2, SIZE / 2)) for radius in RADII] for outline in outlines]


def corners(count: int, turn: float) -> Floats:
    """A regular polygon of radius 1, turned by ``turn`` of the angle between corners."""
    return directions(2 * np.pi * (np.arange(count) + turn) / count)


def star(points: int) -> Floats:
    """A star of outer radius 1.2 with ``points`` points."""
    radii = np.tile([1.2, 0.45], points)
    return radii[:, None] * corners(2 * points, 0.5)


def stamped(stamp: Bits, tips: Floats) -> Bits:
    """The stamp moved by whole pixels to every tip: (joints, joints, 64, 64)."""
    shift = np.rint(tips - SIZE / 2).astype(np.intp)
    rows = (np.arange(SIZE) - shift[..., 1, None]) % SIZE
    columns = (np.arange(SIZE) - shift[..., 0, None]) % SIZE
    images: Bits = stamp[rows[..., :, None], columns[..., None, :]]
    return images


def pack(images: Bits) -> Bits:
    """Bits (camera, joints, joints, 512) of (joints, joints, 64, 64), moved down for each camera."""
    moved = np.stack([np.roll(images, shift, axis=2) for shift in CAMERA_SHIFTS])
    return np.packbits(moved.reshape(*moved.shape[:3], -1), axis=3)
