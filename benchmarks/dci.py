"""DCI: seconds of the compiled trees and of scikit-learn's, interleaved in one process, and their difference.

    python benchmarks/dci.py                    two small factors at full size, then extrapolated
    python benchmarks/dci.py --full             all five factors of dSprites (scikit-learn takes minutes)
    python benchmarks/dci.py --samples 2000     a quick look

Both fit the same codes: 10 dimensions computed from dSprites' factors, the challenge's 10,000 training points. A fit's
cost is that of a tree times 100 rounds times the factor's number of values, so that seconds per tree of the factors
fitted, times the 11,300 trees of all five, extrapolate to the whole metric.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier

from submission.metrics.boosting import fit_boosted_trees
from submission.metrics.tree_importances import DCI, dci
from submission.parallel import available_cores

SIZES = (3, 6, 40, 32, 32)
ROUNDS = 100


def codes(kind: str, factors: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float32]:
    """Ten codes of factors (n, 5)."""
    r = np.random.RandomState(seed)
    scaled = factors / (np.array(SIZES) - 1) * 2 - 1
    rotation = np.linalg.qr(np.random.RandomState(5).standard_normal((10, 10)))[0]
    noise = r.standard_normal((len(factors), 5))
    made = {
        "rotated": np.c_[scaled, 0.1 * noise] @ rotation,
        "smooth": np.tanh(scaled @ np.random.RandomState(7).standard_normal((5, 10))),
        "true factors": np.c_[scaled, 1e-3 * noise],
    }[kind]
    return made.astype(np.float32)


def factors(samples: int, seed: int) -> npt.NDArray[np.int64]:
    """Random cells (n, 5) of dSprites' grid."""
    r = np.random.RandomState(seed)
    return np.stack([r.randint(size, size=samples) for size in SIZES], axis=1)


def timed(fit: Callable[[], object]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Seconds (2,) of a fit, by the clock and of all cores together, and its importances."""
    started = np.array([time.perf_counter(), time.process_time()])
    model = fit()
    seconds = np.array([time.perf_counter(), time.process_time()]) - started
    return seconds, model.feature_importances_  # type: ignore[attr-defined]


def compare(kind: str, samples: int, columns: tuple[int, ...]) -> None:
    """One row: scikit-learn against ours on some factors."""
    labels = factors(samples, 0)
    x = codes(kind, labels, 0)
    theirs, ours, difference = np.zeros(2), np.zeros(2), 0.0
    for column in columns:
        y = labels[:, column]
        seconds, expected = timed(lambda y=y: GradientBoostingClassifier(random_state=0).fit(x, y))  # type: ignore[misc]
        theirs += seconds
        seconds, found = timed(lambda y=y: fit_boosted_trees(x, y, np.random.RandomState(0)))  # type: ignore[misc]
        ours += seconds
        difference = max(difference, float(np.abs(expected - found).max()))
    trees = ROUNDS * sum(SIZES[column] for column in columns)
    whole = ROUNDS * sum(SIZES) / trees
    print(
        f"{kind:14}{samples:>8}{trees:>8}{theirs[0]:>10.1f}{ours[0]:>8.2f}{theirs[0] / ours[0]:>7.0f}x"
        f"{theirs[1]:>13.1f}{ours[1]:>8.2f}{theirs[1] / ours[1]:>7.0f}x"
        f"{theirs[1] * whole:>13.0f}{ours[1] * whole:>8.0f}{difference:>12.1e}"
    )


def approximation(samples: int) -> None:
    """How far dci_fast is from dci, on every representation."""
    print(f"\n{'dci_fast':14}{'D exact':>10}{'D fast':>10}{'C exact':>10}{'C fast':>10}{'seconds':>12}")
    train, test = factors(samples, 0), factors(samples // 2, 1)
    points = max(samples // 4, 100)
    for kind in ("rotated", "smooth", "true factors"):
        x, unseen = codes(kind, train, 0), codes(kind, test, 1)
        started = time.perf_counter()
        exact = dci(x, train, unseen, test).values
        middle = time.perf_counter()
        fast = dci(x[:points], train[:points], unseen, test, rounds=ROUNDS // 2).values
        ended = time.perf_counter()
        cells = [exact["disentanglement"], fast["disentanglement"], exact["completeness"], fast["completeness"]]
        print(
            f"{kind:14}"
            + "".join(f"{cell:>10.4f}" for cell in cells)
            + f"{middle - started:>6.1f}{ended - middle:>6.1f}"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=DCI.settings.num_train, help="training points")
    parser.add_argument("--full", action="store_true", help="all five factors instead of the two smallest")
    chosen = parser.parse_args()
    print(f"{available_cores()} cores for ours, scikit-learn uses one; whole: core seconds of dSprites' 11,300 trees")
    print(
        f"{'codes':14}{'points':>8}{'trees':>8}{'sklearn s':>10}{'ours':>8}{'ratio':>8}"
        f"{'sklearn core':>13}{'ours':>8}{'ratio':>8}{'whole: skl':>13}{'ours':>8}{'difference':>12}"
    )
    for kind in ("rotated", "smooth", "true factors"):
        compare(kind, chosen.samples, tuple(range(5)) if chosen.full else (0, 1))
    approximation(chosen.samples)


if __name__ == "__main__":
    main()
