"""Charts of R¹, R² and R³, and the plane of two principal axes, used for every other space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.plots.charts.base import GREY, PI, Array, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def euclidean(points: Array) -> Chart:
    """R¹ as a strip, R² and R³ as they are, more coordinates by their first two."""
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


def draw_plane(axes: Axes) -> None:
    """Axes of R², and the circle that holds 95 % of the prior N(0, 1)²."""
    angle = np.linspace(0, 2 * PI, 200)
    radius = np.sqrt(-2 * np.log(0.05))
    axes.plot(radius * np.cos(angle), radius * np.sin(angle), "--", color=GREY, linewidth=0.6, zorder=0)
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
