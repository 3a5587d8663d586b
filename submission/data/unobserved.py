"""Data sets with unobserved factors of variation: images vary in them, but metrics ignore them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.grid import Indices
from submission.data.pixels import GridDataset


@dataclass(eq=False, repr=False, kw_only=True)
class UnobservedFactorDataset(GridDataset):
    """A full grid of which only the axes ``observed`` count as factors.

    Indices run over the whole grid of ``all_sizes`` (row-major), so training sees every image; ``factors`` gives only
    the observed ones. Observing draws the unobserved ones uniformly, column by column, as disentanglement_lib does.
    """

    all_sizes: tuple[int, ...]
    observed: tuple[int, ...]
    random_observation: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of images, over observed and unobserved factors."""
        return int(np.prod(self.all_sizes, dtype=np.int64))

    def factors(self, indices: Indices) -> npt.NDArray[np.int64]:
        """Observed factor values (n, K) of the images ``indices``."""
        every = np.unravel_index(np.asarray(indices), self.all_sizes)
        return np.stack([every[axis] for axis in self.observed], axis=1).astype(np.int64)

    def indices(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Images (n,) of the observed factor values (n, K) with every unobserved factor at 0."""
        return self._ravel(np.asarray(factors), {})

    def draw_indices(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        """Images (n,) of the observed factor values (n, K) with unobserved factors drawn from ``random_state``."""
        hidden = (axis for axis in range(len(self.all_sizes)) if axis not in self.observed)
        drawn = {axis: random_state.randint(self.all_sizes[axis], size=len(factors)) for axis in hidden}
        return self._ravel(np.asarray(factors), drawn)

    def _ravel(
        self, factors: npt.NDArray[np.integer], hidden: Mapping[int, npt.NDArray[np.integer]]
    ) -> npt.NDArray[np.int64]:
        columns = [hidden.get(axis, np.zeros(len(factors), dtype=np.int64)) for axis in range(len(self.all_sizes))]
        for position, axis in enumerate(self.observed):
            columns[axis] = factors[:, position]
        return np.ravel_multi_index(tuple(columns), self.all_sizes).astype(np.int64)
