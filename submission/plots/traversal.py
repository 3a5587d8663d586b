"""Traversals: images of one component that moves along great circles, once around, or along a line."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from submission.latent.base import Component
from submission.models.vae import VAE
from submission.plots.encoding import Encoded, decoder
from submission.plots.images import Bytes, image_rows, mosaic
from submission.plots.manifolds import factor_space
from submission.plots.style import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS, ROWS = 12, 16
MILLISECONDS = 90
"""Between two frames of an animation."""


@dataclass(frozen=True)
class Path:
    """One row of a traversal.

    Attributes:
        component: index in ``space.components``.
        label: the component and the direction, such as ``S^2, great circle 2``.
        z: samples (steps, ambient_size).
        closed: whether the row ends where it began.
    """

    component: int
    label: str
    z: Tensor
    closed: bool


def component_paths(encoded: Encoded, image: int, component: int, steps: int = STEPS, circles: int = 2) -> list[Path]:
    """The paths of one component through the posterior centre of one encoded image.

    A circle is walked once around; a sphere, RP^d and SO(3) along ``circles`` orthogonal great circles, those along
    which the encoded images vary most first; the torus in R³ around its axis and around its tube; a line over the
    central 95 % of the prior.

    Args:
        encoded: posteriors of images.
        image: index of the image that the paths pass through.
        component: index in ``space.components``.
        steps: points of a path.
        circles: great circles per component.
    """
    part = encoded.space.components[component]
    if part.topology in ("sphere", "projective", "rotation") and part.stop - part.start > 2:
        return great_circles(encoded, image, component, steps, circles)
    with torch.inference_mode():
        z = encoded.space.traversal(encoded.parameters[image : image + 1], component, steps)
    closed = part.topology != "line"
    if part.topology != "torus":
        return [Path(component, part.name, z, closed)]
    tube = around_tube(encoded, image, part, steps)
    return [Path(component, f"{part.name}, axis", z, True), Path(component, f"{part.name}, tube", tube, True)]


def great_circles(encoded: Encoded, image: int, component: int, steps: int, circles: int) -> list[Path]:
    """Closed geodesics through an image's centre, at right angles to each other there."""
    part = encoded.space.components[component]
    points = encoded.points(part).astype(np.float64)
    centre = points[image]
    full_turn = np.pi if part.topology in ("projective", "rotation") else 2 * np.pi
    angle = np.arange(steps) * full_turn / steps
    tangents = directions(points, centre)[:circles]
    paths = []
    for number, ahead in enumerate(tangents, start=1):
        walked = np.cos(angle)[:, None] * centre + np.sin(angle)[:, None] * ahead
        label = part.name if len(tangents) == 1 else f"{part.name}, circle {number}"
        paths.append(Path(component, label, moved(encoded, image, part, walked), True))
    return paths


def directions(points: npt.NDArray[np.float64], centre: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Orthonormal tangents (e − 1, e) at a unit vector: the principal axes of the points (N, e) seen from there."""
    signed = points * np.where(points @ centre < 0, -1, 1)[:, None]
    flat = signed - (signed @ centre)[:, None] * centre
    scatter = flat.T @ flat + 1e-9 * np.diag(np.arange(len(centre), 0, -1))
    scatter -= (10 + np.trace(scatter)) * np.outer(centre, centre)
    values, vectors = np.linalg.eigh(scatter)
    ahead = vectors[:, np.argsort(-values)[:-1]].T
    ahead = ahead - (ahead @ centre)[:, None] * centre
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    return np.asarray(ahead * np.sign(ahead[np.arange(len(ahead)), np.abs(ahead).argmax(1)])[:, None])


def around_tube(encoded: Encoded, image: int, part: Component, steps: int) -> Tensor:
    """A torus of revolution once around its tube."""
    outer, inner = (float(radius) for radius in factor_space(encoded, part).radii)
    x, y, z = encoded.points(part)[image].astype(np.float64)
    start = np.arctan2(z, np.hypot(x, y) - outer)
    angle, axis = start + 2 * np.pi * np.arange(steps) / steps, np.arctan2(y, x)
    level = outer + inner * np.cos(angle)
    walked = np.stack([level * np.cos(axis), level * np.sin(axis), inner * np.sin(angle)], -1)
    return moved(encoded, image, part, walked)


def moved(encoded: Encoded, image: int, part: Component, points: npt.NDArray[np.float64]) -> Tensor:
    """Samples (steps, ambient_size): an image's centre with one component at ``points`` (steps, e)."""
    z = np.repeat(encoded.centres[image : image + 1], len(points), 0)
    z[:, part.start : part.stop] = points
    return torch.from_numpy(z)


def traversal_paths(encoded: Encoded, images: Sequence[int] = (), steps: int = STEPS, rows: int = ROWS) -> list[Path]:
    """Paths of all components, the greatest KL first, at most ``rows``; each component from every image in turn.

    The paths pass through the middle image (``Encoded.middle``) where no ``images`` are given.
    """
    images = images or (encoded.middle,)
    found: list[Path] = []
    for component in encoded.order():
        found += [path for image in images for path in component_paths(encoded, image, int(component), steps)]
        if len(found) >= rows:
            break
    return found[:rows]


def path_images(model: VAE, paths: Sequence[Path]) -> Bytes:
    """Decoded images of paths with equally many steps: (rows, steps, H, W, C)."""
    decode = decoder(model)
    return np.stack([decode(path.z) for path in paths])


def path_labels(encoded: Encoded, paths: Sequence[Path]) -> list[str]:
    """A name for each row: component, direction, and its KL divergence."""
    return [f"{path.label}\n{encoded.mean_kl[path.component]:.2f} nats" for path in paths]


def traversals(
    model: VAE, encoded: Encoded, images: Sequence[int] = (), steps: int = STEPS, rows: int = ROWS,
    theme: Theme = LIGHT,
) -> Figure:  # fmt: skip
    """Rows of images in which one component moves, the greatest KL divergence first.

    Args:
        model: the VAE that ``encoded`` comes from.
        encoded: posteriors of images.
        images: indices of encoded images through which the paths pass; the middle one by default.
        steps, rows: images per row, and rows at most.
        theme: colours.
    """
    paths = traversal_paths(encoded, images, steps, rows)
    return image_rows(path_images(model, paths), path_labels(encoded, paths), theme=theme)


def animation(
    model: VAE, encoded: Encoded, image: int | None = None, steps: int = 48, rows: int = 8, columns: int = 4
) -> bytes:
    """The traversals as an animated WebP file: one tile per path, all moving; lines go there and back.

    Returns:
        The file's bytes; the same run gives the same bytes.
    """
    paths = traversal_paths(encoded, () if image is None else (image,), steps, rows)
    images = [there_and_back(part, path.closed) for part, path in zip(path_images(model, paths), paths, strict=True)]
    across = min(columns, len(images))
    padding = -len(images) % across
    blank = np.zeros_like(images[0])
    tiles = np.stack([*images, *[blank] * padding])
    frames = [Image.fromarray(mosaic(tiles[:, step].reshape(-1, across, *tiles.shape[2:]))) for step in range(steps)]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": MILLISECONDS, "loop": 0}
    frames[0].save(buffer, "WEBP", quality=80, method=4, **options)
    return buffer.getvalue()


def there_and_back(images: Bytes, closed: bool) -> Bytes:
    """A closed path's images (steps, …) as they are; an open path's every second one, forwards and then backwards."""
    if closed:
        return images
    half = images[::2]
    return np.concatenate([half, half[::-1]])[: len(images)]
