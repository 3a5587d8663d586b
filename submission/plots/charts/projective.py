"""Charts of RP², RP³ and SO(3): a disc and balls, opposite boundary points of which are one point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.plots.charts.base import PI, REVERSED, Array, Chart, register_chart
from submission.plots.charts.euclidean import principal_plane
from submission.plots.charts.spheres import wire_sphere

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@register_chart("projective")
def projective(points: Array, space: Any) -> Sequence[Chart]:
    """RP² as a disc, RP³ as a ball; opposite points of the boundary are one point."""
    dimension = points.shape[1] - 1
    if dimension not in (2, 3):
        return principal_plane(points * np.where(points[:, :1] < 0, -1, 1), space)
    return [disc("RP²") if dimension == 2 else ball("RP³", "of the angle from the pole, 0 to π/2")]


@register_chart("rotation")
def rotation(points: Array, space: Any) -> Sequence[Chart]:
    """SO(3) as the ball of rotation vectors (axis times angle, up to π)."""
    return [ball("SO(3)", "rotation vectors: axis times angle, 0 to π", scale=2.0)]


def disc(name: str) -> Chart:
    """RP² as the closed upper hemisphere seen from the pole (the first axis), by equal areas."""

    def project(points: Array) -> Array:
        upper = points * np.where(points[:, :1] < 0, -1, 1)
        return upper[:, 1:] / np.sqrt(1 + upper[:, :1])

    def invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        squared = (places**2).sum(-1)
        height = 1 - squared[:, None]
        points = np.concatenate([height, places * np.sqrt(np.clip(1 + height, 0, None))], -1)
        return points, squared <= 1

    note = "opposite points of the boundary are one point (equal letters)"
    return Chart(f"{name} as a disc", project, (1.12, 1.12), draw_disc, invert, note)


def ball(name: str, radius: str, scale: float = 1.0) -> Chart:
    """RP³ or SO(3) as a ball around the pole; radii are angles. The decoded plane is the slice through the centre."""
    edge = scale * PI / 2

    def project(points: Array) -> Array:
        upper = points * np.where(points[:, :1] < 0, -1, 1)
        length = np.linalg.norm(upper[:, 1:], axis=1, keepdims=True)
        return np.asarray(scale * np.arctan2(length, upper[:, :1]) * upper[:, 1:] / np.maximum(length, 1e-12))

    def invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        length = np.linalg.norm(places, axis=1, keepdims=True)
        angle = length / scale
        flat = np.sin(angle) * places / np.maximum(length, 1e-12)
        return np.concatenate([np.cos(angle), flat, np.zeros_like(length)], -1), length[:, 0] <= edge

    note = f"radius: {radius}; opposite points of the boundary are one point"
    return Chart(f"{name} as a ball", project, (edge,) * 3, lambda axes: draw_ball(axes, edge), invert, note,
                 "slice z = 0", (edge * 1.05, edge * 1.05))  # fmt: skip


def draw_disc(axes: Axes) -> None:
    """The unit circle, opposite points of which carry the same letter."""
    angle = np.linspace(0, 2 * PI, 200)
    axes.plot(np.cos(angle), np.sin(angle), zorder=3, **REVERSED)
    for index, letter in enumerate("abc"):
        for turn in (0, PI):
            place = PI / 6 + index * PI / 3 + turn
            axes.text(1.1 * np.cos(place), 1.1 * np.sin(place), letter, ha="center", va="center", fontsize=7)
            axes.plot([np.cos(place)], [np.sin(place)], "o", markersize=2.5, color=REVERSED["color"], zorder=4)
    axes.set_axis_off()


def draw_ball(axes: Any, radius: float) -> None:
    """A wire ball; equal letters mark two pairs of boundary points that are one point each."""
    wire_sphere(axes, radius)
    for letter, point in (("a", (1, 0, 0)), ("b", (0, 1, 0)), ("c", (0, 0, 1))):
        for sign in (-1, 1):
            place = sign * radius * np.array(point)
            axes.plot(*place[:, None], "o", markersize=2.5, color=REVERSED["color"])
            axes.text(*(1.16 * place), letter, ha="center", va="center", fontsize=7)
    axes.set_axis_off()
