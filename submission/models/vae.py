"""The variational autoencoder: encoder + latent space + decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.models.networks import ImageShape, networks

LIKELIHOODS = ("bernoulli", "gaussian")


class VAE(nn.Module):
    """Networks around a latent space (Kingma and Welling, 2014).

    Attributes:
        encoder: images (n, C, H, W) → (n, space.parameter_size).
        space: the latent space.
        decoder: (n, space.decoder_size) → (n, C, H, W).
        image_shape: (height, width, channels).
        likelihood: ``bernoulli`` (decoder gives logits) or ``gaussian`` (decoder gives means).
        variance: the fixed pixel variance of a Gaussian decoder; Rey (2020) takes the identity.
    """

    def __init__(
        self,
        encoder: nn.Module,
        space: LatentSpace,
        decoder: nn.Module,
        image_shape: ImageShape,
        likelihood: str = "bernoulli",
        variance: float = 1.0,
    ) -> None:
        super().__init__()
        if likelihood not in LIKELIHOODS:
            raise UsageError(f"unknown likelihood {likelihood!r}", f"choose one of {', '.join(LIKELIHOODS)}")
        if not variance > 0:
            raise UsageError(f"decoder variance {variance} is not positive", "set model.variance above 0")
        self.encoder, self.space, self.decoder = encoder, space, decoder
        self.image_shape, self.likelihood, self.variance = image_shape, likelihood, variance

    def encode(self, images: Tensor) -> Tensor:
        """Posterior parameters (n, parameter_size) of images (n, C, H, W) in [0, 1]."""
        parameters: Tensor = self.encoder(images)
        return parameters

    def decode(self, z: Tensor) -> Tensor:
        """Logits (Bernoulli) or means (Gaussian), (n, C, H, W), of latent samples (n, ambient_size)."""
        outputs: Tensor = self.decoder(self.space.decoder_input(z))
        return outputs

    def expected_images(self, z: Tensor) -> Tensor:
        """Expected images (n, C, H, W) in [0, 1] of latent samples (n, ambient_size), for looking at."""
        output = self.decode(z)
        return torch.sigmoid(output) if self.likelihood == "bernoulli" else output.clamp(0, 1)


def build(
    network: str, space: LatentSpace, image_shape: ImageShape, likelihood: str = "bernoulli", variance: float = 1.0
) -> VAE:
    """A fresh VAE with the networks called ``network`` (see ``networks.NETWORKS``), sized for ``image_shape``."""
    pair = networks(network)
    encoder = pair.encoder(image_shape, space.parameter_size)
    decoder = pair.decoder(space.decoder_size, image_shape)
    return VAE(encoder, space, decoder, image_shape, likelihood, variance)
