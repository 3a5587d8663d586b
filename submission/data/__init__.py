"""Data sets: a name becomes factors, sizes and images."""

from submission.data.dataset import Factor, GroundTruthDataset, ImageDataset, require_factors, require_full_grid
from submission.data.own import from_arrays
from submission.data.registry import data_root, load

__all__ = [
    "Factor",
    "GroundTruthDataset",
    "ImageDataset",
    "data_root",
    "from_arrays",
    "load",
    "require_factors",
    "require_full_grid",
]
