"""Training curves and score bars as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from submission.errors import SubmissionError
from submission.run import series

LEGEND = 12
"""Components that a legend can name."""
COLOURS = ("#2456c4", "#c4572a", "#2f8f5b", "#8a4fb5", "#7a7f8c")


def training_curves(log: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Small multiples of the logged terms ``names`` over the training step, as a ``data:`` URI."""
    pyplot = plotting()
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.2 * len(names), 2.5), squeeze=False)
    for axis, name, colour in zip(axes[0], names, COLOURS * len(names), strict=False):
        axis.plot(*series(log, name), color=colour, linewidth=1.4)
        axis.set_title(name, fontsize=9, loc="left")
        axis.set_xlabel("step", fontsize=8)
        tidy(axis)
    return svg_uri(figure)


def component_curves(log: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Small multiples of the per-component values (C,) that each line of ``log`` has, one line per component."""
    pyplot = plotting()
    terms = [key for key, value in log[0].items() if isinstance(value, list)]
    figure, axes = pyplot.subplots(1, len(terms), figsize=(4.8 * len(terms), 2.8), squeeze=False)
    colours = pyplot.get_cmap("viridis")
    for axis, term in zip(axes[0], terms, strict=True):
        steps = [row["step"] for row in log if term in row]
        columns = list(zip(*(row[term] for row in log if term in row), strict=True))
        for number, values in enumerate(columns):
            label = names[number] if term == "kl" and len(names) <= LEGEND else None
            axis.plot(steps, values, linewidth=1.2, label=label, color=colours(0.9 * number / max(1, len(columns) - 1)))
        axis.set_title(term, fontsize=9, loc="left")
        axis.set_xlabel("step", fontsize=8)
        tidy(axis)
    if len(names) <= LEGEND:
        axes[0][0].legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return svg_uri(figure)


def score_bars(scores: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> str:
    """Grouped bars: one group per metric, one bar per representation, as a ``data:`` URI."""
    pyplot = plotting()
    figure, axis = pyplot.subplots(figsize=(9, 2.8))
    width = 0.8 / max(1, len(scores))
    for number, (label, values) in enumerate(scores.items()):
        offsets = [position + (number - (len(scores) - 1) / 2) * width for position in range(len(names))]
        axis.bar(
            offsets, [values.get(name, 0.0) for name in names], width * 0.92, label=label, color=COLOURS[number % 5]
        )
    axis.set_xticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(0, 1)
    axis.legend(fontsize=8, frameon=False, ncols=len(scores), loc="upper center", bbox_to_anchor=(0.5, 1.18))
    tidy(axis)
    return svg_uri(figure)


def plotting() -> Any:
    """matplotlib's pyplot, drawing to memory; a clear error where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise SubmissionError(
            "the report's charts need matplotlib", "pip install matplotlib, or run `make setup`"
        ) from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def tidy(axis: Any) -> None:
    """Take away what carries no information."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.grid(axis="y", color="#e3e6ec", linewidth=0.6)
    axis.set_axisbelow(True)


def svg_uri(figure: Any) -> str:
    """A matplotlib figure as a ``data:`` URI; the figure is closed."""
    buffer = io.BytesIO()
    figure.tight_layout()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plotting().close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
