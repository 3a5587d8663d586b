"""Pictures made of images: grids, reconstructions, samples of the prior; images of any number of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.device import seeded_randomness
from submission.models.vae import VAE
from submission.plots.encoding import image_bytes
from submission.plots.style import LIGHT, PAGE, Theme, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bytes = npt.NDArray[np.uint8]
LABEL = 26.0
"""Millimetres beside rows of images for their names."""


def as_rgb(images: Bytes) -> Bytes:
    """Images (..., H, W, C) as RGB (..., H, W, 3).

    One channel is grey, three are RGB; of two the first is red and green and the second blue (so that equal channels
    are grey); of four or more the first three are shown.
    """
    channels = images.shape[-1]
    if channels == 1:
        return np.repeat(images, 3, -1)
    if channels == 2:
        return images[..., [0, 0, 1]]
    return images[..., :3]


def mosaic(images: Bytes, gap: int = 2, background: int = 128) -> Bytes:
    """Images (rows, columns, H, W, C) as one RGB image with gaps between them."""
    shown = as_rgb(images)
    rows, columns, height, width, _ = shown.shape
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), background, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + gap), column * (width + gap)
            sheet[top : top + height, left : left + width] = shown[row, column]
    return sheet


@styled
def image_rows(
    images: Bytes, labels: Sequence[str] = (), title: str = "", width: float = PAGE, theme: Theme = LIGHT
) -> Figure:
    """Rows of images with a name at the left of each row.

    Args:
        images: (rows, columns, H, W, C) uint8.
        labels: one per row; none by default.
        title: above the rows.
        width: of the figure in millimetres.
        theme: colours.
    """
    rows, columns, height, breadth, _ = images.shape
    beside = LABEL if labels else 0.0
    tall = (width - beside - 4) / columns * rows * height / breadth
    figure = new_figure(width, tall + 4 + (6 if title else 0))
    axes = figure.add_subplot()
    axes.imshow(mosaic(images), aspect="equal")
    axes.set_xticks([])
    centres = [(row + 0.5) * (height + 2) - 1.5 for row in range(rows)]
    axes.set_yticks(centres if labels else [], list(labels) if labels else None)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title)
    return figure


def reconstruction_images(model: VAE, images: Tensor, seed: int = 0) -> Bytes:
    """Originals and the decoder's expectation at one posterior sample of each: (2, n, H, W, C); images (n, C, H, W)."""
    with seeded_randomness(seed), torch.inference_mode():
        decoded = model.expected_images(model.space.posterior(model.encode(images)).rsample())
    return np.stack([image_bytes(images), image_bytes(decoded)])


def prior_images(model: VAE, rows: int = 4, columns: int = 12, seed: int = 0) -> Bytes:
    """The decoder's expectation at samples of the prior: (rows, columns, H, W, C)."""
    with seeded_randomness(seed), torch.inference_mode():
        decoded = image_bytes(model.expected_images(model.space.prior_sample((rows * columns,))))
    return decoded.reshape(rows, columns, *decoded.shape[1:])


def reconstructions(model: VAE, images: Tensor, seed: int = 0, theme: Theme = LIGHT) -> Figure:
    """``reconstruction_images`` as a figure."""
    return image_rows(reconstruction_images(model, images, seed), ("image", "reconstruction"), theme=theme)


def prior_samples(model: VAE, rows: int = 4, columns: int = 12, seed: int = 0, theme: Theme = LIGHT) -> Figure:
    """``prior_images`` as a figure."""
    return image_rows(prior_images(model, rows, columns, seed), theme=theme)
