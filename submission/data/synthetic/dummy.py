"""Random noise with factors, as disentanglement_lib's tests use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset, Images
from submission.data.grid import Factor, Indices


@dataclass(eq=False, repr=False)
class DummyDataset(GroundTruthDataset):
    """Ten factors of five values that the images, pure noise, do not show."""

    random_observation: ClassVar[bool] = True

    def images(self, indices: Indices) -> Images:
        """Noise that depends on the indices alone."""
        seeds = np.asarray(indices, dtype=np.int64)
        noise = [np.random.RandomState(seed).randint(0, 256, self.image_shape) for seed in seeds]
        return np.array(noise, dtype=np.uint8).reshape(-1, *self.image_shape)

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Uniform factor values, drawn row by row: the order of disentanglement_lib's dummy data."""
        return random_state.randint(5, size=(num, self.num_factors))

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.floating]:
        """Uniform noise."""
        return random_state.random_sample(size=(len(factors), *self.image_shape))


def dummy(name: str, root: Path) -> DummyDataset:
    """The data set of disentanglement_lib's ``dummy_data``."""
    factors = tuple(Factor(f"Factor {number}", 5) for number in range(10))
    return DummyDataset(name, factors, (64, 64, 1), notes="noise")
