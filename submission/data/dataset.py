"""Data sets: images by index and, where the factors of variation are known, a grid of them."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from submission.data.grid import Factor, FactorGrid, Indices, describe_factors
from submission.errors import SubmissionError

__all__ = ["Factor", "GroundTruthDataset", "ImageDataset", "Images", "Indices", "require_factors"]

Images = npt.NDArray[np.uint8]
CHECKED = 64
"""Images behind a checksum, spread evenly over the data set."""
NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


class ImageDataset(Dataset[Any], ABC):
    """Images by index; also a map-style ``torch.utils.data.Dataset``.

    An item is the image (channels, height, width), float32 in [0, 1]. A ``DataLoader`` fetches a batch in one call
    (``__getitems__``); data sets with random parts draw them again for every batch.

    Attributes:
        name: the name in ``submission.data.load``.
        image_shape: (height, width, channels).
        maximum: the uint8 value of full intensity: 1 for binary images, 255 for grey and colour ones.
        notes: where the images came from and what a reader of results should know.
        options: those that ``submission.data.load`` was called with; with ``name``, they load the same images again.
    """

    name: str
    image_shape: tuple[int, int, int]
    maximum: int
    notes: str
    options: Mapping[str, object] = NO_OPTIONS

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

    @property
    def byte_valued(self) -> bool:
        """Whether ``observations`` are ``images`` divided by ``maximum``; not where a subclass has its own floats."""
        return type(self).observations is ImageDataset.observations

    def __getitem__(self, index: int) -> Any:
        """The item at ``index``, negative ones counted from the end; IndexError where there is none."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The items at ``indices``, fetched together."""
        return list(self._tensors(self._positions(indices)))

    def _positions(self, indices: Sequence[int]) -> npt.NDArray[np.int64]:
        """``indices`` as rising from 0; IndexError for one that is out of range."""
        wanted = np.asarray([int(index) for index in indices], dtype=np.int64)
        wanted = np.where(wanted < 0, wanted + len(self), wanted)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"image index out of range: {self.name} has {len(self)} images")
        return wanted

    def _tensors(self, indices: npt.NDArray[np.int64]) -> Tensor:
        """Images (n, channels, height, width), float32 in [0, 1]."""
        return torch.from_numpy(self.observations(indices)).movedim(3, 1).contiguous()

    def __repr__(self) -> str:
        """Class, name, number and shape of the images."""
        return f"{type(self).__name__}({self.name!r}, {self._summary()})"

    def _summary(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        return f"{len(self):,} {'binary ' if self.maximum == 1 else ''}images {shape}"


@dataclass(eq=False, repr=False)
class GroundTruthDataset(FactorGrid, ImageDataset):
    """Images on a full grid of factors of variation.

    An item is (image, factors): float32 (channels, height, width) and the numbers of the factor values, int64 (K,).
    The object also satisfies disentanglement_lib's ``GroundTruthData`` interface (``num_factors``,
    ``sample_factors``, ``sample_observations``, ...), with the same random draws in the same order.

    Attributes:
        factors_of_variation: the observed factors in grid order.
        random_observation: whether observing the same factors twice may give two images (unobserved or random parts).
    """

    name: str
    factors_of_variation: tuple[Factor, ...]
    image_shape: tuple[int, int, int]
    maximum: int = 255
    random_observation: ClassVar[bool] = False
    notes: str = field(default="", repr=False)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """Image shape (disentanglement_lib's name)."""
        return self.image_shape

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.floating]:
        """Float images (n, height, width, channels) in [0, 1] of the factor values (n, K).

        Data sets with unobserved or random parts draw them from ``random_state`` here, as disentanglement_lib does.
        """
        return self.observations(self.draw_indices(factors, random_state))

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
        """``num`` random factor rows and their images."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.floating]:
        """``num`` random images."""
        return self.sample(num, random_state)[1]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The items (image, factors) at ``indices``, fetched together."""
        wanted = self._positions(indices)
        factors = torch.from_numpy(np.ascontiguousarray(self.factors(wanted), dtype=np.int64))
        return list(zip(self._tensors(wanted), factors, strict=True))

    def __repr__(self) -> str:
        """Class, name, number and shape of the images, and factors."""
        factors = describe_factors(self.factors_of_variation)
        return f"{type(self).__name__}({self.name!r}, {self._summary()}, factors: {factors})"


def checksum(dataset: ImageDataset) -> str:
    """Eight hex digits that differ, but for chance, where some of ``CHECKED`` evenly spaced images differ."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, CHECKED).astype(np.int64))
    return f"{zlib.crc32(np.ascontiguousarray(dataset.images(chosen)).tobytes()):08x}"


def require_factors(dataset: ImageDataset, purpose: str) -> GroundTruthDataset:
    """``dataset`` if its factors of variation are known, else a SubmissionError naming ``purpose``."""
    if not isinstance(dataset, GroundTruthDataset):
        raise SubmissionError(
            f"{dataset.name} has no ground-truth factors, which {purpose} requires",
            "use another data set (from Python: data=(images, factors))",
        )
    return dataset
