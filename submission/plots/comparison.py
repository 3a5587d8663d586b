"""Runs and methods side by side: every seed a dot, the mean with its interval, and quality against reconstruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from submission.evaluation.statistics import summarise
from submission.metrics.registry import bounds, title
from submission.options import as_list
from submission.plots.style import (
    LIGHT,
    PAGE,
    PALETTE,
    Theme,
    add_grid,
    legend_height,
    mark,
    new_figure,
    panel_title,
    rows_height,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""Method → metric → one score per seed."""


@styled
def score_dots(scores: Scores, metrics: str | Sequence[str], theme: Theme = LIGHT) -> Figure:
    """One panel per metric; in it one row per method: dots for seeds, a diamond and a line for mean and 95 % interval.

    Args:
        scores: every method's scores per seed.
        metrics: what is shown, from left to right, five per row of panels.
        theme: colours.
    """
    methods, metrics = list(scores), as_list(metrics)
    across = min(5, max(1, len(metrics)))
    down = max(1, -(-len(metrics) // across))
    labels = [wrapped(method) for method in methods]
    figure = new_figure(PAGE, down * (17 + rows_height(labels)))
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, metric in zip(panels.flat, metrics, strict=False):
        for row, method in enumerate(methods):
            values = [value for value in scores[method].get(metric, ()) if np.isfinite(value)]
            draw_scores(axes, row, values, bounds(metric), PALETTE[row % len(PALETTE)], theme)
        axes.set_title(panel_title(title(metric), across))
        axes.set_yticks(np.arange(len(methods)), labels)
        axes.set_ylim(len(methods) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        add_grid(axes, "x")
        low, high = axes.get_xlim()
        if low >= -0.05 and high <= 1.1:
            axes.set_xlim(-0.03, 1.03)
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for axes in panels.flat[len(metrics) :]:
        axes.set_axis_off()
    return figure


def draw_scores(
    axes: Any, row: int, values: Sequence[float], limits: tuple[float, float], colour: str, theme: Theme
) -> None:
    """Seeds as dots, above them their mean with its bootstrap interval."""
    if not values:
        axes.text(0.5, row, "not computed", fontsize=6, va="center", color=theme.soft,
                  transform=axes.get_yaxis_transform(), ha="center")  # fmt: skip
        return
    summary = summarise(values).within(*limits)
    if len(values) == 1:
        axes.plot(values, [row], "D", color=colour, markersize=5)
        return
    axes.plot(values, np.full(len(values), row + 0.18), "o", color=colour, markersize=3.4,
              markeredgecolor=theme.paper, markeredgewidth=0.3)  # fmt: skip
    axes.plot([summary.low, summary.high], [row - 0.14] * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot([summary.mean], [row - 0.14], "D", color=colour, markersize=4.6, markeredgecolor=theme.paper,
              markeredgewidth=0.6)  # fmt: skip


@styled
def tradeoff(points: Mapping[str, Sequence[tuple[float, float]]], score: str = "MIG", theme: Theme = LIGHT) -> Figure:
    """A score against the reconstruction loss: good runs lie at the upper left.

    Args:
        points: method → (reconstruction loss in nats per image, score) of each of its runs.
        score: name of the score.
        theme: colours.
    """
    labels = [wrapped(method) for method in points]
    figure = new_figure(PAGE, max(78, legend_height(labels)))
    axes = figure.add_subplot()
    for number, (label, runs) in enumerate(zip(labels, points.values(), strict=True)):
        if not runs:
            continue
        x, y = np.array(runs, float).T
        look: dict[str, Any] = {"linestyle": "none", **mark(number)}
        axes.plot(x, y, markersize=4.5, markeredgecolor=theme.paper, markeredgewidth=0.4, label=label, **look)
        if len(x) > 1:
            axes.plot([x.mean()], [y.mean()], markersize=9, markeredgecolor=theme.ink, **look)
    axes.set(xlabel="reconstruction loss at the end of training (nats per image)", ylabel=score)
    add_grid(axes, "both")
    if len(points) > 1 or any(points):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
