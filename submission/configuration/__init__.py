"""Settings of a run: frozen dataclasses, filled from gin files and bindings. No other package reads or writes gin."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.configuration.catalogue import configurations, gin_folder
    from submission.configuration.fill import load, with_bindings
    from submission.configuration.settings import SEED, Settings, bindings_of

NAMES = {
    "catalogue": ("configurations", "gin_folder"),
    "fill": ("load", "with_bindings"),
    "settings": ("SEED", "Settings", "bindings_of"),
}
"""Module → what is imported from it when it is first used, so that lists of configurations need no torch."""

__all__ = ["SEED", "Settings", "bindings_of", "configurations", "gin_folder", "load", "with_bindings"]


def __getattr__(name: str) -> Any:
    for module, names in NAMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
