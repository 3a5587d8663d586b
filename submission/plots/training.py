"""Figures of a training run: loss terms, latent components, and the information in each component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from submission.latent.families import COLLAPSED
from submission.plots.encoding import Encoded
from submission.plots.style import (
    DASHES,
    LIGHT,
    PAGE,
    PALETTE,
    Theme,
    add_grid,
    legend_height,
    new_figure,
    styled,
    wrapped,
)
from submission.run import series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Log = Sequence[Mapping[str, Any]]
TERMS = {
    "reconstruction": "reconstruction loss (nats per image)",
    "kl": "KL divergence (nats per image)",
    "loss": "loss (nats per image)",
    "images_per_second": "images per second",
}
"""Logged terms that ``training_curves`` shows, and their labels."""
MOST = 24
"""Components that a figure names."""
NAMES_PER_ROW = 4
"""Runs in a row of a legend, if their names are short."""
ROW, SAMPLE = 120, 8
"""Letters in a row of a legend, and those that the line beside a name takes."""
TITLES = 108
"""Letters in the titles of a row of panels."""


@styled
def training_curves(logs: Mapping[str, Log], held_out: Log = (), theme: Theme = LIGHT) -> Figure:
    """Loss terms over the updates, one line per run.

    Args:
        logs: the records of each run's training log, by the run's name.
        held_out: the ELBO of held-out images, where there are any (of a single run).
        theme: colours.
    """
    terms = [term for term in TERMS if any(series(log, term)[0] for log in logs.values())]
    terms = [term for term in terms if term != "loss" or len(terms) < 4]
    count = max(1, len(terms) + bool(held_out))
    names = [wrapped(name) for name in logs]
    columns = names_per_row(names)
    figure = new_figure(PAGE, 52 + (legend_height(names[::columns]) if len(logs) > 1 else 0))
    panels = figure.subplots(1, count, squeeze=False)[0]
    for axes, term in zip(panels, terms, strict=False):
        for number, (name, log) in enumerate(zip(names, logs.values(), strict=True)):
            curve(axes, *series(log, term), number, name)
        axes.set(xlabel="updates", title=wrapped(TERMS[term], TITLES // count))
        add_grid(axes)
    if held_out:
        curve(panels[-1], *series(held_out, "elbo"), 0, "")
        panels[-1].set(xlabel="updates", title=wrapped("ELBO of held-out images (nats)", TITLES // count))
        add_grid(panels[-1])
    if len(logs) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def names_per_row(names: Sequence[str]) -> int:
    """How many names of a legend stand beside each other, one to ``NAMES_PER_ROW``."""
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    return max(1, min(NAMES_PER_ROW, ROW // (longest + SAMPLE)))


def curve(axes: Axes, steps: Sequence[float], values: Sequence[float], number: int, label: str) -> None:
    """One line; a single point is a dot, since a line through it cannot be seen."""
    style: dict[str, Any] = {"color": PALETTE[number % len(PALETTE)], "linestyle": DASHES[number % len(DASHES)]}
    axes.plot(steps, values, marker="o" if len(steps) == 1 else None, markersize=4, label=label or None, **style)
    if len(steps) == 1:
        axes.margins(0.4)
    axes.ticklabel_format(axis="x", scilimits=(-2, 5))


@styled
def component_curves(log: Log, names: Sequence[str], theme: Theme = LIGHT) -> Figure:
    """KL divergence of each component over the updates; ``log`` has a list ``kl`` (C,) per record."""
    records = [row for row in log if isinstance(row.get("kl"), list)]
    figure = new_figure(PAGE, 58)
    axes = figure.add_subplot()
    values = np.array([row["kl"] for row in records], float)
    steps = [row["step"] for row in records]
    ranked = np.argsort(-values[-1], kind="stable") if len(records) else np.zeros(0, int)
    for place, column in enumerate(ranked):
        label = f"{names[column]}" if place < min(MOST, 12) and column < len(names) else ""
        curve(axes, steps, values[:, column].tolist(), place, label)
    axes.axhline(COLLAPSED, color=theme.soft, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set(xlabel="updates", ylabel="KL divergence (nats)")
    add_grid(axes)
    if len(ranked):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="greatest KL first")
    return figure


@styled
def component_kl(encoded: Encoded, theme: Theme = LIGHT) -> Figure:
    """KL divergence per component, greatest first, each with the factor of highest mutual information.

    Bars of components that have collapsed (KL below ``COLLAPSED`` nats) are hatched. At most ``MOST`` are shown.
    """
    order = encoded.order()[:MOST]
    values = encoded.mean_kl[order]
    figure = new_figure(PAGE, 14 + 5.2 * max(3, len(order)))
    axes = figure.add_subplot()
    bars = axes.barh(np.arange(len(order)), values, height=0.72, color=PALETTE[0])
    for bar, value in zip(bars, values, strict=True):
        if value < COLLAPSED:
            bar.set(facecolor="none", edgecolor=theme.soft, hatch="////")
    for place, (index, value) in enumerate(zip(order, values, strict=True)):
        axes.annotate(known_factor(encoded, int(index)), (max(value, 0), place), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=7, color=theme.soft)  # fmt: skip
    axes.set_yticks(np.arange(len(order)), [encoded.names[index] for index in order])
    axes.invert_yaxis()
    axes.set(xlabel=f"mean KL divergence over {len(encoded.kl):,} images (nats)")
    axes.set_xlim(0, max(float(values.max()) if len(values) else 0, COLLAPSED) * 1.35)
    left_out = len(encoded.names) - len(order)
    if left_out:
        axes.set_title(f"the {len(order)} components with the greatest KL; {left_out:,} more are not shown")
    add_grid(axes, "x")
    return figure


def known_factor(encoded: Encoded, index: int) -> str:
    """The factor of which a component has the greatest share of the entropy: ``orientation (42 %)``."""
    if encoded.mean_kl[index] < COLLAPSED:
        return f"{encoded.mean_kl[index]:.3f}  collapsed"
    text = f"{encoded.mean_kl[index]:.2f}"
    if encoded.factors is None or not encoded.factor_names:
        return text
    shares = encoded.shares(index)
    best = int(shares.argmax())
    return f"{text}  {encoded.factor_names[best]} ({shares[best]:.0%})"
