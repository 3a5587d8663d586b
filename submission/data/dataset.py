"""The ground-truth data set: factors of variation on a grid, and an image for every cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer]
Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Factor:
    """One factor of variation: its name, its number of values, and whether they form a cycle."""

    name: str
    size: int
    periodic: bool = False


@dataclass(eq=False)
class GroundTruthDataset(ABC):
    """Images on a full grid of factors of variation.

    Cells are numbered in row-major (C) order of the factors, the first factor slowest. The object also satisfies
    disentanglement_lib's ``GroundTruthData`` interface (``num_factors``, ``sample_factors``, ...), with the same
    random draws in the same order.

    Attributes:
        name: the name that ``submission.data.load`` knows.
        factors_of_variation: the observed factors in grid order.
        image_shape: (height, width, channels).
        maximum: the uint8 value of full intensity: 1 for binary images, 255 for grey and colour ones.
    """

    name: str
    factors_of_variation: tuple[Factor, ...]
    image_shape: tuple[int, int, int]
    maximum: int = 255
    random_observation: ClassVar[bool] = False
    notes: str = field(default="", repr=False)

    @abstractmethod
    def images(self, indices: Indices) -> Images:
        """Images (n, height, width, channels), uint8 in 0..``maximum``, of the grid cells ``indices`` (n,)."""

    def __len__(self) -> int:
        """Number of grid cells."""
        return int(np.prod(self.factor_sizes, dtype=np.int64))

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

    def factors(self, indices: Indices) -> npt.NDArray[np.int64]:
        """Factor values (n, K) of the cells ``indices`` (n,)."""
        return np.stack(np.unravel_index(np.asarray(indices), self.factor_sizes), axis=1).astype(np.int64)

    def indices(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Cells (n,) of the factor values (n, K)."""
        return np.ravel_multi_index(tuple(np.asarray(factors).T), self.factor_sizes).astype(np.int64)

    def observations(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Images in the model's range: float32 (n, height, width, channels) in [0, 1]."""
        return self.images(indices).astype(np.float32) / np.float32(self.maximum)

    @property
    def num_factors(self) -> int:
        """Number of factors (disentanglement_lib's name)."""
        return len(self.factors_of_variation)

    @property
    def factors_num_values(self) -> list[int]:
        """Factor sizes (disentanglement_lib's name)."""
        return list(self.factor_sizes)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """Image shape (disentanglement_lib's name)."""
        return self.image_shape

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int32]:
        """Uniform factor values (num, K), drawn column by column as disentanglement_lib does."""
        drawn = np.zeros((num, self.num_factors), dtype=np.int32)
        for column, size in enumerate(self.factor_sizes):
            drawn[:, column] = random_state.randint(size, size=num)
        return drawn

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.floating]:
        """Float images (n, height, width, channels) in [0, 1] of the factor values (n, K).

        Data sets with hidden or random parts draw them from ``random_state`` here; this one draws nothing.
        """
        return self.observations(self.indices(factors))

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.floating]]:
        """``num`` random factor rows and their images."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.floating]:
        """``num`` random images."""
        return self.sample(num, random_state)[1]
