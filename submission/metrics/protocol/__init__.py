"""The reference's sampling, and codes that are computed once per distinct image."""

from submission.metrics.protocol.sampler import GridSampler
from submission.metrics.protocol.samples import SampleSampler
from submission.metrics.protocol.sources import CodeGrid, ImageSource, IndexSource, MappedSource, Source, dataset_source
from submission.metrics.protocol.tables import BATCH, Encode, MemoTable, Rows, true_factors

__all__ = [
    "BATCH",
    "CodeGrid",
    "Encode",
    "GridSampler",
    "ImageSource",
    "IndexSource",
    "MappedSource",
    "MemoTable",
    "Rows",
    "SampleSampler",
    "Source",
    "dataset_source",
    "true_factors",
]
