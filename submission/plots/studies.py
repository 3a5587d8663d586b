"""Results of a study: every seed as a dot, means with intervals, and the numbers of the paper beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from submission.evaluation.statistics import Summary, summarise
from submission.plots.style import (
    DASHES,
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

NOT_RUN = "not run"
BINS = 30
"""Of a histogram, over the range of all values."""
ACROSS = 3
"""Panels beside each other."""
TITLE_WIDTH = 32
"""Letters in a line above one of ``ACROSS`` panels."""
INTERVAL_FROM = 3
"""Seeds: the interval of two values is so wide that nothing else could be seen."""
Values = Mapping[str, Sequence[float]]
"""Quantity → a value per seed."""


@dataclass(frozen=True)
class SeedRow:
    """One row of ``seed_dots``.

    Attributes:
        label: the method.
        values: of its trained models.
        untrained: of models before training.
        published: quantity → (mean, deviation) in the paper; None where it prints no deviation.
        summaries: quantity → mean and interval of ``values``; ``summarise``'s where there is none.
    """

    label: str
    values: Values
    untrained: Values = field(default_factory=dict)
    published: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    summaries: Mapping[str, Summary] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of ``means_and_seeds``: points (name, x of each seed, y of each seed); none where nothing was run."""

    label: str
    points: Sequence[tuple[str, Sequence[float], Sequence[float]]]


Rates = Mapping[tuple[str, str], Sequence[float]]
"""(x, y) → a value of 0 or 1 per seed; none where nothing was run."""


