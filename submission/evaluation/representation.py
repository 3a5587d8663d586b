"""What is scored: codes, together with the factors of variation they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data import FactorGrid, GroundTruthDataset
from submission.errors import SubmissionError
from submission.evaluation.codes import CodesTable
from submission.evaluation.encoding.encoder import Encoder
from submission.evaluation.layout import PLAIN, Layout
from submission.metrics.base import Codes, Sampler
from submission.metrics.sampling import (
    CodeGrid,
    GridSampler,
    ImageSource,
    IndexSource,
    MappedSource,
    PointSampler,
    dataset_source,
    true_factors,
)
from submission.metrics.sampling.grid import observed_values
from submission.metrics.sampling.tables import MemoTable, Rows
from submission.progress import QUIET, Progress
from submission.run.scores import IDEAL

SamplerOf = Callable[[int, Progress], Sampler]


@dataclass(frozen=True)
class ReferenceInput:
    """What disentanglement_lib is given: an object with its data interface, and a representation function."""

    dataset: Any
    encode: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@dataclass(frozen=True)
class ScoredRepresentation:
    """One column of the table of scores.

    Attributes:
        label: e.g. ``trained``, ``untrained``, ``true factors``.
        sampler: seed → draws.
        reference: the same for the real disentanglement_lib; None where it has no way to score it.
        full_grid: whether any combination of factors can be asked for.
        factors: names and sizes of the factors used.
        codes: ``mean``, ``sample``, ... as far as it is known.
        layout: columns that belong together.
        block_sampler: seed → draws of codes in which ``layout``'s angles are unrolled, for scores by block.
        samples: number of given samples where there is no grid, else None.
        cells: number of images of a full grid, from which disentanglement_lib's protocol draws; 0 where there is none.
    """

    label: str
    sampler: SamplerOf
    reference: ReferenceInput | None
    full_grid: bool
    factors: dict[str, int]
    codes: str = "unknown"
    layout: Layout = PLAIN
    block_sampler: SamplerOf | None = None
    samples: int | None = None
    cells: int = 0


class RowsView:
    """A data set whose observations are the codes themselves, for disentanglement_lib to draw from."""

    def __init__(self, dataset: FactorGrid, rows: Rows) -> None:
        self._dataset, self._rows = dataset, rows
        self.num_factors, self.factors_num_values = dataset.num_factors, dataset.factors_num_values
        self.observation_shape = getattr(dataset, "observation_shape", (0, 0, 0))  # a grid of codes has no images
        self.sample_factors = dataset.sample_factors

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.float32]:
        """Codes (n, D) of the factor rows (n, K)."""
        return self._rows(self._dataset.draw_indices(factors, random_state))

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """``num`` random factor rows and their codes."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> npt.NDArray[np.float32]:
        """Codes of ``num`` random factor rows."""
        return self.sample(num, random_state)[1]


def from_encoder(
    label: str, dataset: GroundTruthDataset, encoder: Encoder, layout: Layout = PLAIN, **about: Any
) -> ScoredRepresentation:
    """A representation of images, each distinct one encoded once where its codes are deterministic.

    On a full grid points are drawn as disentanglement_lib draws them. Elsewhere they are different images, so that no
    test point is a training point.
    """
    size = encoder.batch_size
    if not dataset.full_grid:
        return from_image_samples(label, dataset, encoder, layout, **about)
    source: ImageSource | IndexSource = ImageSource(dataset, encoder, size)
    if encoder.deterministic:
        source = dataset_source(dataset, encoder, size, encoder.rows(dataset))
    joined = MappedSource(source, layout.unrolled)
    return ScoredRepresentation(
        label,
        partial(GridSampler, source),
        ReferenceInput(dataset, encoder),
        dataset.full_grid,
        factors_of(dataset),
        layout=layout,
        block_sampler=partial(GridSampler, joined),
        cells=len(dataset) if dataset.full_grid else 0,
        **about,
    )


class ImageCodes:
    """Codes of a data set's images by number, computed when they are asked for."""

    def __init__(self, rows: Rows, count: int) -> None:
        self._rows, self._count = rows, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, numbers: npt.NDArray[np.int64]) -> Codes:
        return self._rows(numbers)


