"""Charts: how points of a manifold are placed on paper, what is drawn around them, and where decoded images go.

Every kind of component (``Component.topology``) has a chart. ``chart_for`` finds it, and a space of one's own either
registers one with ``register_chart`` or has a method ``chart()`` that returns one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.floating]
PI = np.pi
REVERSED: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.2}
"""How a boundary is drawn whose points are identified."""


@dataclass(frozen=True)
class Chart:
    """A picture of one manifold.

    Attributes:
        name: what is shown, for titles and alternative text: ``sphere, Hammer projection``.
        project: points (N, e) of the manifold → places (N, 2) or (N, 3).
        limits: half widths of the picture along each axis.
        outline: draws the boundary and labels on the axes.
        invert: places (M, 2) → points (M, e) and which places lie inside (M,); None where no plane shows the
            manifold, or a part of it, without overlap. Decoded images are drawn there.
        note: what a reader must know, such as which boundary points are one point.
        plane: what the places of ``invert`` are where they are not those of ``project``, such as ``slice z = 0``.
        plane_limits: half widths of the plane of ``invert``; those of the picture by default.
        normals: outward normals (N, 3) of a closed surface at points (N, e), by which hidden points are left out.
    """

    name: str
    project: Callable[[Array], Array]
    limits: tuple[float, ...]
    outline: Callable[[Any], None]
    invert: Callable[[Array], tuple[Array, npt.NDArray[np.bool_]]] | None = None
    note: str = ""
    plane: str = ""
    plane_limits: tuple[float, float] = (0.0, 0.0)
    normals: Callable[[Array], Array] | None = None

    @property
    def spatial(self) -> bool:
        """Whether the picture is in three dimensions."""
        return len(self.limits) == 3


ChartMaker = Callable[[Array, Any], Sequence[Chart]]
"""Points (N, e) and the space they belong to → the charts that show it, the most informative one first."""
CHARTS: dict[str, ChartMaker] = {}


def register_chart(topology: str) -> Callable[[ChartMaker], ChartMaker]:
    """Name the function that makes the charts of a ``Component.topology``; for manifolds of one's own."""

    def register(maker: ChartMaker) -> ChartMaker:
        CHARTS[topology] = maker
        return maker

    return register


def charts_for(topology: str, points: Array, space: Any = None) -> Sequence[Chart]:
    """The charts of a component: the space's own method ``charts(points)``, the registered ones, or a plane.

    Args:
        topology: as in ``Component``.
        points: centres of posteriors (N, e), to which a chart may adapt its axes.
        space: the factor that the component belongs to.
    """
    own = getattr(space, "charts", None)
    if callable(own):
        return list(own(points))
    return CHARTS.get(topology, principal_plane)(points, space)


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


@register_chart("sphere")
def sphere(points: Array, space: Any) -> Sequence[Chart]:
    """S² by Hammer's projection and as a globe; higher spheres by two principal axes."""
    if points.shape[1] != 3:
        return principal_plane(points, space)
    hammer = Chart("sphere, Hammer projection", hammer_project, (2 * 2**0.5, 2**0.5), draw_ellipse, hammer_invert,
                   "areas are true; the left and right edge are one meridian")  # fmt: skip
    return [hammer, Chart("sphere as a globe", lambda z: z, (1.0, 1.0, 1.0), draw_globe, normals=lambda z: z)]


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

    note = "upper and lower side are one line; so are left and right, one of them upside down"
    return [Chart(f"{manifold.name}, fundamental domain", project, (half[0], half[1]), draw_domain, note=note)]


def centre_of(low: float, high: float) -> float:
    """Middle of an interval."""
    return (low + high) / 2


def half_of(low: float, high: float) -> float:
    """Half the length of an interval."""
    return (high - low) / 2


def draw_domain(axes: Axes) -> None:
    """A square; the arrows on its left and right side point against each other, as on a Klein bottle."""
    axes.set(xlabel="once around, u − π (rad)", ylabel="across, v (rad)")
    for spine in axes.spines.values():
        spine.set_visible(True)
    mark: dict[str, Any] = {"clip_on": False, "markersize": 4, "zorder": 5, "linestyle": "none", **REVERSED}
    axes.plot([0.32, 0.32], [-PI, PI], marker=">", **mark)
    axes.plot([-PI, -PI], [0.22, 0.46], marker="^", **mark)
    axes.plot([PI, PI], [-0.22, -0.46], marker="v", **mark)


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


