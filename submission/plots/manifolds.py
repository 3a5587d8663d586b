"""The latent space itself: encoded images where their posteriors are centred, and decoded images where they come from.

After Figures 3 to 5 of Pérez Rey et al. (2020). ``charts`` defines the chart of each manifold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from submission.latent.base import Component
from submission.plots.charts import Chart, charts_for
from submission.plots.charts.euclidean import euclidean
from submission.plots.charts.spheres import view_direction
from submission.plots.charts.tori import flat_torus
from submission.plots.colours import factor_colours, factor_palette, torus_colours, torus_legend
from submission.plots.encoding import Decode, Encoded
from submission.plots.images import as_rgb
from submission.plots.style import LIGHT, PAGE, PALETTE, Theme, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Array = npt.NDArray[np.floating]
CELLS = 12
"""Decoded images along the longer side of a grid."""
VIEWS = ((22.0, -60.0), (22.0, 120.0))
"""Elevation and azimuth in degrees of the two views of a picture in three dimensions."""
MOST_PARTS = 6


@dataclass(frozen=True)
class Part:
    """Components of a latent space that are shown in one picture.

    Attributes:
        title: their names.
        columns: their columns in an ambient sample.
        kl: their mean KL divergence in nats.
        charts: how they are shown, the first one first.
        members: their indices in ``space.components``.
    """

    title: str
    columns: tuple[int, ...]
    kl: float
    charts: tuple[Chart, ...]
    members: tuple[int, ...]


@dataclass(frozen=True)
class Colouring:
    """Colours of encoded images.

    Attributes:
        colours: (N, 3) sRGB.
        names: of the one or two factors that they show; empty where there are none.
        palette: colours (size, 3) of the values of the one factor, or empty.
        factor: its number among the data set's; 0 where there are two or none.
    """

    colours: Array
    names: tuple[str, ...]
    palette: Array
    factor: int = 0


@dataclass(frozen=True)
class Panel:
    """One of the pictures in a row.

    Attributes:
        kind: ``points`` (encoded images), ``images`` (decoded ones) or ``legend``.
        chart: of points and images.
        colouring: of points and legends.
        view: elevation and azimuth in degrees, in three dimensions.
    """

    kind: str
    chart: Chart
    colouring: Colouring
    view: tuple[float, float] = VIEWS[0]

    @property
    def width(self) -> float:
        """Share of the row's width."""
        if self.kind != "legend":
            return 1.0
        return 0.4 if len(self.colouring.names) == 2 else 0.06


@styled
def latent_space(encoded: Encoded, decode: Decode | None = None, theme: Theme = LIGHT) -> Figure:
    """Encoded images in the latent space, coloured by factors of variation, beside decoded images on a grid.

    Data sets with two cyclic factors get the colours of Figure 5 of Pérez Rey et al. (2020), others those of the two
    most informative factors of the component. A product of spaces has a row per factor, the one with the greatest KL
    divergence first, ``MOST_PARTS`` at most.

    Args:
        encoded: posteriors of images.
        decode: samples z (n, ambient_size) → images (n, H, W, C); without it no images are decoded.
        theme: colours.
    """
    parts = parts_of(encoded)[:MOST_PARTS]
    rows = [(part, row) for part in parts for row in rows_of(encoded, part, decode is not None, len(parts) > 1)]
    heights = [height_of(row) for _, row in rows]
    figure = new_figure(PAGE, sum(heights))
    areas = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for (part, row), area in zip(rows, areas, strict=True):
        draw_row(area, encoded, part, row, decode)
    return figure


def parts_of(encoded: Encoded) -> list[Part]:
    """What is drawn, the part with the greatest KL divergence first."""
    components = encoded.space.components
    groups: dict[object, list[int]] = {}
    for index, component in enumerate(components):
        flat = component.topology in ("circle", "line") and component.stop - component.start <= 2
        groups.setdefault((component.topology if flat else index), []).append(index)
    parts = [part for members in groups.values() for part in split(encoded, members)]
    return sorted(parts, key=lambda part: -part.kl)


