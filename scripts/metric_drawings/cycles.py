"""Metrics of codes of a cycle: angular error and D_LSBD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from metric_drawings.panels import (
    TURN,
    Factors,
    Matrix,
    figure_of,
    legend,
    title,
)
from submission import metrics
from submission.metrics.angular_error import angles, predicted_angles
from submission.plots.colours import cycle_colours
from submission.plots.style import LIGHT, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cycle() -> tuple[Factors, dict[str, Matrix]]:
    """A cyclic factor (N, 1), each value once, and four representations (N, 2) of its angle."""
    values, generator = np.arange(TURN), np.random.default_rng(1)
    angle = angles(values, TURN)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    noise = generator.standard_normal((2, TURN, 2))
    number = np.stack([angle, np.zeros(TURN)], axis=1)
    made = {"a circle": circle, "a circle and noise": circle + 0.4 * noise[0], "the angle as a number": number}
    return values[:, None], {**made, "noise": noise[1]}


def periodic() -> Figure:
    """Predicted angles against true ones."""
    factor, made = cycle()
    figure, each = figure_of(len(made))
    for axes, (name, codes) in zip(each, made.items(), strict=True):
        scores, angle = metrics.periodic(codes, factor, codes, factor), angles(factor[:, 0], TURN)
        predicted = predicted_angles(codes, angle, codes) % (2 * np.pi)
        nearest = angle + np.angle(np.exp(1j * (predicted - angle)))
        axes.plot([0, 360], [0, 360], color=LIGHT.line)
        axes.vlines(np.degrees(angle), np.degrees(angle), np.degrees(nearest), color=PALETTE[1], linewidth=1)
        axes.scatter(np.degrees(angle), np.degrees(nearest), s=14, color=cycle_colours(angle), zorder=3)
        axes.set_xlabel("true angle (degrees)")
        title(axes, name, score=scores["angular_score"])
    each[0].set_ylabel("predicted from the codes")
    return figure


def plane_of(codes: Matrix) -> npt.NDArray[np.complex128]:
    """Points (N,) of the codes (N, 2) in the plane of largest variance, scaled to a mean squared length of 1."""
    centred = codes - codes.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(centred, rowvar=False, ddof=0))
    scale = np.where(variance > 1e-9, 1 / np.sqrt(2 * np.maximum(variance, 1e-9)), 0)
    first, second = (centred @ axes * scale).T
    return np.asarray(second + 1j * first)


def turned_back(points: npt.NDArray[np.complex128], angle: Matrix, frequency: int) -> npt.NDArray[np.complex128]:
    """The points turned back by frequency · angle, in the direction in which their mean is longer."""
    both = [points * np.exp(sign * 1j * frequency * angle) for sign in (1, -1)]
    return max(both, key=lambda turned: float(abs(turned.mean())))


def d_lsbd() -> Figure:
    """Codes in their plane, and the same points turned back by the angle."""
    factor, made = cycle()
    figure, each = figure_of(len(made), 60)
    angle = angles(factor[:, 0], TURN)
    for axes, (name, codes) in zip(each, made.items(), strict=True):
        scores = metrics.d_lsbd(codes, factor)
        frequency = int(scores.details["frequency"][0])
        draw_turns(axes, plane_of(codes), angle, frequency)
        axes.set_title(f"{name}\nD_LSBD {scores['d_lsbd']:.2f}, ω = {frequency}", fontsize=7)
    legend(figure)
    return figure


def draw_turns(axes: Axes, points: npt.NDArray[np.complex128], angle: Matrix, frequency: int) -> None:
    """Points with their angle's colour, crosses where they are turned back to, and an arrow to the crosses' mean."""
    around, back = np.exp(1j * np.linspace(0, 2 * np.pi, 100)), turned_back(points, angle, frequency)
    axes.plot(around.real, around.imag, color=LIGHT.line)
    axes.scatter(points.real, points.imag, s=16, color=cycle_colours(angle), label="code, by its angle")
    axes.plot(back.real, back.imag, "x", color=LIGHT.ink, markersize=4, mew=0.8, label="turned back by ωθ")
    axes.plot([0, back.mean().real], [0, back.mean().imag], color=PALETTE[1], linewidth=2, label="their mean")
    axes.set_aspect("equal", "datalim")
