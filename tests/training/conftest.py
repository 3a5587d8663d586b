"""A data set that costs nothing, and settings of runs that take a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from submission.configuration.settings import DataSettings, ModelSettings, ObjectiveSettings, Settings, TrainSettings
from submission.data.dataset import Factor, GroundTruthDataset, Images, Indices


@dataclass(eq=False)
class Dots(GroundTruthDataset):
    """One white pixel per cell of a grid, 8 by 8; ``hook`` sees how many batches were asked for."""

    hook: Callable[[int], None] = lambda asked: None
    asked: int = -2  # one call is the fingerprint, one the probe batch

    def images(self, indices: Indices) -> Images:
        """Images (n, 8, 8, 1) of zeros and ones."""
        self.hook(self.asked)
        self.asked += 1
        return np.eye(64, dtype=np.uint8)[indices].reshape(-1, 8, 8, 1)


def make_dots(hook: Callable[[int], None] = lambda asked: None) -> Dots:
    """64 images."""
    factors = (Factor("row", 8), Factor("column", 8))
    return Dots("dots", factors, (8, 8, 1), maximum=1, hook=hook)


@pytest.fixture
def dots() -> Callable[..., Dots]:
    """Makes the data set; its argument is called with the number of each training batch, before it is given out."""
    return make_dots


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Makes settings of a short run: objective name, its options, and training settings by keyword."""

    def make(objective: str = "beta_vae", options: dict[str, object] | None = None, **train: object) -> Settings:
        base = TrainSettings(steps=12, batch_size=24, seed=3, precision="float32", log_every=2, checkpoint_every=0.0)
        model = ModelSettings(space="R^2", networks="mlp_small")
        return Settings(
            replace(base, **train), DataSettings("dots"), model, ObjectiveSettings(objective, options or {})
        )

    return make
