"""A VAE small enough to export hundreds of times, over a latent space that is nothing but a stand-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from submission.latent.base import Block, Component, LatentSpace, Posterior
from submission.models.vae import VAE, build


class StandIn(LatentSpace):
    """Six parameters: three locations and three log scales."""

    spec, parameter_size, ambient_size, decoder_size = "stand-in", 6, 3, 3
    components = (Component("stand-in", 0, 3, "line"),)
    export_modes = ("mean", "sample", "frozen", "nan")

    def posterior(self, parameters: Tensor) -> Posterior:
        """Not needed here."""
        raise AssertionError

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """A standard Gaussian without its constant."""
        return -z.square().sum(-1, keepdim=True) / 2

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Gaussian samples."""
        return torch.randn(*shape, 3)

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """Locations; ``frozen`` and ``nan`` are two mistakes that an export must notice."""
        location, log_scale = parameters.chunk(2, dim=-1)
        if mode == "sample":
            return location + log_scale.exp() * torch.randn_like(location)
        if mode == "frozen":
            return location * torch.tensor([float(len(location))])
        return location / 0 * 0 if mode == "nan" else location

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """One block."""
        return (Block("stand-in", 0, 3, "line"),)

    def scale(self, mode: str) -> float:
        """Unscaled."""
        return 1.0

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """Not needed here."""
        raise AssertionError


@pytest.fixture
def make_vae() -> Callable[..., VAE]:
    """``make_vae(channels=1, network="conv", size=64)``: an untrained VAE."""

    def make(channels: int = 1, network: str = "conv", size: int = 64) -> VAE:
        return build(network, StandIn(), (size, size, channels))

    return make
