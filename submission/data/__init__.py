"""Data sets: a name, a file or arrays become images with their factors of variation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.data.batches import ImageBatches
    from submission.data.dataset import GroundTruthDataset, ImageDataset, require_factors
    from submission.data.grid import Factor, FactorGrid
    from submission.data.locations import data_root, is_user_data, name_of, same_dataset
    from submission.data.registry import data_sets_kept, load, load_with_options, unpickling_allowed
    from submission.data.user_data import as_dataset, from_arrays, from_torch

MODULES = {
    "Factor": "grid",
    "FactorGrid": "grid",
    "GroundTruthDataset": "dataset",
    "ImageBatches": "batches",
    "ImageDataset": "dataset",
    "as_dataset": "user_data",
    "data_root": "locations",
    "data_sets_kept": "registry",
    "from_arrays": "user_data",
    "from_torch": "user_data",
    "is_user_data": "locations",
    "load": "registry",
    "load_with_options": "registry",
    "name_of": "locations",
    "require_factors": "dataset",
    "same_dataset": "locations",
    "unpickling_allowed": "registry",
}
__all__ = [
    "Factor",
    "FactorGrid",
    "GroundTruthDataset",
    "ImageBatches",
    "ImageDataset",
    "as_dataset",
    "data_root",
    "data_sets_kept",
    "from_arrays",
    "from_torch",
    "is_user_data",
    "load",
    "load_with_options",
    "name_of",
    "require_factors",
    "same_dataset",
    "unpickling_allowed",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: names and factors of data sets do not need torch."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
