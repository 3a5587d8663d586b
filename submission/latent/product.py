"""Products of latent spaces: columns and components side by side, each factor with its own scale and KL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn

from submission.latent.base import Block, Component, LatentSpace, Posterior
from submission.latent.estimators import NormalCoordinates, add_score_terms, normal_coordinates
from submission.latent.manifold import ManifoldSpace

MODES = ("default", "ambient", "intrinsic", "mean", "mean_scaled", "sample")


class ProductPosterior(Posterior):
    """Independent posteriors of the factors.

    Args:
        parts: one posterior per factor, or for several factors in a row that have one component each.
        sizes: ambient columns of each part.
        counts: factors of each part.
    """

    def __init__(self, parts: Sequence[Posterior], sizes: Sequence[int], counts: Sequence[int]) -> None:
        self.parts, self.sizes, self.counts = tuple(parts), list(sizes), list(counts)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Tensor:
        """Samples (*sample_shape, n, ambient_size)."""
        return torch.cat([part.rsample(sample_shape) for part in self.parts], -1)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) per component (..., C)."""
        return torch.cat([part.log_prob(own) for part, own in self.pairs(z)], -1)

    def kl(self, z: Tensor) -> Tensor:
        """KL per component (n, C)."""
        return torch.cat([part.kl(own) for part, own in self.pairs(z)], -1)

    def statistics(self) -> dict[str, Tensor]:
        """Every factor's statistics under ``name/factor``, such as ``time/0``."""
        return {
            f"{name}/{first + index}": own
            for first, count, part in zip(offsets(self.counts), self.counts, self.parts, strict=True)
            for name, values in part.statistics().items()
            for index, own in enumerate(values.chunk(count))
        }

    def pairs(self, z: Tensor) -> zip[tuple[Posterior, Tensor]]:
        return zip(self.parts, z.split(self.sizes, -1), strict=True)


