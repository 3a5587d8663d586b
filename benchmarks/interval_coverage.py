"""How often intervals of a mean that say 95 % cover the truth, for few values: ours beside the usual ones.

Prints a Markdown table: percentile bootstrap, BCa (scipy), Student's interval, the studentised bootstrap, and
``mean_interval``. Of the last two it also prints the width that one interval in twenty exceeds, in widths of Student's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from submission import provenance
from submission.evaluation.statistics import mean_interval, studentised

SAMPLES, SIZES = 1000, (3, 5, 10)
Draw = Callable[[np.random.Generator, int], np.ndarray]
DISTRIBUTIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda generator, count: generator.normal(size=count), 0.0),
    "beta(2, 5)": (lambda generator, count: generator.beta(2, 5, size=count), 2 / 7),
    "beta(0.7, 3)": (lambda generator, count: generator.beta(0.7, 3, size=count), 0.7 / 3.7),
    "one run in five fails": (
        lambda generator, count: np.where(generator.random(count) < 0.2, 0.0, 0.5) + generator.normal(0, 0.02, count),
        0.4,
    ),
}


def bootstrap(values: np.ndarray, method: str) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BCa of constant resamples
        found = stats.bootstrap((values,), np.mean, n_resamples=999, method=method, random_state=0)
    return found.confidence_interval


def student(values: np.ndarray) -> tuple[float, float]:
    return stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))


def resampled(values: np.ndarray) -> tuple[float, float]:
    low, high = studentised(values, np.array([0.025, 0.975]), 0)
    return values.mean() - high * stats.sem(values), values.mean() - low * stats.sem(values)


METHODS: tuple[Callable[[np.ndarray], tuple[float, float]], ...] = (
    lambda values: bootstrap(values, "percentile"),
    lambda values: bootstrap(values, "BCa"),
    student,
    resampled,
    mean_interval,
)
HEADER = "| distribution | n | percentile | BCa | Student | studentised | here | studentised, width | here, width |"


def main() -> None:
    print(f"<!-- {provenance.commit()}; {provenance.machine()} -->")
    print(f"{HEADER}\n|{'---|' * HEADER.count(' | ')}---|")
    for name, (draw, mean) in DISTRIBUTIONS.items():
        for count in SIZES:
            generator = np.random.default_rng(0)
            samples = [draw(generator, count) for _ in range(SAMPLES)]
            ends = np.array([[method(values) for method in METHODS] for values in samples])  # (samples, methods, 2)
            hits = ((ends[..., 0] <= mean) & (mean <= ends[..., 1])).mean(0)
            widths = np.diff(ends)[..., 0]
            wide = np.quantile(widths[:, 3:] / widths[:, 2:3], 0.95, axis=0)
            print(f"| {name} | {count} | {' | '.join([*map('{:.1%}'.format, hits), *map('{:.1f}'.format, wide)])} |")


if __name__ == "__main__":
    main()
