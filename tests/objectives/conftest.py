"""A Gaussian latent space and a linear model small enough to compute by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from submission.latent.base import Block, Component, LatentSpace, Posterior
from submission.latent.moments import Moments, moments


class NormalPosterior(Posterior):
    """Independent normals from (mean, log standard deviation)."""

    def __init__(self, parameters: Tensor) -> None:
        self.law = Normal(*parameters.chunk(2, -1)[:1], parameters.chunk(2, -1)[1].exp())

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Tensor:
        return self.law.rsample(sample_shape)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.law.log_prob(z)

    def kl(self, z: Tensor) -> Tensor:
        return kl_divergence(self.law, Normal(0.0, 1.0))

    def statistics(self) -> dict[str, Tensor]:
        return {"scale": self.law.scale.mean(0)}


@moments.register
def _(posterior: NormalPosterior) -> Moments:
    return Moments(posterior.law.loc, torch.diag(posterior.law.scale.square().mean(0)))


class NormalSpace(LatentSpace):
    """R^a × R^b × … with a standard normal prior, one component per coordinate."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        owners = [factor for factor, size in enumerate(sizes) for _ in range(size)]
        self.spec = " x ".join(f"R^{size}" for size in sizes)
        self.parameter_size, self.ambient_size, self.decoder_size = 2 * len(owners), len(owners), len(owners)
        self.components = tuple(Component(f"z[{i}]", i, i + 1, "line", owner) for i, owner in enumerate(owners))
        self.export_modes = ("mean",)

    def posterior(self, parameters: Tensor) -> Posterior:
        return NormalPosterior(parameters)

    def prior_log_prob(self, z: Tensor) -> Tensor:
        return Normal(0.0, 1.0).log_prob(z)

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(*shape, self.ambient_size)

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        return parameters.chunk(2, -1)[0]

    def blocks(self, mode: str) -> tuple[Block, ...]:
        return tuple(Block(c.name, c.start, c.stop, c.topology) for c in self.components)

    def scale(self, mode: str) -> float:
        return 1.0

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        return torch.linspace(-2, 2, steps)[:, None].repeat(1, self.ambient_size)


class LinearModel(nn.Module):
    """Linear encoder and decoder on 1 × 4 × 4 images."""

    def __init__(self, space: LatentSpace, likelihood: str = "bernoulli", variance: float = 1.0) -> None:
        super().__init__()
        self.space, self.likelihood, self.variance = space, likelihood, variance
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, space.parameter_size))
        self.decoder = nn.Sequential(nn.Linear(space.decoder_size, 16), nn.Unflatten(1, (1, 4, 4)))

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(self.space.decoder_input(z))


@pytest.fixture
def normal_space() -> Callable[..., LatentSpace]:
    """``normal_space(2, 3)`` is R^2 × R^3."""
    return NormalSpace


@pytest.fixture
def linear_model() -> Callable[..., LinearModel]:
    """``linear_model(space, likelihood)``."""
    return LinearModel


@pytest.fixture
def images() -> Tensor:
    """Twelve 1 × 4 × 4 images in [0, 1]."""
    return torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(5))