@normal_coordinates.register
def _product_coordinates(posterior: ProductPosterior, z: Tensor) -> NormalCoordinates | None:
    """The factors' coordinates side by side, if all of them have normal coordinates."""
    parts = [normal_coordinates(part, own) for part, own in posterior.pairs(z)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    *tensors, sizes, circular = zip(*known, strict=True)
    value, mean, scale = (torch.cat(columns, -1) for columns in tensors)
    return NormalCoordinates(value, mean, scale, sum(sizes, ()), sum(circular, ()))


@add_score_terms.register
def _product_score_terms(posterior: ProductPosterior, z: Tensor, cost: Tensor) -> Tensor:
    """Every factor's terms."""
    for part, own in posterior.pairs(z):
        cost = add_score_terms(part, own, cost)
    return cost


class ProductSpace(LatentSpace):
    """Cartesian product of latent spaces (Davidson et al. (2019), eq. 3 and 4, for any topologies).

    The default export mode exports every factor in that factor's own default mode.

    Args:
        spaces: the factors, at least two.
    """

    def __init__(self, spaces: Sequence[LatentSpace]) -> None:
        super().__init__()
        self.factors = nn.ModuleList(spaces)
        self.spaces = tuple(spaces)
        self.groups = group_equal(spaces)
        self.spec = " x ".join(space.spec for space in spaces)
        self.parameter_size = sum(space.parameter_size for space in spaces)
        self.ambient_size = sum(space.ambient_size for space in spaces)
        self.decoder_size = sum(space.decoder_size for space in spaces)
        self.components = tuple(self._components())
        self.export_modes = MODES

    def _components(self) -> list[Component]:
        starts = offsets([space.ambient_size for space in self.spaces])
        return [
            Component(self._name(factor, part.name), part.start + start, part.stop + start, part.topology, factor)
            for factor, (space, start) in enumerate(zip(self.spaces, starts, strict=True))
            for part in space.components
        ]

    def _name(self, factor: int, name: str) -> str:
        repeated = len({space.spec for space in self.spaces}) < len(self.spaces)
        return f"{factor}:{name}" if repeated else name

    def posterior(self, parameters: Tensor) -> Posterior:
        """The factors' posteriors, independent of each other; equal factors in a row are one tensor's columns."""
        columns = parameters.split([count * space.parameter_size for space, count in self.groups], -1)
        parts = [joint_posterior(space, count, own) for (space, count), own in zip(self.groups, columns, strict=True)]
        sizes = [count * space.ambient_size for space, count in self.groups]
        return ProductPosterior(parts, sizes, [count for _, count in self.groups])

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """log p(z) per component (..., C)."""
        return self._join(z, lambda space, own: space.prior_log_prob(own))

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Samples (*shape, ambient_size)."""
        return torch.cat([space.prior_sample(shape) for space in self.spaces], -1)

    def decoder_input(self, z: Tensor) -> Tensor:
        """The factors' decoder inputs side by side."""
        return self._join(z, lambda space, own: space.decoder_input(own))

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """The factors' representations side by side."""
        columns = [space.representation(own, factor_mode(space, mode)) for space, own in self._split(parameters)]
        return torch.cat(columns, -1)

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """The factors' blocks, named like the components."""
        starts = offsets([space.width(factor_mode(space, mode)) for space in self.spaces])
        return tuple(
            replace(block, name=self._name(factor, block.name), start=block.start + start, stop=block.stop + start)
            for factor, (space, start) in enumerate(zip(self.spaces, starts, strict=True))
            for block in space.blocks(factor_mode(space, mode))
        )

    def scale(self, mode: str) -> float | tuple[float, ...]:
        """The factors' scales in order, or their common one."""
        scales = [space.scale(factor_mode(space, mode)) for space in self.spaces]
        return scales[0] if len(set(scales)) == 1 else tuple(cast("float", scale) for scale in scales)

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """One component moves; the other factors stay at their mode."""
        moving = self.components[block].factor
        first = next(index for index, part in enumerate(self.components) if part.factor == moving)
        columns = [
            space.traversal(own, block - first, steps)
            if index == moving
            else space.representation(own, "mean").expand(steps, -1)
            for index, (space, own) in enumerate(self._split(parameters))
        ]
        return torch.cat(columns, -1)

    def _split(self, parameters: Tensor) -> zip[tuple[LatentSpace, Tensor]]:
        sizes = [space.parameter_size for space in self.spaces]
        return zip(self.spaces, parameters.split(sizes, -1), strict=True)

    def _join(self, z: Tensor, function: Callable[[LatentSpace, Tensor], Tensor]) -> Tensor:
        parts = z.split([space.ambient_size for space in self.spaces], -1)
        return torch.cat([function(space, own) for space, own in zip(self.spaces, parts, strict=True)], -1)


def group_equal(spaces: Sequence[LatentSpace]) -> list[tuple[LatentSpace, int]]:
    """The factors in order, those in a row that are the same manifold only once, with their number."""
    found: list[tuple[LatentSpace, int]] = []
    for space in spaces:
        alike = found and found[-1][0].spec == space.spec and isinstance(space, ManifoldSpace)
        if alike and len(space.components) == 1:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((space, 1))
    return found


def joint_posterior(space: LatentSpace, count: int, parameters: Tensor) -> Posterior:
    """The posterior of ``count`` factors like ``space`` from their parameters (n, count·parameter_size)."""
    if count == 1:
        return space.posterior(parameters)
    own = parameters.unflatten(-1, (count, -1))
    return cast("ManifoldSpace", space).posterior_at(own[..., :-1], own[..., -1])


def factor_mode(space: LatentSpace, mode: str) -> str:
    """The factor's mode for a product's mode."""
    return space.export_modes[0] if mode == "default" else mode


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where each of consecutive parts begins."""
    return [0, *accumulate(sizes)][:-1]
