"""The challenge's five metrics and the BetaVAE score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metric_drawings.panels import (
    SIZES,
    SMALL,
    by_factor,
    code_bars,
    gap_bars,
    legend,
    margins,
    mark,
    panels,
    title,
)
from submission import metrics
from submission.metrics.fixed_factor import mean_differences
from submission.metrics.importance import disentanglement_per_code
from submission.metrics.information import entropies
from submission.metrics.intervention_robustness import mean_deviation
from submission.metrics.sampling import sampler_of
from submission.plots.style import LIGHT, PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def mig() -> Figure:
    """Bars of mutual information and their gaps."""
    figure, each = panels()
    for axes, name, codes, factors in each:
        scores = metrics.mig(codes, factors)
        gap_bars(axes, scores.details["mutual_information"] / entropies(factors))
        title(axes, name, MIG=scores["discrete_mig"])
    figure.axes[0].set_ylabel("I(code; factor) / H(factor)")
    return figure


def factor_vae() -> Figure:
    """Tables of votes, the majority of each code framed."""
    figure, each = panels(1)
    for axes, name, codes, factors in each:
        scores = metrics.factor_vae(codes, factors, num_train=1000, num_eval=500, num_variance_estimate=1000)
        votes = scores.details["votes"].T
        by_factor(axes, votes.astype(float), votes.max())
        mark(axes, [(code, int(row.argmax())) for code, row in enumerate(votes) if row.any()])
        title(axes, name, FactorVAE=scores["eval_accuracy"])
    return figure


def dci() -> Figure:
    """Importances, with one minus the entropy of each row and column."""
    figure, each = panels(height=56)
    for axes, name, codes, factors in each:
        scores = metrics.dci(codes, factors)
        importance = scores.details["importance"]
        by_factor(axes, importance)
        margins(axes, importance, disentanglement_per_code, "1 − H")
        title(axes, name, D=scores["disentanglement"], C=scores["completeness"], I=scores["informativeness_test"])
    return figure


def sap() -> Figure:
    """Bars of single codes' accuracies and their gaps."""
    figure, each = panels()
    for axes, name, codes, factors in each:
        scores = metrics.sap(codes, factors)
        gap_bars(axes, scores.details["predictability"], 0.35)
        title(axes, name, SAP=scores["SAP_score"])
    figure.axes[0].set_ylabel("accuracy from one code")
    return figure


def irs() -> Figure:
    """How far each code strays while a factor is fixed, below the line of its largest deviation."""
    figure, each = panels(height=60)
    for axes, name, codes, factors in each:
        scores = metrics.irs(codes, factors)
        code_bars(axes, np.stack([mean_deviation(codes, values, 0.99) for values in factors.T], axis=1))
        largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
        places = np.arange(len(largest))
        axes.hlines(largest, places - 0.42, places + 0.42, color=LIGHT.ink, linewidth=1, label="largest")
        for place, robust in enumerate(scores.details["robustness"].max(axis=1)):
            axes.text(place, largest[place], f"{robust:.2f}", fontsize=SMALL, ha="center", va="bottom")
        title(axes, name, IRS=scores["IRS"])
    figure.axes[0].set_ylabel("deviation while fixed")
    legend(figure)
    return figure


def beta_vae() -> Figure:
    """Mean absolute differences of two codes, a colour per shared factor."""
    figure, each = panels(1, height=60)
    for axes, name, codes, factors in each:
        scores = metrics.beta_vae(codes, factors, num_train=1000, num_eval=500)
        shared, differences = sampler_of(codes, factors, "beta_vae", 0).fixed_factor(
            90, 64, mean_differences, pairs=True
        )
        second = codes.shape[1] // len(SIZES)  # the first code of factor 2
        for factor, marker in enumerate("os^"):
            own = differences[shared == factor]
            axes.plot(own[:, 0], own[:, second], marker, markersize=3, mew=0, color=PALETTE[factor],
                      label=f"factor {factor + 1} is shared")  # fmt: skip
        axes.set_xlabel("difference of code 1")
        axes.set_ylabel(f"of code {second + 1}")
        title(axes, name, BetaVAE=scores["eval_accuracy"])
    legend(figure)
    return figure
