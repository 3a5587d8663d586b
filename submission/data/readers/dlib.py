"""disentanglement_lib's data objects as data sets of this package (``dlib:NAME``), if that package is installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset, Images
from submission.data.grid import Factor, Indices
from submission.data.locations import LIBRARY_PREFIX
from submission.data.pixels import batch_generator

NOT_RANDOM = ("dsprites_full", "cars3d", "shapes3d", "mpi3d_toy", "mpi3d_realistic", "mpi3d_real")


@dataclass(eq=False, repr=False, kw_only=True)
class LibraryDataset(GroundTruthDataset):
    """A ``GroundTruthData`` object of the library. ``images`` draws hidden and random parts in every batch."""

    data: Any = field(repr=False)
    random_observation: bool = True  # type: ignore[misc] # each object has its own
    seed: int = 0

    def images(self, indices: Indices) -> Images:
        """The library's pictures in 0..255, clipped where it leaves [0, 1]."""
        random = batch_generator(self.seed, indices)
        pictures = self.data.sample_observations_from_factors(self.factors(indices), random)
        images: Images = np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8)
        return images

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """The library's draw."""
        drawn: npt.NDArray[np.int64] = self.data.sample_factors(num, random_state)
        return drawn

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.floating]:
        """The library's pictures, untouched."""
        pictures: npt.NDArray[np.floating] = self.data.sample_observations_from_factors(factors, random_state)
        return pictures


def library(name: str, root: Path) -> LibraryDataset:
    """The library's data set ``name`` (with the prefix), read by the library from files under ``root``."""
    from submission.reference import load_data

    bare = name.removeprefix(LIBRARY_PREFIX)
    data = load_data(bare, root)
    grid = tuple(Factor(f"factor {number}", int(size)) for number, size in enumerate(data.factors_num_values))
    height, width, channels = data.observation_shape
    notes = f"read by disentanglement_lib from {root}"
    return LibraryDataset(
        name, grid, (height, width, channels), 255, notes, data=data, random_observation=bare not in NOT_RANDOM
    )
