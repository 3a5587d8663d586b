"""What a data set is: images by index, and, where the factors of variation are known, a grid of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError

Indices = npt.NDArray[np.integer]
Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Factor:
    """One factor of variation: its name, its number of values, and whether they form a cycle."""

    name: str
    size: int
    periodic: bool = False


class ImageDataset(ABC):
    """Images by index.

    Attributes:
        name: the name that ``submission.data.load`` knows.
        image_shape: (height, width, channels).
        maximum: the uint8 value of full intensity: 1 for binary images, 255 for grey and colour ones.
        notes: where the images came from and what a reader of results should know.
    """

    name: str
    image_shape: tuple[int, int, int]
    maximum: int
    notes: str

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def images(self, indices: Indices) -> Images:
        """Images (n, height, width, channels), uint8 in 0..``maximum``, of the ``indices`` (n,)."""

    @property
    def packed(self) -> npt.NDArray[np.uint8] | None:
        """All images one bit a pixel, (len, height * width / 8) as ``np.unpackbits`` reads them, or None."""
        return None

    @property
    def array(self) -> Images | None:
        """All images (len, height, width, channels) in memory or memory-mapped, or None."""
        return None

    def observations(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Images in the model's range: float32 (n, height, width, channels) in [0, 1]."""
        images = self.images(indices).astype(np.float32)
        return images if self.maximum == 1 else np.divide(images, np.float32(self.maximum), out=images)


@dataclass(eq=False)
class GroundTruthDataset(ImageDataset):
    """Images on a full grid of factors of variation.

    Cells are numbered in row-major (C) order of the factors, the first factor slowest. The object also satisfies
    disentanglement_lib's ``GroundTruthData`` interface (``num_factors``, ``sample_factors``, ...), with the same
    random draws in the same order.

    Attributes:
        factors_of_variation: the observed factors in grid order.
        random_observation: whether observing the same factors twice may give two images (hidden or random parts).
        full_grid: whether there is an image for every combination of the factors' values.
    """

    name: str
    factors_of_variation: tuple[Factor, ...]
    image_shape: tuple[int, int, int]
    maximum: int = 255
    random_observation: ClassVar[bool] = False
    full_grid: ClassVar[bool] = True
    notes: str = field(default="", repr=False)

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
        """Factor values (n, K) of the images ``indices`` (n,)."""
        return np.stack(np.unravel_index(np.asarray(indices), self.factor_sizes), axis=1).astype(np.int64)

    def indices(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Images (n,) that show the factor values (n, K)."""
        return np.ravel_multi_index(tuple(np.asarray(factors).T), self.factor_sizes).astype(np.int64)

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

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Uniform factor values (num, K), drawn column by column as disentanglement_lib does."""
        drawn = np.zeros((num, self.num_factors), dtype=np.int64)
        for column, size in enumerate(self.factor_sizes):
            drawn[:, column] = random_state.randint(size, size=num)
        return drawn

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.floating]:
        """Float images (n, height, width, channels) in [0, 1] of the factor values (n, K).

        Data sets with hidden or random parts draw them from ``random_state`` here, as disentanglement_lib does.
        """
        return self.observations(self.draw_indices(factors, random_state))

    def draw_indices(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        """Images (n,) that show the factor values (n, K), hidden factors drawn at random; here nothing is hidden."""
        return self.indices(factors)

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
        """``num`` random factor rows and their images."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.floating]:
        """``num`` random images."""
        return self.sample(num, random_state)[1]


def require_factors(dataset: ImageDataset, purpose: str) -> GroundTruthDataset:
    """``dataset`` if its factors of variation are known, else a SubmissionError naming ``purpose``."""
    if not isinstance(dataset, GroundTruthDataset):
        raise SubmissionError(
            f"{purpose} needs factors of variation, which {dataset.name} has not", "use another data set"
        )
    return dataset
