"""Heat maps of metrics' matrices: mutual information, DCI importance, FactorVAE votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.plots.colours import SEQUENTIAL
from submission.plots.style import LIGHT, PAGE, Theme, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Matrix = npt.NDArray[np.floating]
MATRICES = {
    "mig": ("mutual_information", "mutual information (nats)"),
    "dci": ("importance", "DCI importance"),
    "factor_vae": ("votes", "FactorVAE votes"),
}
"""Metric → the name of its matrix (codes, factors) in a score file, and what the matrix shows."""
MOST_ROWS = 40
MOST_NUMBERS = 160
"""Cells up to which each one's number is written into it."""


def matrices_of(details: Mapping[str, Mapping[str, Any]]) -> dict[str, Matrix]:
    """The matrices (codes, factors) in the ``details`` of a score file, by title; those that are there."""
    found = {}
    for metric, (key, title) in MATRICES.items():
        values = details.get(metric, {}).get(key)
        if values is None:
            continue
        matrix = np.array(values, float)
        if metric == "factor_vae":  # (factors, codes)
            matrix = matrix.T
        if matrix.ndim == 2 and matrix.size:
            found[title] = matrix
    return found


@styled
def heat_maps(
    matrices: Mapping[str, Matrix], factor_names: Sequence[str] = (), code_names: Sequence[str] = (),
    theme: Theme = LIGHT,
) -> Figure:  # fmt: skip
    """Matrices (codes, factors) side by side, dark where there is nothing and bright where there is most.

    Args:
        matrices: by title.
        factor_names: of the columns; numbers by default.
        code_names: of the rows; numbers by default. The ``MOST_ROWS`` rows with the greatest entry are shown.
        theme: colours.
    """
    rows = min(MOST_ROWS, max((len(matrix) for matrix in matrices.values()), default=1))
    figure = new_figure(PAGE, 30 + max(24, 4.6 * rows))
    panels = figure.subplots(1, max(1, len(matrices)), squeeze=False)[0]
    for axes, (title, whole) in zip(panels, matrices.items(), strict=False):
        kept = np.sort(np.argsort(-whole.max(1), kind="stable")[:MOST_ROWS])
        matrix = whole[kept]
        picture = axes.imshow(matrix, cmap=SEQUENTIAL, aspect="auto", vmin=0)
        columns = [factor_names[k] if k < len(factor_names) else f"factor {k}" for k in range(matrix.shape[1])]
        labels = [code_names[k] if k < len(code_names) else f"code {k}" for k in kept]
        axes.set_xticks(np.arange(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(labels)), labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(title + (f" ({len(kept)} of {len(whole)} rows)" if len(kept) < len(whole) else ""))
        if matrix.size <= MOST_NUMBERS:
            write_numbers(axes, matrix)
        bar = figure.colorbar(picture, ax=axes, shrink=0.7, pad=0.02, aspect=24)
        bar.outline.set_visible(False)
    return figure


def write_numbers(axes: Any, matrix: Matrix) -> None:
    """Each cell's number in it, dark on bright cells and bright on dark ones."""
    top = matrix.max() or 1.0
    for row, column in np.ndindex(matrix.shape):
        value = matrix[row, column]
        text = f"{value:.0f}" if top > 20 else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=5.5,
                  color="#101418" if value > 0.55 * top else "#f4f6fa")  # fmt: skip
