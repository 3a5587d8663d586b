"""Unions of ellipsoids from any side under any light: closed-form ray casting, orthographic, Lambert shading."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.parallel import available_cores
from submission.progress import QUIET, Progress

SIZE = 64
VIEWS = 24  # how many views are cast at once: their working arrays stay in the cache
AMBIENT = 0.1
Floats = npt.NDArray[np.float32]

CENTRES = (np.arange(SIZE, dtype=np.float32) + 0.5) * (2 / SIZE) - 1  # of pixels; the image spans [-1, 1] both ways


@dataclass(frozen=True, eq=False)
class Solid:
    """An object inside the unit ball: ``centres``, ``radii`` (n, 3; y up) and ``colors`` (n, 3; in [0, 1])."""

    centres: Floats
    radii: Floats
    colors: Floats


def rotation(azimuth: float, elevation: float) -> Floats:
    """World to camera for an object turned by ``azimuth`` about the upright and a camera raised by ``elevation``."""
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    turn = np.array([[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]])
    tilt = np.array([[1, 0, 0], [0, ce, -se], [0, se, ce]])
    both: Floats = (tilt @ turn).astype(np.float32)
    return both


def light(azimuth: float, elevation: float = 0.6) -> Floats:
    """Unit vector (3,) towards a light, in the camera's frame; azimuth 0 is behind the camera."""
    c = np.cos(elevation)
    return np.array([c * np.sin(azimuth), np.sin(elevation), c * np.cos(azimuth)], dtype=np.float32)


def cast(solid: Solid, views: Floats) -> tuple[Floats, npt.NDArray[np.int8]]:
    """What each pixel sees from every view.

    Returns:
        Normals and a 1 (views, 4, 64, 64), all zero on the background, and the number of the ellipsoid (views, 64, 64),
        -1 on the background.
    """
    depth = np.full((len(views), SIZE, SIZE), -np.inf, dtype=np.float32)
    normals = np.zeros((len(views), SIZE, SIZE, 4), dtype=np.float32)
    which = np.full(depth.shape, -1, dtype=np.int8)
    for number, (centre, radii) in enumerate(zip(solid.centres, solid.radii, strict=True)):
        centres, axes = views @ centre, views * radii  # (views, 3), (views, 3, 3)
        forms = np.linalg.inv(axes @ axes.transpose(0, 2, 1))
        extent = np.linalg.norm(axes, axis=2)
        rows, columns = window(-centres[:, 1], extent[:, 1]), window(centres[:, 0], extent[:, 0])
        x = CENTRES[columns] - centres[:, :1, None]
        y = -CENTRES[rows, None] - centres[:, 1:2, None]
        z, hits = surface(forms, x, y)
        nearer = hits & (z + centres[:, 2:, None] > depth[:, rows, columns])
        view, row, column = np.nonzero(nearer)
        point = np.stack([x[view, 0, column], y[view, row, 0], z[nearer]], axis=1)
        normal = np.einsum("pij,pj->pi", forms[view], point)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        place = (view, row + rows.start, column + columns.start)
        depth[place] = z[nearer] + centres[view, 2]
        which[place] = number
        normals[place] = np.concatenate([normal, np.ones((len(normal), 1), np.float32)], axis=1)
    return normals.transpose(0, 3, 1, 2), which


def window(middles: Floats, extents: Floats) -> slice:
    """The pixels between the least and the greatest of ``middles`` -/+ ``extents``."""
    low, high = ((edge + 1) * (SIZE / 2) for edge in ((middles - extents).min(), (middles + extents).max()))
    return slice(max(int(low), 0), min(int(high) + 1, SIZE))


def surface(forms: Floats, x: Floats, y: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Nearer height z over the centre where the rays (x, y) meet the ellipsoids pᵀ form p = 1, and whether they do."""
    a, xx, yy, xy, xz, yz = (forms[:, i, j, None, None] for i, j in ((2, 2), (0, 0), (1, 1), (0, 1), (0, 2), (1, 2)))
    half_b = xz * x + yz * y
    discriminant = half_b * half_b - a * (xx * x * x + (2 * xy * x + yy * y) * y - 1)
    hits = discriminant > 0
    root: Floats = np.sqrt(np.where(hits, discriminant, np.float32(0)))
    return (root - half_b) / a, hits


def shading(lights: Floats) -> Floats:
    """Weights (lights, 4) of (normal, 1) for a brightness in [0, 255] that no light direction leaves flat.

    Lambert's cosine n·l wrapped to [0, 1] as (1 + n·l) / 2, above an ambient part: linear in l, so that a light that
    goes round traces a circle.
    """
    diffuse = 255 * (1 - AMBIENT) / 2
    constant = np.full((len(lights), 1), 255 * AMBIENT + diffuse + 0.5)  # 0.5: the cast to bytes cuts off
    return np.concatenate([diffuse * lights, constant], axis=1).astype(np.float32)


def render(
    objects: Sequence[Solid], views: Floats, lights: Floats, color: bool, progress: Progress = QUIET
) -> npt.NDArray[np.uint8]:
    """Every object from every view under every light: (objects, views, lights, 64, 64, 3 or 1)."""
    channels = 3 if color else 1
    result = np.empty((len(objects), len(views), len(lights), SIZE * SIZE, channels), dtype=np.uint8)
    blocks = [(i, j) for i in range(len(objects)) for j in range(0, len(views), VIEWS)]

    weights = shading(lights)

    def block(number: int, start: int) -> None:
        part = slice(start, start + VIEWS)
        normals, which = cast(objects[number], views[part])
        bright = weights @ normals.reshape(len(normals), 4, -1)
        if color:
            tint = np.concatenate([objects[number].colors, np.zeros((1, 3), np.float32)])
            result[number, part] = bright[..., None] * tint[which].reshape(len(which), 1, -1, 3)
        else:
            result[number, part, :, :, 0] = bright

    with progress.task("render", len(blocks)) as task, ThreadPoolExecutor(available_cores()) as pool:
        for _ in pool.map(lambda pair: block(*pair), blocks):
            task.advance()
    return result.reshape(*result.shape[:3], SIZE, SIZE, channels)
