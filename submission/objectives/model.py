"""The interface of models that objectives use."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from submission.latent.base import LatentSpace


class Model(Protocol):
    """What an objective needs of ``submission.models.vae.VAE``."""

    space: LatentSpace
    likelihood: str
    variance: float

    def encode(self, images: Tensor) -> Tensor:
        """Encoder output (n, parameter_size) of images (n, channels, height, width) in [0, 1]."""

    def decode(self, z: Tensor) -> Tensor:
        """Logits (Bernoulli) or means (Gaussian) (n, channels, height, width) of samples z (n, ambient_size)."""
