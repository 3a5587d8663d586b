"""Random colours and backgrounds of the dSprites variants, drawn in disentanglement_lib's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.dataset import GroundTruthDataset, Images
from submission.data.grid import Indices
from submission.data.pixels import BitPixels, batch_generator
from submission.data.readers.pictures import open_picture
from submission.errors import SubmissionError

Floats = npt.NDArray[np.floating]
Draw = Callable[[Floats, np.random.RandomState], Floats]


@dataclass(eq=False, repr=False, kw_only=True)
class RandomBackground(GroundTruthDataset):
    """Sprites that look different each time they are observed.

    ``draw`` turns sprites (n, 64, 64, 3) of zeros and ones into pictures. ``images`` draws again for every batch
    (see ``batch_generator``); ``sample_observations_from_factors`` draws from the caller's generator.
    """

    sprites: BitPixels
    draw: Draw
    seed: int = 0
    random_observation: ClassVar[bool] = True

    def images(self, indices: Indices) -> Images:
        """Images with newly drawn backgrounds."""
        return np.rint(self._drawn(indices, batch_generator(self.seed, indices)) * 255).astype(np.uint8)

    def observations(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Float images with newly drawn backgrounds."""
        return self._drawn(indices, batch_generator(self.seed, indices)).astype(np.float32)

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> Floats:
        """Float images of ``factors`` with backgrounds from ``random_state``."""
        return self._drawn(self.indices(factors), random_state)

    def _drawn(self, indices: Indices, random_state: np.random.RandomState) -> Floats:
        sprites = self.sprites.images(indices).astype(np.float32)
        return self.draw(np.repeat(sprites, 3, axis=3), random_state)


def color_pixels(sprites: Floats, random_state: np.random.RandomState) -> Floats:
    """A colour uniform in [0.5, 1]^3 for each sprite, on black."""
    return sprites * random_state.uniform(0.5, 1, (len(sprites), 1, 1, 3))


def noisy_pixels(sprites: Floats, random_state: np.random.RandomState) -> Floats:
    """White sprites on uniform noise."""
    return np.minimum(sprites + random_state.uniform(0, 1, sprites.shape), 1.0)


@dataclass(frozen=True, eq=False)
class ScreamPixels:
    """Sprites that invert a random part of ``picture`` (height, width, 3; in [0, 1]) averaged with a random colour."""

    picture: npt.NDArray[np.float64]

    def __call__(self, sprites: Floats, random_state: np.random.RandomState) -> Floats:
        """Pictures (n, 64, 64, 3)."""
        result = np.empty_like(sprites)
        height, width = self.picture.shape[:2]
        for index, sprite in enumerate(sprites):
            top, left = random_state.randint(0, height - 64), random_state.randint(0, width - 64)
            tint = random_state.uniform(0, 1, size=3)
            background = (self.picture[top : top + 64, left : left + 64] + tint) / 2
            result[index] = np.where(sprite == 1, 1 - background, background)
        return result


def read_picture(path: Path) -> npt.NDArray[np.float64]:
    """The painting, reduced to fit 350 x 274 as disentanglement_lib does."""
    fix = "`python -m submission data download scream_dsprites` fetches the painting"
    with open_picture(path, path, fix) as picture:
        picture.thumbnail((350, 274))
        pixels: npt.NDArray[np.float64] = np.asarray(picture.convert("RGB")) / 255.0
    if min(pixels.shape[:2]) <= 64:
        raise SubmissionError(f"{path} is only {pixels.shape[1]}x{pixels.shape[0]}", "use the whole painting")
    return pixels
