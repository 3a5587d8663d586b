"""Codes against factors: one scatter plot for each pair, as Stühmer et al. (2020) show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from submission.errors import SubmissionError
from submission.plots.encoding import Encoded
from submission.plots.style import LIGHT, PAGE, PALETTE, Theme, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COMPONENTS, MOST_FACTORS, MOST_POINTS = 8, 8, 1_000


@styled
def codes_and_factors(encoded: Encoded, theme: Theme = LIGHT) -> Figure:
    """The values of components (rows, greatest KL first) over the values of factors (columns).

    Of several columns, a panel shows the one that has most information about the factor. Factor values are jittered,
    so that points do not hide each other.

    Raises:
        SubmissionError: the data set has no factors of variation.
    """
    if encoded.factors is None:
        raise SubmissionError(f"{encoded.dataset} has no factors of variation", "choose another kind of plot")
    rows = encoded.order()[:MOST_COMPONENTS]
    columns = [k for k, size in enumerate(encoded.factor_sizes) if size > 1][:MOST_FACTORS]
    figure = new_figure(PAGE, 12 + len(rows) * min(24, (PAGE - 14) / max(1, len(columns)) * 0.8))
    panels = figure.subplots(len(rows), max(1, len(columns)), squeeze=False, sharex="col", sharey="row")
    chosen = np.random.default_rng(0).permutation(len(encoded.kl))[:MOST_POINTS]
    jitter = np.random.default_rng(1).uniform(-0.3, 0.3, len(chosen))
    for down, component in enumerate(rows):
        part = encoded.space.components[component]
        codes, shares = encoded.columns(part), encoded.column_shares(component)
        for across, factor in enumerate(columns):
            axes, values = panels[down, across], encoded.factors[:, factor]
            column = int(shares[:, factor].argmax())
            strong = shares[column, factor] == shares.max()
            axes.scatter(values[chosen] + jitter, codes[chosen, column], s=3, linewidths=0, alpha=0.5, rasterized=True,
                         color=PALETTE[0] if strong else theme.soft)  # fmt: skip
            box = {"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
            text = f"{shares[column, factor]:.0%}{f', column {column + 1}' if len(shares) > 1 else ''}"
            axes.text(0.97, 0.96, text, transform=axes.transAxes, ha="right", va="top",
                      fontsize=6, bbox=box)  # fmt: skip
            if down == len(rows) - 1:
                axes.set_xlabel(encoded.factor_names[factor])
                axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
                axes.xaxis.set_major_formatter(lambda value, _, factor=factor: encoded.label(factor, value))
        panels[down, 0].set_ylabel(f"{part.name}{' (rad)' if part.topology == 'circle' else ''}")
        if part.topology == "circle":
            panels[down, 0].set_yticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    return figure