def split(encoded: Encoded, members: Sequence[int]) -> list[Part]:
    """Pictures of circles in pairs, of up to three lines (of more, the two with the greatest KL), and of all others."""
    ranked = sorted(members, key=lambda index: -encoded.mean_kl[index])
    topology = encoded.space.components[ranked[0]].topology
    if topology == "line":
        shown = ranked[:3] if len(ranked) == 3 else ranked[:2]
        return [part_of(encoded, shown)]
    if topology == "circle":
        return [part_of(encoded, ranked[start : start + 2]) for start in range(0, len(ranked), 2)]
    return [part_of(encoded, [index]) for index in ranked]


def part_of(encoded: Encoded, members: Sequence[int]) -> Part:
    """The picture of some components."""
    members = sorted(members)
    components = [encoded.space.components[index] for index in members]
    columns = tuple(column for part in components for column in range(part.start, part.stop))
    points = encoded.centres[:, list(columns)]
    title = ", ".join(component.name for component in components)
    kl = float(encoded.mean_kl[list(members)].sum())
    return Part(title, columns, kl, tuple(charts_of(encoded, components, points)), tuple(members))


def charts_of(encoded: Encoded, components: Sequence[Component], points: Array) -> Sequence[Chart]:
    """Charts of the components' points (N, e)."""
    if components[0].topology == "circle" and len(components) == 2:
        return [flat_torus()]
    if components[0].topology == "line":
        return [euclidean(points)]
    return charts_for(components[0].topology, points, factor_space(encoded, components[0]))


def factor_space(encoded: Encoded, component: Component) -> Any:
    """The factor of a product that a component belongs to, or the space itself."""
    factors = getattr(encoded.space, "spaces", None)
    return encoded.space if factors is None else factors[component.factor]


def rows_of(encoded: Encoded, part: Part, decoding: bool, brief: bool) -> list[list[Panel]]:
    """The panels of one part, row by row; ``brief``: a single row."""
    colourings = colours_of(encoded, part)
    rows = []
    for chart in part.charts:
        views = VIEWS if chart.spatial and len(colourings) == 1 and not brief else VIEWS[:1]
        row = [
            panel
            for colouring in colourings
            for panel in (
                *(Panel("points", chart, colouring, view) for view in views),
                *([Panel("legend", chart, colouring)] if colouring.names else []),
            )
        ]
        row += [Panel("images", chart, colourings[0])] if decoding and chart.invert else []
        squares_last = sorted(row, key=lambda panel: panel.kind == "legend" and len(panel.colouring.names) == 2)
        rows.append(squares_last)
    if not brief:
        return rows
    images = [panel for row in rows for panel in row if panel.kind == "images"]
    return [[*(panel for panel in rows[0] if panel.kind != "images"), *images[:1]]]


def height_of(row: Sequence[Panel]) -> float:
    """Millimetres of a row of panels."""
    width = (PAGE - 8) / sum(
        panel.width + (0.24 if panel.kind != "legend" and not panel.chart.spatial else 0.05) for panel in row
    )
    tallest = max(1.0 if panel.chart.spatial else panel.chart.limits[1] / panel.chart.limits[0] for panel in row)
    return min(width * tallest, 90.0) + (24 if not row[0].chart.spatial else 14)


def draw_row(
    area: Figure | SubFigure, encoded: Encoded, part: Part, row: Sequence[Panel], decode: Decode | None
) -> None:
    """Panels side by side."""
    grid = area.add_gridspec(1, len(row), width_ratios=[panel.width for panel in row])
    for number, panel in enumerate(row):
        spatial = panel.kind == "points" and panel.chart.spatial
        view: dict[str, Any] = {"elev": panel.view[0], "azim": panel.view[1]} if spatial else {}
        axes: Any = area.add_subplot(grid[0, number], projection="3d" if spatial else None, **view)
        if panel.kind == "legend":
            draw_legend(axes, encoded, panel.colouring)
        elif panel.kind == "images":
            assert decode is not None
            draw_images(axes, encoded, part, panel.chart, decode)
        else:
            draw_points(axes, encoded, part, panel, first=number == 0)
            if panel.chart.name == "circle" and decode is not None:
                draw_ring(axes, encoded, part, decode)


