"""Representations of three factors, and what the drawings share: panels, heat maps, bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from submission.metrics.prediction import Method
from submission.plots.colours import SEQUENTIAL
from submission.plots.style import LIGHT, PAGE, PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Matrix = npt.NDArray[np.float64]
Factors = npt.NDArray[np.int64]

SIZES = (6, 8, 10)
COPIES = 4
"""How often every combination of the factors' values appears; only once where a metric needs a full grid."""
NOISE = 0.02
TURN = 12
"""Values of the cycle that ``periodic`` and ``d_lsbd`` look at."""
SMALL = 6.0
PREDICTORS: tuple[tuple[Method, str], ...] = (("boosted_trees", "o-"), ("logistic_regression", "s:"))
"""Predictor of ``downstream`` → how its line is drawn."""


def grid(copies: int = COPIES) -> Factors:
    """Every combination of the factors' values, ``copies`` times: (N, 3)."""
    values = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, len(SIZES))
    return np.tile(values, (copies, 1))


def representations(factors: Factors) -> dict[str, Matrix]:
    """Codes (N, D) of the factors (N, 3), by what was done to them; deterministic."""
    generator = np.random.default_rng(0)
    plain = 2 * factors / (np.array(SIZES) - 1) - 1
    turned = plain.copy()
    turned[:, :2] = plain[:, :2] @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    twice = np.repeat(plain, 2, axis=1)
    clean = {"one code per factor": plain, "codes 1, 2 turned by 45°": turned, "two codes per factor": twice}
    noisy = {name: codes + NOISE * generator.standard_normal(codes.shape) for name, codes in clean.items()}
    return {**noisy, "noise": generator.standard_normal(plain.shape)}


