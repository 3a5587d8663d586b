"""Data sets: a name becomes factors, sizes and images."""

from submission.data.dataset import Factor, GroundTruthDataset, ImageDataset, require_factors
from submission.data.own import from_arrays
from submission.data.own_files import own_file, same
from submission.data.registry import data_root, load, opened, recorded

__all__ = [
    "Factor",
    "GroundTruthDataset",
    "ImageDataset",
    "data_root",
    "from_arrays",
    "load",
    "opened",
    "own_file",
    "recorded",
    "require_factors",
    "same",
]
