"""Charts of S²: Hammer's equal-area map and a globe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.plots.charts.base import GREY, PI, Array, Chart, register_chart
from submission.plots.charts.euclidean import principal_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@register_chart("sphere")
def sphere(points: Array, space: Any) -> Sequence[Chart]:
    """S² by Hammer's projection and as a globe; higher spheres by two principal axes."""
    if points.shape[1] != 3:
        return principal_plane(points, space)
    hammer = Chart("sphere, Hammer projection", hammer_project, (2 * 2**0.5, 2**0.5), draw_ellipse, hammer_invert,
                   "areas are true; the left and right edge are one meridian")  # fmt: skip
    return [hammer, Chart("sphere as a globe", lambda z: z, (1.0, 1.0, 1.0), draw_globe, normals=lambda z: z)]


def hammer_project(points: Array) -> Array:
    """Hammer's equal-area projection of S² (N, 3) onto an ellipse with half axes 2√2 and √2."""
    longitude = np.arctan2(points[:, 1], points[:, 0])
    latitude = np.arcsin(np.clip(points[:, 2], -1, 1))
    root = np.sqrt(1 + np.cos(latitude) * np.cos(longitude / 2))
    x = 2 * np.sqrt(2) * np.cos(latitude) * np.sin(longitude / 2) / root
    return np.stack([x, np.sqrt(2) * np.sin(latitude) / root], -1)


def hammer_invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The points of S² (M, 3) at places (M, 2) of ``hammer_project``, and which places are on the map."""
    x, y = places[:, 0], places[:, 1]
    inside = x**2 / 8 + y**2 / 2 <= 1
    z = np.sqrt(np.clip(1 - (x / 4) ** 2 - (y / 2) ** 2, 0.5, None))
    longitude = 2 * np.arctan2(z * x, 2 * (2 * z**2 - 1))
    latitude = np.arcsin(np.clip(z * y, -1, 1))
    level = np.cos(latitude)
    return np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], -1), inside


def draw_ellipse(axes: Axes) -> None:
    """Boundary, meridians and parallels of the Hammer projection."""
    latitudes, longitudes = np.linspace(-PI / 2, PI / 2, 91), np.linspace(-PI, PI, 181)
    for longitude in np.linspace(-PI, PI, 9):
        grid_line(axes, np.full(91, longitude), latitudes, edge=abs(longitude) > 3)
    for latitude in np.linspace(-PI / 2, PI / 2, 7)[1:-1]:
        grid_line(axes, longitudes, np.full(181, latitude))
    axes.set_axis_off()


def grid_line(axes: Axes, longitude: Array, latitude: Array, edge: bool = False) -> None:
    """One line of the graticule; the edge a little inside the cut, where longitudes jump."""
    longitude = np.clip(longitude, -PI + 1e-9, PI - 1e-9)
    level = np.cos(latitude)
    points = np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], -1)
    places = hammer_project(points)
    axes.plot(*places.T, color=GREY, linewidth=0.8 if edge else 0.35, zorder=3 if edge else 0)


def draw_globe(axes: Any) -> None:
    """The side of a wire globe that is seen."""
    wire_sphere(axes, 1.0, hidden=False)
    axes.set_axis_off()


def wire_sphere(axes: Any, radius: float, hidden: bool = True) -> None:
    """Meridians and parallels; ``hidden`` ones are those on the far side."""
    angle = np.linspace(0, 2 * PI, 121)
    lines = []
    for longitude in np.arange(0, PI, PI / 6):
        level = np.cos(angle)
        lines.append(np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(angle)], -1))
    for latitude in np.linspace(-PI / 3, PI / 3, 5):
        level, height = np.cos(latitude), np.full_like(angle, np.sin(latitude))
        lines.append(np.stack([level * np.cos(angle), level * np.sin(angle), height], -1))
    across = np.linalg.svd(view_direction(axes)[None])[2][1:]
    rim = np.cos(angle)[:, None] * across[0] + np.sin(angle)[:, None] * across[1]
    axes.plot(*(radius * rim).T, color=GREY, linewidth=0.7)
    for line in lines:
        seen = hidden | (line @ view_direction(axes) > 0)
        axes.plot(*(radius * np.where(seen[:, None], line, np.nan)).T, color=GREY, linewidth=0.35)


def view_direction(axes: Any) -> Array:
    """Unit vector (3,) from the origin towards the eye of a three-dimensional picture."""
    height, turn = np.radians(axes.elev), np.radians(axes.azim)
    return np.array([np.cos(height) * np.cos(turn), np.cos(height) * np.sin(turn), np.sin(height)])
