"""Factors of variation and the grid that they span, without images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer]
Label = float | int | str


@dataclass(frozen=True)
class Factor:
    """One factor of variation.

    Attributes:
        name: what it is called.
        size: number of distinct values; they are numbered 0 to ``size`` − 1.
        periodic: whether the values form a cycle: the last one is a step before the first.
        continuous: whether the values are real numbers (``labels``) rather than classes.
        labels: the original value of each number (``size``,); empty where the numbers are the values.
    """

    name: str
    size: int
    periodic: bool = False
    continuous: bool = False
    labels: tuple[Label, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse labels that do not match the size."""
        if len(self.labels) not in (0, self.size):
            raise ValueError(f"factor {self.name!r} has {self.size} values but {len(self.labels)} labels")

    def values(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The original values, as numbers, of the values numbered ``numbers`` (any shape).

        Labels that are text have no numbers: the values' own numbers are returned.
        """
        if not self.labels or any(isinstance(label, str) for label in self.labels):
            return np.asarray(numbers, dtype=np.float64)
        values: npt.NDArray[np.float64] = np.array(self.labels, dtype=np.float64)[numbers]
        return values

    def texts(self) -> tuple[str, ...]:
        """What each value (``size``,) is called in a figure: its label, or its number."""
        labels = self.labels or range(self.size)
        return tuple(f"{label:.4g}" if isinstance(label, float) else str(label) for label in labels)

    def __str__(self) -> str:
        """Name, size and kind."""
        kind = "".join(f", {word}" for word in ("periodic", "continuous") if getattr(self, word))
        return f"{self.name} ({self.size}{kind})"


@dataclass(eq=False, repr=False)
class FactorGrid:
    """A full grid of factors of variation.

    Cells are numbered in row-major (C) order of the factors, the first factor slowest. The methods ``num_factors``,
    ``factors_num_values`` and ``sample_factors`` are those of disentanglement_lib's ``GroundTruthData``, with the same
    random draws in the same order.

    Attributes:
        name: what the grid belongs to, for messages.
        factors_of_variation: the factors in grid order.
        full_grid: whether every combination of the factors' values exists, once.
    """

    name: str
    factors_of_variation: tuple[Factor, ...]
    full_grid: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of cells."""
        return math.prod(self.factor_sizes)

    def __repr__(self) -> str:
        """Class, name and factors."""
        return f"{type(self).__name__}({self.name!r}, {describe_factors(self.factors_of_variation)})"

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the factors in grid order."""
        return tuple(factor.name for factor in self.factors_of_variation)

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Number of values of each factor in grid order."""
        return tuple(factor.size for factor in self.factors_of_variation)

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which factors are cycles."""
        return tuple(factor.periodic for factor in self.factors_of_variation)

    @property
    def continuous(self) -> tuple[bool, ...]:
        """Which factors are real-valued."""
        return tuple(factor.continuous for factor in self.factors_of_variation)

    def factors(self, indices: Indices) -> npt.NDArray[np.int64]:
        """Numbers of the factor values (n, K) of the cells ``indices`` (n,)."""
        return np.stack(np.unravel_index(np.asarray(indices), self.factor_sizes), axis=1).astype(np.int64)

    def indices(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Cells (n,) of the factor values numbered (n, K)."""
        cells: npt.NDArray[np.int64] = np.ravel_multi_index(tuple(np.asarray(factors).T), self.factor_sizes)
        return cells.astype(np.int64, copy=False)

    def factor_values(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Original values (n, K) of the factor values numbered (n, K)."""
        columns = zip(self.factors_of_variation, np.asarray(factors).T, strict=True)
        return np.stack([factor.values(column) for factor, column in columns], axis=1)

    @property
    def num_factors(self) -> int:
        """Number of factors K."""
        return len(self.factors_of_variation)

    @property
    def factors_num_values(self) -> list[int]:
        """Factor sizes."""
        return list(self.factor_sizes)

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Uniform factor values (num, K), drawn column by column as disentanglement_lib does."""
        drawn = np.zeros((num, self.num_factors), dtype=np.int64)
        for column, size in enumerate(self.factor_sizes):
            drawn[:, column] = random_state.randint(size, size=num)
        return drawn

    def draw_indices(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        """Cells (n,) of the factor values (n, K); data sets with unobserved factors draw those at random."""
        return self.indices(factors)


def describe_factors(factors: tuple[Factor, ...]) -> str:
    """Names and sizes of factors in a few words."""
    return ", ".join(map(str, factors)) or "no factors"


def factors(names: str, sizes: tuple[int, ...], periodic: str = "") -> tuple[Factor, ...]:
    """Factors from a comma-separated list of names, their sizes, and the names of those that are cycles."""
    cycles = {name.strip() for name in periodic.split(",")}
    pairs = zip((name.strip() for name in names.split(",")), sizes, strict=True)
    return tuple(Factor(name, size, name in cycles) for name, size in pairs)
