"""Reconstructions and latent traversals as pictures that fit into a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from submission.models.vae import VAE

GAP = 2


def mosaic(images: npt.NDArray[np.uint8]) -> Image.Image:
    """Images (rows, columns, height, width, channels), uint8 0..255, as one picture with thin gaps."""
    rows, columns, height, width, channels = images.shape
    sheet = np.full((rows * (height + GAP), columns * (width + GAP), channels), 128, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = images[row, column]
    return Image.fromarray(sheet[..., 0] if channels == 1 else sheet)


def png_uri(picture: Image.Image) -> str:
    """A ``data:`` URI of the picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def reconstructions(model: VAE, images: Tensor) -> Image.Image:
    """Originals above their reconstructions from one posterior sample each; ``images`` (n, C, H, W) in [0, 1]."""
    with torch.no_grad():
        decoded = pictured(model, model.space.posterior(model.encode(images)).rsample())
    return mosaic(np.stack([to_bytes(images), decoded]))


def traversals(model: VAE, image: Tensor, steps: int = 10, rows: int = 12) -> Image.Image:
    """One row per component of the latent space, moved through its range; ``image`` (1, C, H, W) starts it."""
    with torch.no_grad():
        parameters = model.encode(image)
        count = min(rows, len(model.space.components))
        walked = [pictured(model, model.space.traversal(parameters, block, steps)) for block in range(count)]
    return mosaic(np.stack(walked))


def pictured(model: VAE, z: Tensor) -> npt.NDArray[np.uint8]:
    """Decoder means (n, H, W, C) of the samples ``z`` (n, ambient_size) as bytes."""
    return to_bytes(model.expected_images(z))


def to_bytes(images: Tensor) -> npt.NDArray[np.uint8]:
    """(n, C, H, W) in [0, 1] → (n, H, W, C) uint8."""
    scaled = images.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()
