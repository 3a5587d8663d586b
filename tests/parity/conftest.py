"""Representations and data sets on which our numbers and disentanglement_lib's are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from submission import reference
from submission.data import Factor
from submission.evaluation.representation import ScoredRepresentation, from_rows
from submission.metrics.sampling import CodeGrid, true_factors

Rows = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]


@pytest.fixture(autouse=True)
def _reference_is_installed() -> None:
    if not reference.installed():
        pytest.skip(f"disentanglement_lib is not installed ({reference.INSTALL})")


GRIDS = {
    "dsprites": (3, 6, 40, 32, 32),
    "cars3d": (4, 24, 183),
    "mpi3d": (4, 4, 2, 3, 3, 40, 40),
}


@pytest.fixture(scope="session")
def grids() -> dict[str, CodeGrid]:
    """Grids of the real data sets' sizes, without images."""
    return {
        name: CodeGrid(name, tuple(Factor(str(k), size) for k, size in enumerate(sizes)))
        for name, sizes in GRIDS.items()
    }


def hashed_noise(cells: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.float32]:
    """Noise that depends on the cell alone, uniform on [-1, 1]."""
    mixed = (cells[:, None].astype(np.uint64) + np.uint64(1)) * (
        2 * np.arange(1, width + 1, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    )
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)


def identity(grid: CodeGrid) -> Rows:
    """The true factors and three dimensions of small noise."""
    truth = true_factors(grid)
    return lambda cells: np.concatenate([truth(cells), np.float32(1e-3) * hashed_noise(cells, 3)], axis=1)


def rotated(grid: CodeGrid) -> Rows:
    """The true factors times a random matrix, through a tanh, with noise."""
    matrix = np.random.RandomState(7).randn(grid.num_factors, 6).astype(np.float32)
    truth = true_factors(grid)
    return lambda cells: np.tanh(truth(cells) @ matrix) + np.float32(0.1) * hashed_noise(cells, 6)


def duplicated(grid: CodeGrid) -> Rows:
    """Every factor twice, once reversed."""
    truth = true_factors(grid)
    return lambda cells: np.concatenate([truth(cells), -truth(cells)], axis=1)


def noise(grid: CodeGrid) -> Rows:
    """Nothing about the factors."""
    return lambda cells: hashed_noise(cells, 4)


REPRESENTATIONS = {"identity": identity, "rotated": rotated, "duplicated": duplicated, "noise": noise}
SCALES = (1.0, 0.06, 300.0)


@pytest.fixture
def subject(grids: dict[str, CodeGrid]) -> Callable[..., ScoredRepresentation]:
    """``subject(data, representation, scale, offset)``: something both programs can score."""

    def make(data: str, representation: str, scale: float = 1.0, offset: float = 0.0) -> ScoredRepresentation:
        rows = REPRESENTATIONS[representation](grids[data])
        return from_rows(
            representation, grids[data], lambda cells: np.float32(scale) * rows(cells) + np.float32(offset)
        )

    return make
