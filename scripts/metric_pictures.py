"""Draw how each metric arrives at its number, on the same small codes.

    python scripts/metric_pictures.py [NAME ...] [--out FOLDER]

Each picture of docs/metrics.md shows what the metric computes from four representations of three factors, each titled
with the value that the package's own function gives. Without names all pictures are drawn, in about a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from submission import metrics
from submission.metrics.agreement import lasso, standardised
from submission.metrics.angular_error import angles, predicted_angles
from submission.metrics.fixed_factor import mean_differences
from submission.metrics.importance import disentanglement_per_code
from submission.metrics.information import entropies
from submission.metrics.intervention_robustness import mean_deviation
from submission.metrics.posterior_gap import NormalPosteriors
from submission.metrics.prediction import Method
from submission.metrics.sampling import sampler_of
from submission.plots.colours import SEQUENTIAL, cycle_colours
from submission.plots.style import LIGHT, PAGE, PALETTE, new_figure, save, styled

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


@dataclass(frozen=True)
class Picture:
    """How a picture is drawn, and which metrics of the registry it explains."""

    draw: Callable[[], Figure]
    metrics: tuple[str, ...]


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
        beside(axes, disentanglement_per_code(importance), "1 − H")
        below(axes, disentanglement_per_code(importance.T))
        axes.set_xlabel("below each factor: 1 − H", fontsize=SMALL, color=LIGHT.soft)
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


def code_bars(axes: Axes, matrix: Matrix) -> None:
    """Bars of values (codes, K): a group per code, a colour per factor."""
    width = 0.8 / matrix.shape[1]
    for factor, values in enumerate(matrix.T):
        places = np.arange(len(values)) + width * (factor - (matrix.shape[1] - 1) / 2)
        axes.bar(places, values, 0.9 * width, color=PALETTE[factor], label=f"factor {factor + 1}")
    axes.set_xticks(range(len(matrix)), [str(code + 1) for code in range(len(matrix))])
    axes.set_xlabel("code")


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


def legend(figure: Figure) -> None:
    """One legend below all panels, of what the first shows."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


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
        beside(axes, share(information), "share")
        below(axes, share(information.T))
        axes.set_xlabel("below each factor: share", fontsize=SMALL, color=LIGHT.soft)
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
        axes.set_xscale("log", base=2)
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


def downstream() -> Figure:
    """Accuracy by training points; accuracies without a factor's best code; accuracy after a shift."""
    figure, (first, second, third) = figure_of(3, 60)
    factors = grid()
    made = representations(factors)
    draw_learning(first, made, factors)
    draw_reduced(second, made["one code per factor"], factors)
    del made["noise"]
    draw_shift(third, made, factors)
    return figure


def draw_learning(axes: Axes, made: dict[str, Matrix], factors: Factors) -> None:
    """Test accuracies of both predictors by the number of training points."""
    order = np.random.default_rng(0).permutation(len(factors))
    sizes, test = (30, 100, 300, 1000), order[1000:]
    for number, (name, codes) in enumerate(made.items()):
        for predictor, line in PREDICTORS:
            parts = [(codes[order[:n]], factors[order[:n]], codes[test], factors[test]) for n in sizes]
            curve = [metrics.downstream(*part, predictor=predictor)["mean_test_accuracy"] for part in parts]
            label = name if predictor == "boosted_trees" else None
            axes.plot(sizes, curve, line, color=PALETTE[number], markersize=3, label=label)
    axes.set_xscale("log")
    axes.set(xlabel="training points", ylabel="test accuracy", ylim=(0, 1.03))
    axes.set_title("downstream: trees –, logistic regression ···\n", fontsize=7)
    axes.legend(fontsize=SMALL)


def draw_reduced(axes: Axes, codes: Matrix, factors: Factors) -> None:
    """Accuracy of each factor (columns) where each factor's best code is removed (rows)."""
    scores = metrics.downstream_reduced(codes, factors, num_train=(1000,), num_test=500)
    key = "1000:reduced_factor_{}:mean_test_accuracy_factor_{}"
    count = range(len(SIZES))
    matrix = np.array([[scores[key.format(removed, factor)] for factor in count] for removed in count])
    heat_map(axes, matrix, names("without code of", len(SIZES)), names("factor", len(SIZES)))
    mark(axes, [(factor, factor) for factor in count])
    title(axes, "downstream_reduced, one code per factor", gap=scores["gap"])


