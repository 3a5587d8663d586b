"""How often tests of paired differences reject, of 5 %: the t-test, which is used, beside exact sign flips.

Two methods' scores are drawn for n seeds from the same distribution (an error), or with the second method's shifted by
two standard deviations (a find). Prints a Markdown table.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

from submission import provenance

Array = npt.NDArray[np.float64]
SAMPLES, SIZES, LEVEL = 20_000, (3, 5, 10), 0.05
DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "beta(2, 5)": lambda generator, shape: generator.beta(2, 5, size=shape),
    "beta(0.7, 3)": lambda generator, shape: generator.beta(0.7, 3, size=shape),
    "one run in five fails": lambda generator, shape: (
        generator.normal(size=shape) - 10.0 * (generator.random(shape) < 0.2)
    ),
}


def t_test(differences: Array) -> Array:
    """p-values (samples,) of differences (samples, n)."""
    return np.asarray(stats.ttest_1samp(differences, 0.0, axis=1).pvalue)


def sign_flips(differences: Array) -> Array:
    """The same by all flips of signs."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=differences.shape[1])))
    found = np.empty(len(differences))
    for start in range(0, len(differences), 500):
        part = differences[start : start + 500]
        found[start : start + 500] = (np.abs(part @ signs.T) >= np.abs(part.sum(1, keepdims=True)) - 1e-12).mean(1)
    return found


def main() -> None:
    """Print the table."""
    print(f"<!-- {provenance.commit()}; {provenance.machine()} -->")
    print("| scores | n | t-test errs | sign flips err | t-test finds | sign flips find |\n|---|---|---|---|---|---|")
    for name, draw in DISTRIBUTIONS.items():
        shift = 2 * draw(np.random.default_rng(1), (100_000,)).std()
        for count in SIZES:
            scores = draw(np.random.default_rng(0), (2, SAMPLES, count))
            cells = [
                f"{(test(scores[1] - scores[0] + by) < LEVEL).mean():.1%}"
                for by in (0.0, shift)
                for test in (t_test, sign_flips)
            ]
            print(f"| {name} | {count} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
