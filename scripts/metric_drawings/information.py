"""Metrics of dependence and information: modularity, InfoMEC, probes, gaps, the gap of posteriors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metric_drawings.panels import (
    SIZES,
    SMALL,
    Matrix,
    below,
    beside,
    by_factor,
    code_bars,
    figure_of,
    gap_bars,
    grid,
    heat_map,
    legend,
    log_scale,
    margins,
    mark,
    panels,
    representations,
    title,
)
from submission import metrics
from submission.metrics.information import entropies
from submission.metrics.posterior_gap import NormalPosteriors
from submission.plots.style import LIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def modularity() -> Figure:
    """Squared information of each code, and the template: the best factor alone."""
    figure, each = panels(height=60)
    for axes, name, codes, factors in each:
        scores = metrics.modularity_explicitness(codes, factors)
        information = scores.details["mutual_information"]
        relative = (information / information.max(axis=1, keepdims=True)) ** 2
        code_bars(axes, relative)
        best, width = relative.argmax(axis=1), 0.8 / len(SIZES)
        axes.bar(np.arange(len(best)) + width * (best - 1), 1.0, width, fill=False, edgecolor=LIGHT.ink,
                 linewidth=0.8, label="template")  # fmt: skip
        for code, value in enumerate(scores.details["modularity"]):
            axes.text(code, 1.03, f"{value:.2f}", fontsize=SMALL, ha="center")
        axes.set_ylim(0, 1.15)
        name += f"\nmodularity {scores['modularity_score']:.2f}"
        title(axes, name, explicitness=scores["explicitness_score_test"])
    figure.axes[0].set_ylabel("I² / largest I² of the code")
    legend(figure)
    return figure


def unsupervised() -> Figure:
    """Absolute correlations of the codes."""
    figure, each = panels()
    for axes, name, codes, _ in each:
        scores = metrics.unsupervised(codes)
        labels = [str(code + 1) for code in range(codes.shape[1])]
        heat_map(axes, np.abs(np.corrcoef(codes, rowvar=False)), labels, labels)
        axes.set_xlabel("code")
        values = scores["gaussian_total_correlation"], scores["gaussian_wasserstein_correlation"]
        title(axes, name, TC=values[0], W=values[1], MI=scores["mutual_info_score"])
    figure.axes[0].set_ylabel("code")
    return figure


def infomec() -> Figure:
    """Information over the factor's entropy, the largest entry of each row framed, and shares beside and below."""
    figure, each = panels(height=56)
    for axes, name, codes, factors in each:
        scores = metrics.infomec(codes, factors)
        information = scores.details["information"]
        by_factor(axes, information)
        mark(axes, [(code, int(row.argmax())) for code, row in enumerate(information)])
        margins(axes, information, share, "share")
        title(axes, name, M=scores["infom"], C=scores["infoc"], E=scores["infoe"])
    return figure


def share(information: Matrix) -> Matrix:
    """The largest entry of each row over the row's sum; equal shares for a row of zeros."""
    total, equal = information.sum(axis=1), np.full(len(information), 1 / information.shape[1])
    largest: Matrix = np.divide(information.max(axis=1), total, out=equal, where=total > 0)
    return largest


def dci_es() -> Figure:
    """Loss-capacity curves of each factor."""
    figure, each = panels(height=60)
    for axes, name, codes, factors in each:
        scores = metrics.dci_es(codes, factors)
        for factor, losses in enumerate(scores.details["loss"]):
            label = f"factor {factor + 1}"
            axes.plot(scores.details["rounds"], losses, "os^"[factor] + "-", markersize=3, label=label)
        log_scale(axes, base=2)
        axes.set_ylim(-0.03, 1)
        axes.set_xlabel("rounds of boosting")
        title(axes, name, E=scores["explicitness"], size=scores["size"])
    figure.axes[0].set_ylabel("error rate on test points")
    legend(figure)
    return figure


def information_gaps() -> Figure:
    """The information matrix, the gap of each row, and what two metrics make of each column."""
    figure, each = panels(height=62)
    for axes, name, codes, factors in each:
        functions = (metrics.mig_sup, metrics.jemmig, metrics.dcimig, metrics.med)
        sup, joint, dcimig, med = (function(codes, factors) for function in functions)
        by_factor(axes, med.details["mutual_information"] / entropies(factors))
        beside(axes, sup.details["gap"], "gap")
        below(axes, joint.details["per_factor"], "J ")
        below(axes, dcimig.details["per_factor"], "D ")
        values = f"MIG-sup {sup['mig_sup']:.2f}, JEMMIG {joint['jemmig']:.2f}"
        axes.set_title(f"{name}\n{values},\nDCIMIG {dcimig['dcimig']:.2f}, MED {med['med']:.2f}", fontsize=7)
    return figure


def mig_chen() -> Figure:
    """Bars of information from posteriors of four widths."""
    factors = grid(1)
    codes = representations(factors)["one code per factor"]
    widths = (0.05, 0.2, 0.5, 2.0)
    figure, each = figure_of(len(widths))
    for axes, width in zip(each, widths, strict=True):
        posteriors = NormalPosteriors(codes, np.full(codes.shape, width))
        scores = metrics.mig_chen(posteriors, factors, num_samples=1000)
        gap_bars(axes, scores.details["mutual_information"] / np.log(SIZES))
        title(axes, f"posteriors of deviation {width:g}", MIG=scores["mig_chen"])
    each[0].set_ylabel("I(code; factor) / log(values)")
    return figure
