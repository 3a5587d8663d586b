"""R^d: a diagonal Gaussian posterior and a standard normal prior (Kingma and Welling, 2014)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal

from submission.latent.base import Block, Component, Posterior
from submission.latent.components import DeviceAwareSpace, bounded, exact_posterior, positive
from submission.latent.spec import FactorSpec

MODES = ("mean", "mean_scaled", "ambient", "intrinsic", "sample")
SCALES = (1e-4, 1e3)
"""Posterior standard deviations lie strictly between these; an encoder output of 0 means 1."""


def gaussian(parameters: Tensor) -> Normal:
    """Encoder output (n, 2d), means then raw scales → Normal with batch shape (n, d)."""
    mean, raw = parameters.chunk(2, -1)
    return Normal(bounded(mean), positive(raw, *SCALES, initial=1.0), validate_args=False)


def drawn(parameters: Tensor) -> Tensor:
    """One sample (n, d) of ``gaussian``, in operations that a recorded graph can take to another device."""
    normal = gaussian(parameters)
    return normal.loc + normal.scale * torch.randn_like(normal.loc)


def walk_line(mean: Tensor, coordinate: int, steps: int, half_width: float) -> Tensor:
    """Rows (steps, d) equal to ``mean`` (1, d) but for one coordinate, which runs over ±half_width."""
    rows = mean.expand(steps, -1).clone()
    rows[:, coordinate] = torch.linspace(-half_width, half_width, steps, device=mean.device, dtype=mean.dtype)
    return rows


class EuclideanSpace(DeviceAwareSpace):
    """R^d with d components, one per coordinate; KL per coordinate in closed form.

    Every export mode but ``sample`` is the posterior mean; the prior's codes have unit variance, the scale is 1.

    Args:
        dimension: d.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.spec = f"R^{dimension}"
        self.parameter_size, self.ambient_size, self.decoder_size = 2 * dimension, dimension, dimension
        names = [self.spec] if dimension == 1 else [f"{self.spec}[{index}]" for index in range(dimension)]
        self.components = tuple(Component(name, index, index + 1, "line") for index, name in enumerate(names))
        self.export_modes = MODES

    def posterior(self, parameters: Tensor) -> Posterior:
        """Diagonal Gaussian."""
        normal = gaussian(parameters)
        return exact_posterior(normal, self.prior(normal.loc), {"scale": normal.scale})

    def prior(self, like: Tensor) -> Normal:
        """N(0, 1) with the device and type of ``like``."""
        return Normal(like.new_zeros(()), like.new_ones(()), validate_args=False)

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """log N(z; 0, 1) per coordinate (..., d)."""
        log_density: Tensor = self.prior(z).log_prob(z)
        return log_density

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal samples (*shape, d)."""
        samples: Tensor = self.prior(self.reference).sample(torch.Size((*shape, self.ambient_size)))
        return samples

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """Posterior means (n, d), or one sample."""
        if mode == "sample":
            return drawn(parameters)
        return bounded(parameters[..., : self.ambient_size])

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """One column per coordinate."""
        return tuple(Block(part.name, part.start, part.stop, part.topology) for part in self.components)

    def scale(self, mode: str) -> float:
        """1: codes of the prior have unit variance as they are."""
        return 1.0

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """One coordinate over the prior's central 95 %."""
        return walk_line(self.representation(parameters, "mean"), block, steps, half_width=1.96)


def build(factor: FactorSpec) -> EuclideanSpace:
    """``R^d``, d from 1 to 4096."""
    dimension = factor.exponent(1, 4096)
    factor.done()
    return EuclideanSpace(dimension)