def draw_shift(axes: Axes, made: dict[str, Matrix], factors: Factors) -> None:
    """Accuracy with and without a value of another factor that training did not show."""
    each = [metrics.downstream_strong(codes, factors, (1000,), 500, n_experiment=2) for codes in made.values()]
    for offset, key in ((-0.2, "mean_test_accuracy"), (0.2, "mean_strong_test_accuracy")):
        label, colour = ("all values", PALETTE[0]) if offset < 0 else ("unseen values", PALETTE[1])
        axes.barh(np.arange(len(made)) + offset, [scores[f"1000:{key}"] for scores in each], 0.36, color=colour,
                  label=label)  # fmt: skip
    gaps = [f"{name}\ngap {scores['strong_generalization_gap']:.2f}" for name, scores in zip(made, each, strict=True)]
    axes.set_yticks(range(len(gaps)), gaps, fontsize=SMALL)
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy", xlim=(0, 1))
    axes.set_title("downstream_strong\n", fontsize=7)
    axes.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.3, 1.1), ncols=2)


def fairness() -> Figure:
    """Total variation of predictions of each factor when another is forced."""
    figure, each = panels(1)
    for axes, name, codes, factors in each:
        scores = metrics.fairness(codes, factors, num_train=100, num_test_points_per_class=50)
        matrix = np.where(np.eye(len(SIZES)), np.nan, scores.details["mean_fairness"])
        heat_map(axes, matrix, names("predicted", len(matrix)), names("forced", len(matrix)), 0.5)
        title(axes, name, unfairness=scores["mean_fairness:mean_pred:mean_sens"])
    return figure


def udr() -> Figure:
    """Similarities of the codes of one model and of another."""
    made = representations(grid())
    model = made["one code per factor"]
    swapped = model[:, [1, 2, 0]] * np.array([1, -1, 1])
    others = {"same codes, other order": swapped, **{name: made[name] for name in list(made)[1:] if "two" not in name}}
    figure, each = figure_of(len(others))
    for axes, (name, other) in zip(each, others.items(), strict=True):
        scores = metrics.udr([model, other], [np.ones(len(SIZES))] * 2)
        heat_map(axes, lasso(standardised(model), standardised(other)), names("A", len(SIZES)), names("B", len(SIZES)))
        title(axes, name, UDR=scores["mean"])
    return figure


PICTURES = {
    "mig": Picture(mig, ("mig",)),
    "factor_vae": Picture(factor_vae, ("factor_vae",)),
    "dci": Picture(dci, ("dci", "dci_fast")),
    "sap": Picture(sap, ("sap",)),
    "irs": Picture(irs, ("irs",)),
    "beta_vae": Picture(beta_vae, ("beta_vae",)),
    "modularity": Picture(modularity, ("modularity",)),
    "unsupervised": Picture(unsupervised, ("unsupervised",)),
    "infomec": Picture(infomec, ("infomec",)),
    "dci_es": Picture(dci_es, ("dci_es",)),
    "information_gaps": Picture(information_gaps, ("mig_sup", "jemmig", "dcimig", "med")),
    "periodic": Picture(periodic, ("periodic",)),
    "mig_chen": Picture(mig_chen, ("mig_chen",)),
    "d_lsbd": Picture(d_lsbd, ("d_lsbd",)),
    "downstream": Picture(downstream, ("downstream", "downstream_logistic", "downstream_reduced", "downstream_strong")),
    "fairness": Picture(fairness, ("fairness",)),
    "udr": Picture(udr, ()),
}
"""Name of the file → its picture. ``udr`` compares models and is not in the registry."""


def make(name: str, folder: Path, ending: str = "svg") -> Path:
    """Draw one picture into ``folder`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return save(styled(PICTURES[name].draw)(), folder / f"{name}.{ending}", text=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; {', '.join(PICTURES)}")
    parser.add_argument("--out", type=Path, default=Path("docs/results/metrics"), metavar="FOLDER")
    parser.add_argument("--format", choices=("svg", "png"), default="svg")
    options = parser.parse_args(arguments)
    for name in options.names or PICTURES:
        if name not in PICTURES:
            parser.error(f"no picture is named {name!r}: choose from {', '.join(PICTURES)}")
        make(name, options.out, options.format)
    return 0


if __name__ == "__main__":
    sys.exit(main())
