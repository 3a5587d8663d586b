"""A latent space that is nothing but a stand-in, so that networks are tested without the real ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from submission.latent.base import Block, Component, LatentSpace, Posterior


class Plain(LatentSpace):
    """Three numbers in, three numbers out; the decoder sees six."""

    spec, parameter_size, ambient_size, decoder_size = "plain", 3, 3, 6
    components = (Component("plain", 0, 3, "line"),)
    export_modes = ("mean",)

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
        """The parameters themselves."""
        return parameters

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """One block."""
        return (Block("plain", 0, 3, "line"),)

    def scale(self, mode: str) -> float:
        """Unscaled."""
        return 1.0

    def decoder_input(self, z: Tensor) -> Tensor:
        """The sample and its square."""
        return torch.cat([z, z.square()], -1)

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """Not needed here."""
        raise AssertionError


@pytest.fixture
def plain_space() -> LatentSpace:
    """A stand-in latent space of 3 parameters whose decoder receives 6 numbers."""
    return Plain()
