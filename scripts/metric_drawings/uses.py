"""What codes are used for: downstream tasks and fairness; and the agreement of models, UDR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metric_drawings.panels import (
    PREDICTORS,
    SIZES,
    SMALL,
    Factors,
    Matrix,
    figure_of,
    grid,
    heat_map,
    log_scale,
    mark,
    names,
    panels,
    representations,
    title,
)
from submission import metrics
from submission.metrics.agreement import lasso, standardised
from submission.plots.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    log_scale(axes)
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
