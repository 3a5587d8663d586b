"""How well a decoded sample explains the pixels: log p(x|z), summed in float32."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from submission.objectives.bernoulli import bernoulli
from submission.objectives.model import Model


def gaussian(means: Tensor, images: Tensor, variance: float = 1.0) -> Tensor:
    """log N(x; mean, variance·I) summed over pixels, (..., n), normaliser included.

    Rey (2020) and Pérez Rey et al. (2020) use the identity covariance.
    """
    squares = (images.float() - means.float()).square().flatten(-3)
    return -0.5 * (squares.sum(-1) / variance + squares.shape[-1] * math.log(2 * math.pi * variance))


def log_density(model: Model, outputs: Tensor, images: Tensor) -> Tensor:
    """log p(x|z) (..., n) of decoder outputs (..., n, C, H, W) for images (n, C, H, W), as ``model`` defines it."""
    with torch.autocast(images.device.type, enabled=False):
        if model.likelihood == "bernoulli":
            return bernoulli(outputs, images)
        return gaussian(outputs, images, model.variance)