@styled
def seed_dots(rows: Sequence[SeedRow], quantities: Mapping[str, str], theme: Theme = LIGHT) -> Figure:
    """One panel per quantity, in it one row per method.

    Dots are seeds, a diamond and a line their mean with its 95 % interval (from three seeds on), a square and a thin
    line the paper's mean with its deviation, rings the untrained models.

    Args:
        rows: methods, from top to bottom.
        quantities: name → title of its panel.
        theme: colours.
    """
    across = 2 if len(quantities) == 4 else min(ACROSS, max(1, len(quantities)))
    down = max(1, -(-len(quantities) // across))
    labels = [wrapped(row.label) for row in rows]
    titles = {name: panel_title(title, across) for name, title in quantities.items()}
    above = 18 + 3.6 * max((title.count("\n") for title in titles.values()), default=0)
    figure = new_figure(PAGE, 6 + down * (above + rows_height(labels)))
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, (name, title) in zip(panels.flat, titles.items(), strict=False):
        for number, row in enumerate(rows):
            draw_row(axes, number, row, name, PALETTE[number % len(PALETTE)], theme)
        axes.set_title(title)
        axes.set_yticks(np.arange(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.ticklabel_format(axis="x", useOffset=False)
        add_grid(axes, "x")
    for axes in panels.flat[len(quantities) :]:
        axes.set_axis_off()
    figure.legend(handles=key(rows, theme), loc="outside lower left", ncols=4)
    return figure


def key(rows: Sequence[SeedRow], theme: Theme) -> list[Any]:
    """The legend of ``seed_dots``: the meaning of each mark that is drawn."""
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"color": theme.soft, "linestyle": "none"}
    intervals = any(len(seeds) >= INTERVAL_FROM for row in rows for seeds in row.values.values())
    line = {"color": theme.soft, "linewidth": 1.6} if intervals else plain
    marks = [
        Line2D([], [], marker="o", markersize=3.2, label="one seed", **plain),
        Line2D([], [], marker="D", markersize=4.4, label=f"mean{' with 95 % interval' * intervals}", **line),
    ]
    if any(row.published for row in rows):
        name = "paper's mean with deviation"
        marks.append(Line2D([], [], marker="s", markersize=3.2, label=name, color=theme.soft, linewidth=0.8))
    if any(row.untrained for row in rows):
        marks.append(Line2D([], [], marker="o", markersize=3.2, markerfacecolor="none", label="untrained", **plain))
    return marks


def draw_row(axes: Any, number: int, row: SeedRow, quantity: str, colour: str, theme: Theme) -> None:
    """One quantity of one method."""
    values = list(row.values.get(quantity, ()))
    edge: dict[str, Any] = {"markeredgecolor": theme.paper, "markeredgewidth": 0.4}
    if not values:
        axes.text(0.02, number, NOT_RUN if not row.values else "no value", fontsize=6, va="center", color=theme.soft,
                  transform=axes.get_yaxis_transform())  # fmt: skip
    if len(values) > 1:
        axes.plot(values, np.full(len(values), number + 0.18), "o", color=colour, markersize=3.2, **edge)
    if len(values) >= INTERVAL_FROM:
        found = row.summaries.get(quantity) or summarise(values)
        axes.plot([found.low, found.high], [number - 0.1] * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
    if values:
        axes.plot([np.mean(values)], [number - 0.1], "D", color=colour, markersize=4.4, **edge)
    ring: dict[str, Any] = {"color": theme.soft, "markersize": 3.2, "markerfacecolor": "none", "markeredgewidth": 0.6}
    for value in row.untrained.get(quantity, ()):
        axes.plot([value], [number + 0.18], "o", **ring)
    if quantity in row.published:
        mean, deviation = row.published[quantity]
        spread = deviation or 0.0
        axes.plot([mean - spread, mean + spread], [number - 0.34] * 2, color=theme.soft, linewidth=0.8)
        axes.plot([mean], [number - 0.34], "s", color=theme.soft, markersize=3.2, **edge)


@styled
def means_and_seeds(lines: Sequence[Line], x_title: str, y_title: str, theme: Theme = LIGHT) -> Figure:
    """A line per method through the means of its points, with a small dot per seed and the points' names.

    Args:
        lines: methods.
        x_title, y_title: of the axes.
        theme: colours.
    """
    labels = [wrapped(line.label if line.points else f"{line.label} ({NOT_RUN})") for line in lines]
    figure = new_figure(PAGE, max(84, legend_height(labels)))
    axes = figure.add_subplot()
    for number, line in enumerate(lines):
        look: dict[str, Any] = mark(number)
        edge: dict[str, Any] = {"markeredgecolor": theme.paper, "markeredgewidth": 0.4}
        for name, x, y in line.points:
            axes.plot(x, y, linestyle="none", markersize=2.6, alpha=0.6, **look)
            axes.annotate(name, (float(np.mean(x)), float(np.mean(y))), (4, 4), textcoords="offset points",
                          fontsize=6, color=theme.soft)  # fmt: skip
        means = np.array([(np.mean(x), np.mean(y)) for _, x, y in line.points]).reshape(-1, 2)
        axes.plot(*means.T, linestyle=DASHES[number % len(DASHES)], markersize=6, label=labels[number], **look, **edge)
    axes.set(xlabel=x_title, ylabel=y_title)
    axes.ticklabel_format(useOffset=False)
    add_grid(axes, "both")
    if lines:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


@styled
def rate_grids(panels: Mapping[str, Rates], x_title: str, y_title: str, theme: Theme = LIGHT) -> Figure:
    """A panel per method, in it a cell for each pair of settings: how many of its seeds have the value 1.

    Args:
        panels: method → its cells; all have the same settings.
        x_title, y_title: the settings' names.
        theme: colours.
    """
    across = min(ACROSS, max(1, len(panels)))
    figure = new_figure(PAGE, 62 * max(1, -(-len(panels) // across)))
    grids = figure.subplots(max(1, -(-len(panels) // across)), across, squeeze=False, sharex=True, sharey=True)
    for axes, (label, rates) in zip(grids.flat, panels.items(), strict=False):
        columns = list(dict.fromkeys(x for x, _ in rates))
        lines = list(dict.fromkeys(y for _, y in rates))
        shares = [[np.mean(rates[x, y]) if rates.get((x, y)) else np.nan for x in columns] for y in lines]
        axes.imshow(np.array(shares, float).reshape(len(lines), len(columns)), cmap="cividis", vmin=0, vmax=1)
        for (x, y), values in rates.items():
            write_rate(axes, columns.index(x), lines.index(y), values, theme)
        axes.set_title(wrapped(label, TITLE_WIDTH))
        axes.set(xlabel=x_title, ylabel=y_title)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(lines)), lines)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    for axes in grids.flat[len(panels) :]:
        axes.set_axis_off()
    return figure


def write_rate(axes: Any, column: int, line: int, values: Sequence[float], theme: Theme) -> None:
    """``hits / seeds`` in one cell, legible on its colour."""
    if not values:
        axes.text(column, line, NOT_RUN, ha="center", va="center", fontsize=6, color=theme.soft)
        return
    hits = int(np.sum(np.equal(values, 1)))
    colour = "#ffffff" if hits < 0.55 * len(values) else "#14171f"
    axes.text(column, line, f"{hits} / {len(values)}", ha="center", va="center", color=colour)


@styled
def histograms(panels: Mapping[str, Values], theme: Theme = LIGHT) -> Figure:
    """A panel per method with how often each value of some quantities occurs, in bins that all panels share.

    Args:
        panels: method → quantity → a value per seed and setting.
        theme: colours.
    """
    pooled = [value for values in panels.values() for column in values.values() for value in column]
    edges = np.histogram_bin_edges(pooled or [0.0], BINS)
    names = [wrapped(name) for values in panels.values() for name in values]
    figure = new_figure(PAGE, max(12 + 44 * max(1, len(panels)), legend_height(list(dict.fromkeys(names)))))
    grid = figure.subplots(max(1, len(panels)), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (label, values) in zip(grid, panels.items(), strict=False):
        colours = [PALETTE[number % len(PALETTE)] for number in range(len(values))]
        axes.hist(list(values.values()), edges, stacked=True, color=colours, label=list(map(wrapped, values)))
        axes.set_title(wrapped(label, 2 * TITLE_WIDTH))
        axes.set_ylabel("number of values")
        axes.locator_params(axis="y", integer=True)
        add_grid(axes, "y")
    grid[-1].set_xlabel("value")
    if panels:
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right upper")
    return figure