def from_image_samples(
    label: str, dataset: GroundTruthDataset, encoder: Encoder, layout: Layout, **about: Any
) -> ScoredRepresentation:
    """A representation of images that do not fill a grid of factors."""

    def encode(numbers: npt.NDArray[np.int64]) -> Codes:
        starts = range(0, len(numbers), encoder.batch_size)
        parts = [numbers[start : start + encoder.batch_size] for start in starts]
        return np.concatenate([encoder(dataset.observations(part)) for part in parts])

    rows = encoder.rows(dataset) or encode
    known = MemoTable(len(dataset), rows, encoder.batch_size) if encoder.deterministic else rows
    return ScoredRepresentation(
        label,
        image_sampler(dataset, known),
        ReferenceInput(dataset, encoder),
        False,
        factors_of(dataset),
        layout=layout,
        block_sampler=image_sampler(dataset, lambda numbers: layout.unrolled(known(numbers))),
        samples=len(dataset),
        **about,
    )


def image_sampler(dataset: FactorGrid, rows: Rows) -> SamplerOf:
    """Draws of different images from a data set that does not fill a grid."""
    factors, marks = observed_values(dataset.factors(np.arange(len(dataset))), dataset), dataset.continuous

    def sampler(seed: int, progress: Progress = QUIET) -> Sampler:
        codes: Any = ImageCodes(rows, len(dataset))
        found = PointSampler(codes, factors, seed, dataset.name, progress, dataset.periodic, marks)
        found.factor_names, found.factor_sizes = dataset.factor_names, dataset.factor_sizes
        return found

    return sampler


def from_rows(label: str, dataset: FactorGrid, rows: Rows, **about: Any) -> ScoredRepresentation:
    """A representation that is known for every image of a data set."""
    if not dataset.full_grid:
        reference = ReferenceInput(RowsView(dataset, rows), lambda codes: codes)
        sizes, count = factors_of(dataset), len(dataset)
        return ScoredRepresentation(
            label, image_sampler(dataset, rows), reference, False, sizes, samples=count, **about
        )

    def sampler(seed: int, progress: Progress = QUIET) -> Sampler:
        return GridSampler(IndexSource(dataset, rows), seed)  # looking up needs no progress bar

    reference = ReferenceInput(RowsView(dataset, rows), lambda codes: codes)
    cells = len(dataset) if dataset.full_grid else 0
    return ScoredRepresentation(label, sampler, reference, dataset.full_grid, factors_of(dataset), cells=cells, **about)


def from_codes(file: CodesTable) -> tuple[ScoredRepresentation, ScoredRepresentation]:
    """The codes of a file, and the true factors in their place."""
    layout = Layout.labelled(file.blocks) if file.blocks is not None else PLAIN
    if file.factor_sizes is not None:
        grid = CodeGrid.of(file.name, file.factor_sizes, file.periodic, file.factor_names)
        mine = from_rows("codes", grid, lambda cells: file.codes[cells])
        truth = from_rows(IDEAL, grid, true_factors(grid), codes="factors")
    else:
        low, high = file.factors.min(axis=0), file.factors.max(axis=0)
        even = 2 * (file.factors - low) / np.where(high > low, high - low, 1) - 1
        mine = from_samples("codes", file, file.codes)
        truth = from_samples(IDEAL, file, even.astype(np.float32))
    return replace(mine, layout=layout, block_sampler=mine.sampler), truth


def from_samples(label: str, file: CodesTable, codes: Codes) -> ScoredRepresentation:
    """Codes (N, D) of the samples in a file."""

    def sampler(seed: int, progress: Progress = QUIET) -> Sampler:
        found = PointSampler(codes, file.factors, seed, file.name, progress, file.periodic, file.continuous)
        found.factor_names = file.factor_names
        return found

    counts = [len(np.unique(column)) for column in file.factors.T]
    sizes = dict(zip(file.factor_names, counts, strict=True))
    return ScoredRepresentation(label, sampler, None, False, sizes, samples=len(codes))


def true_factor_baseline(dataset: GroundTruthDataset) -> ScoredRepresentation:
    """The true factors as codes."""
    return from_rows(IDEAL, dataset, true_factors(dataset), codes="factors")


def factors_of(dataset: FactorGrid) -> dict[str, int]:
    """Names and sizes of the factors."""
    return dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))


def require_reference(representation: ScoredRepresentation) -> ReferenceInput:
    """What disentanglement_lib is given for ``representation``, or a SubmissionError."""
    if representation.reference is None:
        raise SubmissionError(
            "disentanglement_lib scores full grids only, not plain samples", "use --backend submission"
        )
    return representation.reference
