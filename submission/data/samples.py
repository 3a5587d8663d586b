"""Images without factors, and images with factors that do not fill a grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset
from submission.data.grid import Indices
from submission.data.pixels import BytePixels, FloatPixels, Pixels, StoredImages
from submission.errors import SubmissionError

Ints = npt.NDArray[np.int64]


@dataclass(eq=False, repr=False)
class PlainImages(StoredImages):
    """Images without factors."""

    name: str
    image_shape: tuple[int, int, int]
    maximum: int
    notes: str = ""
    pixels: BytePixels | FloatPixels = field(kw_only=True)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels.array if isinstance(self.pixels, BytePixels) else self.pixels.floats)


@dataclass(eq=False, repr=False, kw_only=True)
class SampledDataset(StoredImages, GroundTruthDataset):
    """Images with factor values that do not fill a grid: combinations may be missing or occur several times.

    Attributes:
        rows: the numbers of the factor values (len, K) of every image.
    """

    pixels: Pixels
    rows: Ints
    full_grid: ClassVar[bool] = False
    random_observation: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of images."""
        return len(self.rows)

    def factors(self, indices: Indices) -> Ints:
        """Factor values (n, K) of the images ``indices``."""
        found: Ints = self.rows[indices]
        return found

    def indices(self, factors: npt.NDArray[np.integer]) -> Ints:
        """For each row of factor values (n, K) the first image that shows it; a SubmissionError where none does."""
        first, _ = self._find(np.asarray(factors))
        return self._combinations.order[first]

    def draw_indices(self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState) -> Ints:
        """For each row of factor values (n, K) one of the images that show it, drawn uniformly."""
        first, count = self._find(np.asarray(factors))
        drawn: Ints = self._combinations.order[first + random_state.randint(count)]
        return drawn

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> Ints:
        """Factor values (num, K) of images drawn uniformly: combinations as often as the data has them."""
        drawn: Ints = self.rows[random_state.randint(len(self), size=num)]
        return drawn

    @cached_property
    def _combinations(self) -> Combinations:
        return Combinations.of(self.rows)

    def _find(self, factors: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Place of the first match in the order of the combinations, and number of matches."""
        first, count = self._combinations.find(factors)
        missing = np.flatnonzero(count == 0)
        if len(missing):
            raise SubmissionError(
                f"{self.name} has no image with the factor values {factors[missing[0]].tolist()}",
                "this needs a full grid; use a metric that works on samples of (codes, factors)",
            )
        return first, count


@dataclass(frozen=True, eq=False)
class Combinations:
    """The combinations of values in the rows of a table, numbered in lexicographic order.

    The number of possible combinations may exceed 64 bits, so a row's number is built up column by column: the rank of
    (number of the columns before, value) among those that occur.

    Attributes:
        levels: for each column, the pairs that occur, as one integer each, in rising order.
        sizes: for each column, one more than its largest value.
        order: the rows, sorted by combination.
        starts: where each combination begins in ``order``, and its length at the end.
    """

    levels: tuple[Ints, ...]
    sizes: tuple[int, ...]
    order: Ints
    starts: Ints

    @classmethod
    def of(cls, rows: Ints) -> Combinations:
        """From a table (n, K) of values 0, 1, ..."""
        number, levels = np.zeros(len(rows), np.int64), []
        sizes = tuple(int(size) for size in rows.max(axis=0) + 1)
        for column, size in zip(rows.T, sizes, strict=True):
            level, number = np.unique(number * size + column, return_inverse=True)
            levels.append(level)
        order = np.argsort(number, kind="stable")
        starts = np.searchsorted(number[order], np.arange(len(levels[-1]) + 1))
        return cls(tuple(levels), sizes, order, starts.astype(np.int64))

    def find(self, rows: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
        """For each row (n, K) the start of its combination in ``order``, and how often it occurs (0: never)."""
        number, there = np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_)
        for column, size, level in zip(rows.T, self.sizes, self.levels, strict=True):
            there &= (column >= 0) & (column < size)
            wanted = number * size + column
            number = np.minimum(np.searchsorted(level, wanted), len(level) - 1)
            there &= level[number] == wanted
        return self.starts[number], np.where(there, self.starts[number + 1] - self.starts[number], 0)
