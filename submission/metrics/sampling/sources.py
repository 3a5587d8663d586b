"""Sources of codes: cells of a grid, or images that are random even when their factors are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from submission.data import Factor, FactorGrid, GroundTruthDataset
from submission.metrics.base import Codes, Factors
from submission.metrics.sampling.tables import BATCH, Encode, MemoTable, Rows


class Source(Protocol):
    """Observes factor rows now, computes their codes later.

    Attributes:
        dataset: the factors and, where there are any, the images.
        chunk: how many observed rows to collect before computing their codes.
        draws: whether the data set draws factors in its own way, or observing them draws anything.
    """

    chunk: int

    @property
    def dataset(self) -> FactorGrid:
        """See above."""

    @property
    def draws(self) -> bool:
        """See above."""

    def observe(self, factors: Factors, random_state: np.random.RandomState) -> npt.NDArray[Any]:
        """What to keep of the factor rows (n, K): n entries; draws what disentanglement_lib draws here."""

    def codes(self, observed: npt.NDArray[Any]) -> Codes:
        """Codes (n, D) of n kept entries."""


@dataclass
class IndexSource:
    """Images are a function of the cell (hidden factors included): keep its number, and read codes from a table."""

    dataset: FactorGrid
    rows: Rows
    chunk: int = 1 << 16

    @property
    def draws(self) -> bool:
        """Whether the data set overrides a method that draws."""
        kind, plain = type(self.dataset), FactorGrid
        return kind.sample_factors is not plain.sample_factors or kind.draw_indices is not plain.draw_indices

    def observe(self, factors: Factors, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Cells (n,) of the factor rows; hidden factors are drawn."""
        return self.dataset.draw_indices(factors, random_state)

    def codes(self, observed: npt.NDArray[np.int64]) -> Codes:
        """Codes (n, D) of the cells (n,)."""
        return self.rows(observed)


@dataclass
class ImageSource:
    """Observing adds colour, noise or a background: keep the image itself, and encode it each time."""

    dataset: GroundTruthDataset
    encode: Encode
    chunk: int = BATCH
    draws: bool = field(default=True, init=False)

    def observe(self, factors: Factors, random_state: np.random.RandomState) -> npt.NDArray[np.float32]:
        """Images (n, height, width, channels), drawn now."""
        return self.dataset.sample_observations_from_factors(factors, random_state).astype(np.float32, copy=False)

    def codes(self, observed: npt.NDArray[np.float32]) -> Codes:
        """Codes (n, D) of the images."""
        return self.encode(observed)


class MappedSource:
    """Another source's codes, each through a function of its own row."""

    def __init__(self, source: Source, function: Callable[[Codes], Codes]) -> None:
        self.dataset, self.chunk, self.observe, self.draws = source.dataset, source.chunk, source.observe, source.draws
        self._source, self._function = source, function

    def codes(self, observed: npt.NDArray[Any]) -> Codes:
        """The function's values (n, ...) of the codes of n kept entries."""
        return self._function(self._source.codes(observed))


def dataset_source(
    dataset: GroundTruthDataset, encode: Encode, batch_size: int = BATCH, rows: Rows | None = None
) -> IndexSource | ImageSource:
    """The source that encodes as few images of ``dataset`` as disentanglement_lib's draws allow.

    Args:
        dataset: the images.
        encode: images → codes, deterministic.
        batch_size: images per call of it.
        rows: cells → the same codes, where there is a faster way than ``encode`` of the cells' images.
    """
    observing = type(dataset).sample_observations_from_factors
    if observing is GroundTruthDataset.sample_observations_from_factors or not dataset.random_observation:
        rows = rows or (lambda cells: encode(dataset.observations(cells)))
        return IndexSource(dataset, MemoTable(len(dataset), rows, batch_size))
    return ImageSource(dataset, encode, batch_size)


@dataclass(eq=False, repr=False)
class CodeGrid(FactorGrid):
    """A grid of codes without images, so that a table from any framework can be scored."""

    @classmethod
    def of(cls, name: str, sizes: Sequence[int], periodic: Sequence[bool] = (), names: Sequence[str] = ()) -> CodeGrid:
        """A grid of ``sizes``; factors are called factor_0, factor_1, ..., and none is ``periodic`` by default."""
        cycles = tuple(periodic) or (False,) * len(sizes)
        called = tuple(names) or tuple(f"factor_{k}" for k in range(len(sizes)))
        parts = zip(called, sizes, cycles, strict=True)
        return cls(name, tuple(Factor(factor, int(size), cycle) for factor, size, cycle in parts))
