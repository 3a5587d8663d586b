"""Solids on a turntable, and substitutes with the exact grids of Cars3D and 3D Faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from submission.data.grid import Factor, factors
from submission.data.options import affordable, within
from submission.data.originals import CARS3D_FACTORS, FACES3D_FACTORS
from submission.data.pixels import BytePixels, GridDataset
from submission.data.synthetic.solids import Floats, Solid, light, render, rotation
from submission.progress import QUIET, Progress

SIZES = (10, 24, 6, 12)
MOST_VALUES = 100_000  # of one factor
CARS = (4, 24, 183)
FACES = (50, 21, 11, 11)


def turntable(
    name: str,
    root: Path,
    objects: int = SIZES[0],
    azimuths: int = SIZES[1],
    elevations: int = SIZES[2],
    lights: int = SIZES[3],
    color: bool = False,
    seed: int = 0,
    progress: Progress = QUIET,
) -> GridDataset:
    """Random solids on a turntable, under a light that also turns by 360°, seen from several elevations."""
    sizes = {"objects": objects, "azimuths": azimuths, "elevations": elevations, "lights": lights}
    within(name, (1, MOST_VALUES), **sizes)
    affordable(name, 64 * 64 * (3 if color else 1), **sizes)
    names = "object, azimuth, elevation, light azimuth"
    grid = factors(names, tuple(sizes.values()), periodic="azimuth, light azimuth")
    views = view_grid(azimuths, np.linspace(0, np.pi / 3, elevations))
    images = render(solids(blob, objects, seed), views, circle_of_lights(lights), color, progress)
    return finished(name, grid, images, f"rendered, seed {seed}")


def cars3d_standin(name: str, root: Path, seed: int = 0, progress: Progress = QUIET) -> GridDataset:
    """183 coarse cars in colour on Cars3D's grid: elevation 4, azimuth 24 (a full turn), object 183."""
    grid = factors(CARS3D_FACTORS, CARS, periodic="azimuth")
    views = view_grid(CARS[1], np.linspace(0.1, 0.7, CARS[0]))
    images = render(solids(car, CARS[2], seed), views, light(0.5, 0.9)[None], True, progress)
    by_view = images.reshape(CARS[2], CARS[1], CARS[0], 64, 64, 3)
    return finished(
        name,
        grid,
        by_view.transpose(2, 1, 0, 3, 4, 5),
        "stand-in for Cars3D, rendered",
    )


def faces3d_standin(name: str, root: Path, seed: int = 0, progress: Progress = QUIET) -> GridDataset:
    """50 coarse heads on 3D Faces' grid, except that azimuth and lighting are full turns, so that they are cycles."""
    grid = factors(FACES3D_FACTORS, FACES, periodic="azimuth, lighting")
    views = view_grid(FACES[1], np.linspace(-0.6, 0.6, FACES[2]))
    images = render(solids(head, FACES[0], seed), views, circle_of_lights(FACES[3]), False, progress)
    return finished(name, grid, images, "stand-in for 3D Faces, rendered")


def finished(name: str, grid: tuple[Factor, ...], images: np.ndarray, notes: str) -> GridDataset:
    """The data set over images whose leading axes are the grid."""
    shape = images.shape[-3:]
    pixels = BytePixels(np.ascontiguousarray(images).reshape(-1, *shape))
    return GridDataset(name, grid, shape, 255, notes, pixels=pixels)


def view_grid(azimuths: int, elevations: np.ndarray) -> Floats:
    """Cameras (azimuths * elevations, 3, 3), azimuth slowest, over a full turn."""
    turns = 2 * np.pi * np.arange(azimuths) / azimuths
    return np.stack([rotation(turn, height) for turn in turns for height in elevations])


def circle_of_lights(count: int) -> Floats:
    """Directions (count, 3) to a light that goes round."""
    return np.stack([light(2 * np.pi * step / count) for step in range(count)])


def solids(build: Callable[[np.random.RandomState], Solid], count: int, seed: int) -> list[Solid]:
    """``count`` different objects."""
    random = np.random.RandomState(seed)
    return [build(random) for _ in range(count)]


def solid(parts: Sequence[tuple[tuple[float, ...], ...]]) -> Solid:
    """A solid from (centre, radii, color) of its parts."""
    centres, radii, colors = (np.array(column, dtype=np.float32) for column in zip(*parts, strict=True))
    return Solid(centres, radii, colors)


def blob(random: np.random.RandomState) -> Solid:
    """Seven ellipsoids at random around one in the middle: no symmetry, so that every azimuth differs."""
    parts = [((0.0, 0.0, 0.0), tuple(random.uniform(0.25, 0.45, 3)), tuple(random.uniform(0.3, 1, 3)))]
    for _ in range(6):
        centre, radii = random.uniform(-0.42, 0.42, 3), random.uniform(0.1, 0.3, 3)
        parts.append((tuple(centre), tuple(radii), tuple(random.uniform(0.3, 1, 3))))
    return solid(parts)


def car(random: np.random.RandomState) -> Solid:
    """A body, a cabin towards the back, and four wheels."""
    length, height, width = random.uniform(0.6, 0.85), random.uniform(0.14, 0.24), random.uniform(0.25, 0.36)
    paint, glass, tyre = tuple(random.uniform(0.15, 1, 3)), (0.55, 0.7, 0.8), (0.15, 0.15, 0.15)
    cabin = (random.uniform(0.25, 0.5) * length, random.uniform(0.12, 0.26), 0.85 * width)
    wheel = random.uniform(0.11, 0.17)
    axles = random.uniform(0.5, 0.65) * length
    parts = [((0.0, 0.0, 0.0), (length, height, width), paint)]
    parts.append(((-random.uniform(0.05, 0.3) * length, height, 0.0), cabin, glass))
    for x in (-axles, axles):
        parts += [((x, -height, side * width * 0.8), (wheel, wheel, 0.07), tyre) for side in (-1, 1)]
    return solid(parts)


def head(random: np.random.RandomState) -> Solid:
    """A skull, a nose, a chin, two ears, and hair at the back."""
    width, height, depth = random.uniform(0.42, 0.55), random.uniform(0.6, 0.75), random.uniform(0.5, 0.62)
    nose = tuple(random.uniform(0.06, 0.14, 3))
    ear = (0.06, random.uniform(0.1, 0.2), random.uniform(0.06, 0.12))
    skin = (1.0, 1.0, 1.0)
    parts = [((0.0, 0.0, 0.0), (width, height, depth), skin)]
    parts.append(((0.0, random.uniform(-0.15, 0.05), depth), nose, skin))
    parts.append(((0.0, -0.8 * height, 0.35 * depth), (random.uniform(0.15, 0.3), 0.14, 0.2), skin))
    parts += [((side * width, 0.0, 0.0), ear, skin) for side in (-1, 1)]
    parts.append(((0.0, random.uniform(0.2, 0.35), -0.3 * depth), tuple(random.uniform(0.4, 0.5, 3)), skin))
    return solid(parts)
