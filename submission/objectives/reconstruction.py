"""The reconstruction term: log p(x|z) of the pixels, summed in float32."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from submission.objectives.model import Model


def bernoulli(logits: Tensor, images: Tensor) -> Tensor:
    """Σ x·l − log(1 + eˡ) over pixels, (..., n), of logits (..., n, C, H, W) and images (n, C, H, W) in [0, 1].

    For grey values strictly between 0 and 1 this is the usual cross entropy, not a normalised density.
    """
    logits, images = logits.float(), images.float()
    return (images * logits - softplus(logits)).flatten(-3).sum(-1)


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
