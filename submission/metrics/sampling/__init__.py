"""How points are drawn: from given arrays, or from a full grid of factors in disentanglement_lib's order."""

from submission.metrics.sampling.given import ResamplingSampler, sampler_of
from submission.metrics.sampling.grid import GridSampler
from submission.metrics.sampling.points import PointSampler
from submission.metrics.sampling.sources import (
    CodeGrid,
    ImageSource,
    IndexSource,
    MappedSource,
    Source,
    dataset_source,
)
from submission.metrics.sampling.tables import BATCH, Encode, MemoTable, Rows, true_factors

__all__ = [
    "BATCH",
    "CodeGrid",
    "Encode",
    "GridSampler",
    "ImageSource",
    "IndexSource",
    "MappedSource",
    "MemoTable",
    "PointSampler",
    "ResamplingSampler",
    "Rows",
    "Source",
    "dataset_source",
    "sampler_of",
    "true_factors",
]