def draw_points(axes: Any, encoded: Encoded, part: Part, panel: Panel, first: bool) -> None:
    """Encoded images at the centres of their posteriors."""
    points = encoded.centres[:, list(part.columns)].astype(np.float64)
    chart, colours = panel.chart, panel.colouring.colours
    if chart.normals is not None:
        seen = chart.normals(points) @ view_direction(axes) > 0
        points, colours = points[seen], colours[seen]
    places = chart.project(points)
    if chart.name == "circle":
        places = places * (0.86 + 0.28 * np.modf(np.arange(len(places)) * 0.618034)[0])[:, None]
    size = float(np.clip(16_000 / max(1, len(places)), 1.5, 12))
    style: dict[str, Any] = {"s": size, "c": colours, "linewidths": 0, "rasterized": True, "zorder": 2}
    if chart.spatial:
        axes.scatter(*places.T, depthshade=chart.normals is None, **style)
        axes.set(xlim=span(chart.limits[0]), ylim=span(chart.limits[1]), zlim=span(chart.limits[2]))
        axes.set_box_aspect(chart.limits, zoom=0.88 if chart.name == "R³" else 1.4)
    else:
        axes.scatter(*places.T, **style)
        axes.set(xlim=span(chart.limits[0] * 1.02), ylim=span(chart.limits[1] * 1.02), aspect="equal")
    chart.outline(axes)
    label_axes(axes, part, chart)
    title = f"{part.title} (KL {part.kl:.1f} nats)\n{chart.name}" if first else "\n"
    axes.set_title(title, loc="left", linespacing=1.4)


def label_axes(axes: Any, part: Part, chart: Chart) -> None:
    """Names of components on the axes that show them."""
    names = part.title.split(", ")
    if chart.name in ("flat torus", "R²") and len(names) == 2:
        unit = "(rad)" if chart.name == "flat torus" else "(prior s.d.)"
        axes.set(xlabel=f"{names[0]} {unit}", ylabel=f"{names[1]} {unit}")
    elif chart.name == "R³":
        axes.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])


def span(half: float) -> tuple[float, float]:
    """Limits of an axis."""
    return -half, half


def draw_images(axes: Axes, encoded: Encoded, part: Part, chart: Chart, decode: Decode) -> None:
    """Decoded images on a grid of the chart's plane; the other components are those of a middle image."""
    half = chart.plane_limits if chart.spatial else chart.limits
    sheet = image_sheet(encoded, part, chart, (half[0], half[1]), decode)
    axes.imshow(sheet, extent=(-half[0], half[0], -half[1], half[1]), aspect="equal", zorder=1)
    if chart.spatial:
        axes.set_axis_off()
    else:
        chart.outline(axes)
        label_axes(axes, part, chart)
    axes.set(xlim=span(half[0] * 1.02), ylim=span(half[1] * 1.02))
    axes.set_title(f"\ndecoded images{f', {chart.plane}' if chart.plane else ''}", linespacing=1.4)


