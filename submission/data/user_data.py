"""Users' own images: arrays in memory, with or without factors, complete grids or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset, ImageDataset, Images
from submission.data.grid import Factor, Indices
from submission.data.pixels import BytePixels, GridDataset, StoredImages
from submission.errors import SubmissionError

MOST_CELLS, MOST_FACTORS = 2**63 - 1, 32
"""What numpy can count and index."""
NUMBERING = "number the classes 0, 1, ..."


@dataclass(eq=False, repr=False)
class PlainImages(StoredImages):
    """Images without factors."""

    name: str
    image_shape: tuple[int, int, int]
    maximum: int
    pixels: BytePixels = field(repr=False)
    notes: str = ""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels.array)


@dataclass(eq=False, repr=False, kw_only=True)
class SampledDataset(StoredImages, GroundTruthDataset):
    """Images with factor values that do not fill a grid: combinations may be missing or occur several times.

    Attributes:
        rows: the factor values (len, K) of every image.
    """

    pixels: BytePixels = field(repr=False)
    rows: npt.NDArray[np.int64] = field(repr=False)
    full_grid: ClassVar[bool] = False
    random_observation: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of images."""
        return len(self.rows)

    def factors(self, indices: Indices) -> npt.NDArray[np.int64]:
        """Factor values (n, K) of the images ``indices``."""
        return self.rows[indices]

    def indices(self, factors: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """For each row of factor values (n, K) the first image that shows it; a SubmissionError where none does."""
        first, _, order = self._find(np.asarray(factors))
        return order[first]

    def draw_indices(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        """For each row of factor values (n, K) one of the images that show it, drawn uniformly."""
        first, count, order = self._find(np.asarray(factors))
        return order[first + random_state.randint(count)]

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Factor values (num, K) of images drawn uniformly: combinations as often as the data has them."""
        return self.rows[random_state.randint(len(self), size=num)]

    @cached_property
    def _by_cell(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The images' cells in rising order, and the images in that order."""
        cells = np.ravel_multi_index(tuple(self.rows.T), self.factor_sizes)
        order = np.argsort(cells, kind="stable")
        return cells[order], order

    def _find(self, factors: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], ...]:
        """Place of the first match among the images in order of their cells, number of matches, and that order."""
        cells, order = self._by_cell
        wanted = np.ravel_multi_index(tuple(factors.T), self.factor_sizes)
        first, end = (np.searchsorted(cells, wanted, side) for side in ("left", "right"))
        missing = np.flatnonzero(first == end)
        if len(missing):
            raise SubmissionError(
                f"{self.name} has no image with the factor values {factors[missing[0]].tolist()}",
                "this needs a full grid; use a metric that works on samples of (codes, factors)",
            )
        return first, end - first, order


def from_arrays(
    images: npt.NDArray[np.generic],
    factors: npt.NDArray[np.integer] | None = None,
    factor_names: Sequence[str] = (),
    periodic: Sequence[bool] = (),
    name: str = "own",
    notes: str = "arrays in memory",
) -> ImageDataset:
    """A data set from arrays.

    Args:
        images: (n, height, width) or (n, height, width, channels) of uint8 or bool; values up to 1 count as binary.
        factors: (n, K) of classes 0, 1, ... for each image. If every combination occurs exactly once, in any order,
            the result is a full grid; otherwise a ``SampledDataset``.
        factor_names: K names (default ``factor 0``, ...).
        periodic: for each factor, whether its classes form a cycle (default: none).
    """
    checked = check_images(images, name)
    shape: tuple[int, int, int] = checked.shape[1:]
    maximum = 1 if len(checked) and checked.max() <= 1 else 255
    if factors is None:
        return PlainImages(name, shape, maximum, BytePixels(checked), notes)
    rows = check_factors(np.asarray(factors), len(checked), name)
    known = describe(rows, factor_names, periodic, name)
    sizes = tuple(factor.size for factor in known)
    cells = np.ravel_multi_index(tuple(rows.T), sizes)
    if len(cells) == np.prod(sizes, dtype=np.int64) and len(np.unique(cells)) == len(cells):
        ordered = checked if (np.diff(cells) == 1).all() else checked[np.argsort(cells)]
        return GridDataset(name, known, shape, maximum, notes, pixels=BytePixels(ordered))
    return SampledDataset(name, known, shape, maximum, notes, pixels=BytePixels(checked), rows=rows)


def check_images(images: npt.NDArray[np.generic], name: str) -> Images:
    """Images as uint8 (n, height, width, channels)."""
    if images.dtype not in (np.uint8, np.bool_) or images.ndim not in (3, 4) or 0 in images.shape:
        what = f"'images' of {name} is {'x'.join(map(str, images.shape))} {images.dtype}"
        raise SubmissionError(what, "make it uint8 or bool of shape (n, height, width[, channels])")
    return images.view(np.uint8).reshape(*images.shape[:3], -1)


def check_factors(factors: npt.NDArray[np.generic], count: int, name: str) -> npt.NDArray[np.int64]:
    """Factor values as int64 (n, K)."""
    if factors.ndim != 2 or len(factors) != count or not factors.shape[1] or factors.dtype.kind not in "iu":
        what = f"'factors' of {name} is {'x'.join(map(str, factors.shape))} {factors.dtype}"
        raise SubmissionError(what, f"make it integers of shape ({count}, number of factors)")
    if factors.min() < 0:
        raise SubmissionError(f"'factors' of {name} has negative values", NUMBERING)
    if factors.shape[1] > MOST_FACTORS:
        what = f"'factors' of {name} has {factors.shape[1]} columns, more than {MOST_FACTORS}"
        raise SubmissionError(what, "leave factors out")
    if math.prod(int(most) + 1 for most in factors.max(axis=0)) > MOST_CELLS:
        what = f"'factors' of {name} has values up to {factors.max()}, which makes too many combinations"
        raise SubmissionError(what, f"{NUMBERING}, or leave factors out")
    return factors.astype(np.int64)


def describe(
    rows: npt.NDArray[np.int64], names: Sequence[str], periodic: Sequence[bool], name: str
) -> tuple[Factor, ...]:
    """Names, sizes and cycles of the factors."""
    count = rows.shape[1]
    names = list(names) or [f"factor {number}" for number in range(count)]
    cycles = list(periodic) or [False] * count
    if len(names) != count or len(cycles) != count:
        what = f"{name} has {count} factors, {len(names)} factor_names and {len(cycles)} periodic marks"
        raise SubmissionError(what, "give one of each for every factor, or leave them out")
    sizes = rows.max(axis=0) + 1
    return tuple(Factor(*three) for three in zip(names, sizes.tolist(), map(bool, cycles), strict=True))
