"""Charts of circles, of the flat torus, of the torus in R³, and of the Klein bottle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.plots.charts.base import GREY, PI, REVERSED, Array, Chart, register_chart
from submission.plots.charts.euclidean import principal_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@register_chart("circle")
def circle(points: Array, space: Any) -> Sequence[Chart]:
    """A circle in the plane."""
    return [Chart("circle", lambda z: z, (1.45, 1.45), draw_circle, note="angles in radians")]


def flat_torus() -> Chart:
    """Two circles as a square whose opposite sides are identified: points (N, 4) are two unit vectors."""

    def invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        points = np.concatenate([np.cos(places), np.sin(places)], -1)[:, [0, 2, 1, 3]]
        return points, np.ones(len(places), bool)

    def project(points: Array) -> Array:
        return np.stack([np.arctan2(points[:, 1], points[:, 0]), np.arctan2(points[:, 3], points[:, 2])], -1)

    note = "opposite sides are one line (equal arrows)"
    return Chart("flat torus", project, (PI, PI), draw_square, invert, note)


@register_chart("torus")
def torus_in_space(points: Array, space: Any) -> Sequence[Chart]:
    """The torus of revolution in R³, and its two angles as a square."""
    outer, inner = radii_of(points, space)

    def invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        axis, tube = places[:, 0], places[:, 1]
        outwards = outer + inner * np.cos(tube)
        points = np.stack([outwards * np.cos(axis), outwards * np.sin(axis), inner * np.sin(tube)], -1)
        return points, np.ones(len(places), bool)

    def angles(points: Array) -> Array:
        tube = np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]) - outer)
        return np.stack([np.arctan2(points[:, 1], points[:, 0]), tube], -1)

    def draw(axes: Any) -> None:
        draw_square(axes, "angle around the axis (rad)", "angle around the tube (rad)")

    limits = (outer + inner,) * 2 + (inner * 1.6,)

    def normals(points: Array) -> Array:
        level = np.hypot(points[:, 0], points[:, 1])[:, None]
        return np.asarray((points - np.concatenate([points[:, :2] / level * outer, np.zeros_like(level)], -1)) / inner)

    solid = Chart("torus in R³", lambda z: z, limits, lambda axes: draw_torus(axes, outer, inner), normals=normals)
    flat = Chart("torus, its two angles", angles, (PI, PI), draw, invert, "opposite sides are one line")
    return [solid, flat]


def radii_of(points: Array, space: Any) -> tuple[float, float]:
    """(R, r) of a torus of revolution: the space's own, or those that fit the points (N, 3)."""
    known = getattr(space, "radii", None)
    if known is not None:
        return float(known[0]), float(known[1])
    level = np.hypot(points[:, 0], points[:, 1])
    return float((level.max() + level.min()) / 2), float((level.max() - level.min()) / 2)


@register_chart("manifold")
def fundamental_domain(points: Array, space: Any) -> Sequence[Chart]:
    """Two coordinates of a manifold in their fundamental domain, such as the Klein bottle's; else a plane."""
    import torch

    manifold = getattr(space, "manifold", None)
    if manifold is None or len(manifold.outline) != 2:
        return principal_plane(points, space)
    middle, half = (np.array([part(low, high) for low, high in manifold.outline]) for part in (centre_of, half_of))

    def project(points: Array) -> Array:
        placed: Array = manifold.coordinates(torch.as_tensor(points)).numpy() - middle
        return placed

    def invert(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        points: Array = manifold.point(torch.as_tensor(places + middle)).numpy()
        return points, np.ones(len(places), bool)

    note = "upper and lower side are one line; so are left and right, one of them upside down"
    name, shown = f"{manifold.name}, fundamental domain", invert if manifold.point is not None else None
    return [Chart(name, project, (half[0], half[1]), draw_domain, shown, note)]


def centre_of(low: float, high: float) -> float:
    """Middle of an interval."""
    return (low + high) / 2


def half_of(low: float, high: float) -> float:
    """Half the length of an interval."""
    return (high - low) / 2


def draw_circle(axes: Axes) -> None:
    """The unit circle with its angles."""
    angle = np.linspace(0, 2 * PI, 200)
    axes.plot(np.cos(angle), np.sin(angle), color=GREY, linewidth=0.6, zorder=0)
    for place, label in zip(PI / 2 * np.arange(4), ("0", "π/2", "±π", "−π/2"), strict=True):
        axes.text(0.72 * np.cos(place), 0.72 * np.sin(place), label, ha="center", va="center", fontsize=6)
    axes.set_axis_off()


def draw_square(axes: Axes, x: str = "angle 1 (rad)", y: str = "angle 2 (rad)") -> None:
    """A square with angles on its sides; equal arrows mark sides that are one line."""
    ticks = [-PI, -PI / 2, 0, PI / 2, PI]
    labels = ["−π", "−π/2", "0", "π/2", "π"]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set(xlabel=x, ylabel=y)
    for spine in axes.spines.values():
        spine.set_visible(True)
    for side in (-PI, PI):
        mark: dict[str, Any] = {"clip_on": False, "markersize": 4, "zorder": 5, **REVERSED}
        axes.plot([0.32], [side], marker=">", **mark)
        axes.plot([side, side], [0.22, 0.46], marker="^", linestyle="none", **mark)


def draw_domain(axes: Axes) -> None:
    """A square; the arrows on its left and right side point against each other, as on a Klein bottle."""
    axes.set(xlabel="once around, u − π (rad)", ylabel="across, v (rad)")
    for spine in axes.spines.values():
        spine.set_visible(True)
    mark: dict[str, Any] = {"clip_on": False, "markersize": 4, "zorder": 5, "linestyle": "none", **REVERSED}
    axes.plot([0.32, 0.32], [-PI, PI], marker=">", **mark)
    axes.plot([-PI, -PI], [0.22, 0.46], marker="^", **mark)
    axes.plot([PI, PI], [-0.22, -0.46], marker="v", **mark)


def draw_torus(axes: Any, outer: float, inner: float) -> None:
    """A wire torus."""
    angle = np.linspace(0, 2 * PI, 121)
    style: dict[str, Any] = {"color": GREY, "linewidth": 0.3}
    for fixed in np.arange(0, 2 * PI, PI / 8):
        level, height = outer + inner * np.cos(angle), inner * np.sin(angle)
        axes.plot(level * np.cos(fixed), level * np.sin(fixed), height, **style)
        level = outer + inner * np.cos(fixed)
        axes.plot(level * np.cos(angle), level * np.sin(angle), np.full_like(angle, inner * np.sin(fixed)), **style)
    axes.set_axis_off()