def image_sheet(
    encoded: Encoded, part: Part, chart: Chart, half: tuple[float, float], decode: Decode
) -> npt.NDArray[np.uint8]:
    """RGBA (H, W, 4): decoded images in the cells whose middle lies on the manifold, transparent elsewhere."""
    assert chart.invert is not None
    columns = CELLS if half[0] < 1.5 * half[1] else CELLS + 4
    rows = max(1, round(columns * half[1] / half[0]))
    x = half[0] * ((np.arange(columns) + 0.5) / columns * 2 - 1)
    y = half[1] * ((np.arange(rows)[::-1] + 0.5) / rows * 2 - 1)
    points, inside = chart.invert(np.stack(np.broadcast_arrays(x[None, :], y[:, None]), -1).reshape(-1, 2))
    images = as_rgb(decode(placed(encoded, part, points)))
    alpha = np.broadcast_to(np.where(inside, 255, 0)[:, None, None, None], (*images.shape[:3], 1))
    tiles = np.concatenate([images, alpha.astype(np.uint8)], -1)
    gap = max(1, tiles.shape[1] // 24)
    tiles = np.pad(tiles, ((0, 0), (gap, gap), (gap, gap), (0, 0)))
    height, width = tiles.shape[1:3]
    return tiles.reshape(rows, columns, height, width, 4).swapaxes(1, 2).reshape(rows * height, columns * width, 4)


def placed(encoded: Encoded, part: Part, points: Array) -> torch.Tensor:
    """Samples (M, ambient_size): the middle image's centre with the part's columns at ``points`` (M, e)."""
    z = np.repeat(encoded.centres[encoded.middle][None], len(points), 0)
    z[:, list(part.columns)] = points
    return torch.from_numpy(z)


def draw_ring(axes: Axes, encoded: Encoded, part: Part, decode: Decode, count: int = 12) -> None:
    """Decoded images around a circle."""
    angle = 2 * np.pi * np.arange(count) / count
    points = np.stack([np.cos(angle), np.sin(angle)], -1)
    for place, image in zip(1.62 * points, as_rgb(decode(placed(encoded, part, points))), strict=True):
        x, y = place
        axes.imshow(image, extent=(x - 0.34, x + 0.34, y - 0.34, y + 0.34), aspect="equal", zorder=2)
    axes.set(xlim=span(2.0), ylim=span(2.0))


def colours_of(encoded: Encoded, part: Part) -> list[Colouring]:
    """Colours by two cyclic factors, if the data set has no others; else by the part's two most informative factors."""
    if encoded.factors is None:
        return [Colouring(np.tile(colour_of(PALETTE[0]), (len(encoded.centres), 1)), (), np.zeros((0, 3)))]
    varied = [index for index, size in enumerate(encoded.factor_sizes) if size > 1]
    if len(varied) == 2 and all(encoded.periodic[index] for index in varied):
        vertical, horizontal = varied
        turns = [2 * np.pi * encoded.factors[:, k] / encoded.factor_sizes[k] for k in (horizontal, vertical)]
        names = (encoded.factor_names[horizontal], encoded.factor_names[vertical])
        return [Colouring(torus_colours(turns[0], turns[1]), names, np.zeros((0, 3)))]
    known = np.max([encoded.shares(index) for index in part.members], axis=0)
    return [one_factor(encoded, int(index)) for index in np.argsort(-known, kind="stable")[:2]]


def one_factor(encoded: Encoded, index: int) -> Colouring:
    """Colours by one factor."""
    assert encoded.factors is not None
    size, periodic = encoded.factor_sizes[index], encoded.periodic[index]
    colours = factor_colours(encoded.factors[:, index], size, periodic)
    return Colouring(colours, (encoded.factor_names[index],), factor_palette(size, periodic), index)


def colour_of(name: str) -> Array:
    """A named colour as an array."""
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(name))


def draw_legend(axes: Axes, encoded: Encoded, colouring: Colouring) -> None:
    """The square of two cyclic factors' colours, or a bar of one factor's."""
    if len(colouring.names) == 2:
        axes.imshow(torus_legend(), extent=(0, 1, 0, 1), aspect="equal")
        axes.set(title="\ncolours")
        axes.set_xlabel(f"{colouring.names[0]} →", fontsize=6.5)
        axes.set_ylabel(f"{colouring.names[1]} →", fontsize=6.5)
        axes.set_xticks([0, 1], ["0", "2π"])
        axes.set_yticks([0, 1], ["0", "2π"])
        return
    size = len(colouring.palette)
    axes.imshow(colouring.palette[:, None], extent=(0, 1, -0.5, size - 0.5), origin="lower", aspect="auto")
    axes.set_box_aspect(10)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    marks = range(size) if size <= 8 else [0, size // 2, size - 1]
    axes.set_yticks(list(marks), [encoded.label(colouring.factor, mark) for mark in marks])
    axes.set_title("\n", linespacing=1.4)
    axes.set_ylabel(colouring.names[0], fontsize=7)  # along the bar: a title would reach over the neighbours
    axes.spines[:].set_visible(False)