def figure_of(count: int, height: float = 52.0) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels side by side."""
    figure = new_figure(PAGE, height)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def panels(copies: int = COPIES, height: float = 52.0) -> tuple[Figure, Iterator[tuple[Axes, str, Matrix, Factors]]]:
    """A figure, and its panel, name, codes and factors for each representation."""
    factors = grid(copies)
    made = representations(factors)
    figure, axes = figure_of(len(made), height)
    return figure, ((own, name, codes, factors) for own, (name, codes) in zip(axes, made.items(), strict=True))


def log_scale(axes: Axes, base: int = 10) -> None:
    """A logarithmic x axis with plain numbers, since figures show formulas as they are written."""
    axes.set_xscale("log", base=base)
    axes.xaxis.set_major_formatter("{x:g}")


def title(axes: Axes, name: str, **values: float) -> None:
    """The representation's name, and below it the metric's values."""
    shown = ", ".join(f"{key} {value:.2f}" for key, value in values.items())
    axes.set_title(f"{name}\n{shown}", fontsize=7)


def names(word: str, count: int) -> list[str]:
    """``word 1``, ``word 2``, ..."""
    return [f"{word} {number + 1}" for number in range(count)]


def heat_map(axes: Axes, matrix: Matrix, rows: Sequence[str], columns: Sequence[str], most: float = 1.0) -> None:
    """A matrix with its numbers, dark where there is nothing and bright at ``most``."""
    edges = [np.arange(length + 1) - 0.5 for length in matrix.shape]
    axes.pcolormesh(edges[1], edges[0], matrix, cmap=SEQUENTIAL, vmin=0, vmax=most, linewidth=0, edgecolors="face")
    for row, column in np.argwhere(np.isfinite(matrix)):
        value, colour = matrix[row, column], "#101418" if matrix[row, column] > 0.55 * most else "#f4f6fa"
        shown = f"{value:.0f}" if most > 1 else f"{value:.2f}"
        axes.text(column, row, shown, ha="center", va="center", fontsize=5.5, color=colour)
    axes.set_xticks(range(len(columns)), columns, fontsize=SMALL)
    axes.set_yticks(range(len(rows)), rows, fontsize=SMALL)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def by_factor(axes: Axes, matrix: Matrix, most: float = 1.0) -> None:
    """A matrix of codes (rows) and factors (columns)."""
    heat_map(axes, matrix, names("code", len(matrix)), names("factor", matrix.shape[1]), most)


def mark(axes: Axes, cells: Sequence[tuple[int, int]]) -> None:
    """A frame around each of the ``cells`` (row, column)."""
    from matplotlib.patches import Rectangle

    for row, column in cells:
        frame = Rectangle((column - 0.44, row - 0.44), 0.88, 0.88, fill=False, edgecolor=PALETTE[1], linewidth=1.4)
        axes.add_patch(frame)


def beside(axes: Axes, values: npt.ArrayLike, word: str) -> None:
    """A number to the right of each row, under the heading ``word``."""
    numbers, right = np.asarray(values), axes.get_xlim()[1] + 0.1
    axes.text(right, -0.62, word, fontsize=SMALL, color=LIGHT.soft, va="bottom")
    for row, number in enumerate(numbers):
        axes.text(right, row, f"{number:.2f}", fontsize=SMALL, va="center")


def below(axes: Axes, values: npt.ArrayLike, word: str = "") -> None:
    """A number under each column, after ``word``, in one more line of the tick labels."""
    labels = [text.get_text() for text in axes.get_xticklabels()]
    added = [f"{label}\n{word}{number:.2f}" for label, number in zip(labels, np.asarray(values), strict=True)]
    axes.set_xticks(range(len(added)), added, fontsize=SMALL)


def margins(axes: Axes, matrix: Matrix, of_rows: Callable[[Matrix], Matrix], word: str) -> None:
    """A number for each row beside it and one for each column below it, both by ``of_rows``."""
    beside(axes, of_rows(matrix), word)
    below(axes, of_rows(matrix.T))
    axes.set_xlabel(f"below each factor: {word}", fontsize=SMALL, color=LIGHT.soft)


def gap_bars(axes: Axes, matrix: Matrix, top: float = 1.0) -> None:
    """For each factor its codes' values (codes, K) in falling order, and the gap between the first two."""
    ordered = -np.sort(-matrix, axis=0)[:4]
    width = 0.8 / len(ordered)
    for factor, values in enumerate(ordered.T):
        places = factor + width * (np.arange(len(values)) - (len(values) - 1) / 2)
        axes.bar(
            places, values, 0.9 * width, color=[PALETTE[0], PALETTE[5], *[LIGHT.line] * len(values)][: len(values)]
        )
        axes.hlines(values[:2], places[0], places[1] + width / 2, color=PALETTE[1], linewidth=0.7)
        arrow = {"arrowstyle": "|-|,widthA=0.15,widthB=0.15", "color": PALETTE[1], "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (places[1], values[0]), (places[1], values[1]), arrowprops=arrow)
        axes.text(places[1], values[0] + 0.02 * top, f"{values[0] - values[1]:.2f}", color=PALETTE[1],
                  fontsize=SMALL, ha="center", va="bottom")  # fmt: skip
    axes.set_xticks(range(ordered.shape[1]), names("factor", ordered.shape[1]), fontsize=SMALL)
    axes.set_ylim(0, 1.12 * top)


def code_bars(axes: Axes, matrix: Matrix) -> None:
    """Bars of values (codes, K): a group per code, a colour per factor."""
    width = 0.8 / matrix.shape[1]
    for factor, values in enumerate(matrix.T):
        places = np.arange(len(values)) + width * (factor - (matrix.shape[1] - 1) / 2)
        axes.bar(places, values, 0.9 * width, color=PALETTE[factor], label=f"factor {factor + 1}")
    axes.set_xticks(range(len(matrix)), [str(code + 1) for code in range(len(matrix))])
    axes.set_xlabel("code")


def legend(figure: Figure) -> None:
    """One legend below all panels, of what the first shows."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