def euclidean(points: Array) -> Chart:
    """R¹ against its index, R² and R³ as they are, more coordinates by their first two."""
    reach = float(np.ceil(max(2.0, np.abs(points).max() if len(points) else 2.0) * 10) / 10)
    size = points.shape[1]
    if size == 3:

        def through_origin(places: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
            return np.concatenate([places, np.zeros((len(places), 1))], -1), np.ones(len(places), bool)

        return Chart("R³", lambda z: z, (reach,) * 3, lambda axes: draw_box(axes, reach), through_origin,
                     plane="plane z₃ = 0", plane_limits=(reach, reach))  # fmt: skip
    if size == 1:
        return Chart("R¹", spread_out, (reach, 1.0), draw_line)
    return Chart("R²", lambda z: z, (reach, reach), draw_plane, lambda places: (places, np.ones(len(places), bool)))


def spread_out(points: Array) -> Array:
    """Numbers (N, 1) along a line, at heights that fill a strip evenly so that points do not hide each other."""
    return np.concatenate([points, (2 * np.modf(np.arange(len(points)) * 0.618034)[0] - 1)[:, None] * 0.9], -1)


def principal_plane(points: Array, space: Any) -> Sequence[Chart]:
    """Points of any manifold in R^e, projected onto the two axes along which they vary most."""
    centred = points - points.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    mean = points.mean(0)
    reach = float(np.abs(centred @ axes.T).max() * 1.08) or 1.0
    name = f"two principal axes of {points.shape[1]} coordinates"

    def outline(axes: Any) -> None:
        axes.set(xlabel="first principal axis", ylabel="second principal axis")
        axes.grid(axis="both")

    return [Chart(name, lambda z: (z - mean) @ axes.T, (reach, reach), outline)]


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


def radii_of(points: Array, space: Any) -> tuple[float, float]:
    """(R, r) of a torus of revolution: the space's own, or those that fit the points (N, 3)."""
    known = getattr(space, "radii", None)
    if known is not None:
        return float(known[0]), float(known[1])
    level = np.hypot(points[:, 0], points[:, 1])
    return float((level.max() + level.min()) / 2), float((level.max() - level.min()) / 2)


def draw_circle(axes: Axes) -> None:
    """The unit circle with its angles."""
    angle = np.linspace(0, 2 * PI, 200)
    axes.plot(np.cos(angle), np.sin(angle), color="#7A7F8C", linewidth=0.6, zorder=0)
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
    axes.plot(*places.T, color="#7A7F8C", linewidth=0.8 if edge else 0.35, zorder=3 if edge else 0)


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
    axes.plot(*(radius * rim).T, color="#7A7F8C", linewidth=0.7)
    for line in lines:
        seen = hidden | (line @ view_direction(axes) > 0)
        axes.plot(*(radius * np.where(seen[:, None], line, np.nan)).T, color="#7A7F8C", linewidth=0.35)


def view_direction(axes: Any) -> Array:
    """Unit vector (3,) from the origin towards the eye of a three-dimensional picture."""
    height, turn = np.radians(axes.elev), np.radians(axes.azim)
    return np.array([np.cos(height) * np.cos(turn), np.cos(height) * np.sin(turn), np.sin(height)])


def draw_torus(axes: Any, outer: float, inner: float) -> None:
    """A wire torus."""
    angle = np.linspace(0, 2 * PI, 121)
    style: dict[str, Any] = {"color": "#7A7F8C", "linewidth": 0.3}
    for fixed in np.arange(0, 2 * PI, PI / 8):
        level, height = outer + inner * np.cos(angle), inner * np.sin(angle)
        axes.plot(level * np.cos(fixed), level * np.sin(fixed), height, **style)
        level = outer + inner * np.cos(fixed)
        axes.plot(level * np.cos(angle), level * np.sin(angle), np.full_like(angle, inner * np.sin(fixed)), **style)
    axes.set_axis_off()


def draw_plane(axes: Axes) -> None:
    """Axes of R², and the circle that holds 95 % of the prior N(0, 1)²."""
    angle = np.linspace(0, 2 * PI, 200)
    radius = np.sqrt(-2 * np.log(0.05))
    axes.plot(radius * np.cos(angle), radius * np.sin(angle), "--", color="#7A7F8C", linewidth=0.6, zorder=0)
    axes.set(xlabel="z₁ (prior standard deviations)", ylabel="z₂ (prior standard deviations)")
    axes.grid(axis="both")


def draw_line(axes: Axes) -> None:
    """One axis with its unit."""
    axes.set(xlabel="z (prior standard deviations)", yticks=[])
    axes.spines["left"].set_visible(False)


def draw_box(axes: Any, reach: float) -> None:
    """Three axes with their units."""
    axes.set(xlabel="z₁", ylabel="z₂", zlabel="z₃")
    axes.tick_params(pad=-2)
    axes.xaxis.labelpad = axes.yaxis.labelpad = axes.zaxis.labelpad = -7
