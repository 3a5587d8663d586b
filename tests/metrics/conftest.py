"""Oracle representations on a small grid and on dSprites' own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from submission.metrics.base import Metric, Scores
from submission.metrics.registry import metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, true_factors

SIZES = (3, 4, 5)
Table = npt.NDArray[np.float32]


def _oracles() -> dict[str, Table]:
    grid = CodeGrid.of("grid", SIZES)
    rng = np.random.RandomState(0)
    truth = true_factors(grid)(np.arange(len(grid)))
    turn = np.linalg.qr(rng.randn(3, 3))[0].astype(np.float32)
    dead = np.full((len(grid), 1), 0.3, np.float32)
    return {
        "true": truth,
        "permuted": -2 * truth[:, [2, 0, 1]],
        "rotated": truth @ turn,
        "duplicated": np.concatenate([truth, truth], axis=1),
        "dead": np.concatenate([truth, dead], axis=1),
        "constant": np.repeat(dead, 3, axis=1),
        "noise": rng.randn(len(grid), 3).astype(np.float32),
    }


@pytest.fixture(scope="session")
def oracles() -> dict[str, Table]:
    """Codes (60, D) of a 3 x 4 x 5 grid, by name."""
    return _oracles()


@pytest.fixture
def score(oracles: dict[str, Table]) -> Callable[..., Scores]:
    """``score(metric, oracle, seed=0, **settings)`` at the metric's fast settings."""
    import dataclasses

    def run(name: str, oracle: str, seed: int = 0, **changes: object) -> Scores:
        chosen: Metric = metric(name)
        table = oracles[oracle]
        source = IndexSource(CodeGrid.of("grid", SIZES), lambda cells: table[cells])
        return chosen.score(GridSampler(source, seed), dataclasses.replace(chosen.fast, **changes))

    return run
