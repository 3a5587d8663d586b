"""How much each metric's number varies with the protocol's seed alone: the same codes, other samples.

On dSprites' grid at the challenge's settings, for a middling representation (the factors mixed, squashed and noisy)
and for the true factors. The columns show mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse

import numpy as np

from submission import provenance
from submission.evaluation import make_plan
from submission.evaluation.representation import from_rows, true_factor_baseline
from submission.evaluation.results import make_results
from submission.evaluation.scoring import score_all
from submission.metrics.sampling import CodeGrid, true_factors

WIDTH = 10


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--metrics", default="mig,factor_vae,sap,irs,modularity,unsupervised")
    arguments = parser.parse_args()
    grid = CodeGrid.of("dSprites", (3, 6, 40, 32, 32))
    rng = np.random.RandomState(0)
    mixed = np.tanh(true_factors(grid)(np.arange(len(grid))) @ rng.randn(grid.num_factors, WIDTH))
    table = (mixed + 0.05 * rng.randn(len(grid), WIDTH)).astype(np.float32)
    plan = make_plan("challenge", arguments.metrics.split(","), repeats=arguments.seeds)
    print(f"{provenance.machine()}; commit {provenance.commit()}; {arguments.seeds} seeds")
    scored = [from_rows("mixed", grid, lambda cells: table[cells]), true_factor_baseline(grid)]
    print(make_results(plan, score_all(plan, scored), {"data": {"name": grid.name}}, None))


if __name__ == "__main__":
    main()
