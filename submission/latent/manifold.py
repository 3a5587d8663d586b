"""Spaces of C copies of one compact manifold: a centre and one dispersion parameter per copy, a uniform prior."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.jit import is_tracing

from submission.errors import UsageError
from submission.latent.base import Block, Component, Posterior
from submission.latent.components import DeviceAwareSpace, exact_posterior, join, split
from submission.latent.families import PosteriorFamily

MODES = ("ambient", "intrinsic", "mean", "mean_scaled", "sample")


@dataclass(frozen=True)
class Geometry:
    """Columns and scales of a manifold for encoder, decoder and export, per component.

    Attributes:
        names: one name per component.
        topology: as in ``Component``.
        raw, point, feature, intrinsic: columns of the encoder's centre, of a sample, of the decoder's input and of
            coordinates in the manifold.
        point_scale, feature_scale: factors that give points and features of the prior a second moment of one.
        full_turn: angle after which a traversal is back where it began.
    """

    names: tuple[str, ...]
    topology: str
    raw: int
    point: int
    feature: int
    intrinsic: int
    point_scale: float
    feature_scale: float
    full_turn: float = 2 * torch.pi


class ManifoldSpace(DeviceAwareSpace):
    """C independent points of one manifold.

    Export modes: ``ambient``, the decoder's view of the centre times ``feature_scale`` (the default);
    ``intrinsic``, coordinates in the manifold (an angle per circle), unscaled; ``mean``, the centre itself;
    ``mean_scaled``, the centre times ``point_scale``; ``sample``, like ``ambient`` for one sample. Under the uniform
    prior codes of ``ambient`` and ``mean_scaled`` have a second moment of one (on average over the columns; the squares
    on RP^d have 3/2, and a variance of d/(d + 1)), whatever the dimension: FactorVAE's metric prunes codes below a
    fixed standard deviation and SAP's classifier has a fixed regulariser.

    Args:
        spec: the spec string.
        geometry, family: the manifold and the posterior on it.
    """

    def __init__(self, spec: str, geometry: Geometry, family: PosteriorFamily) -> None:
        super().__init__()
        self.spec, self.geometry, self.family = spec, geometry, family
        count = len(geometry.names)
        self.parameter_size = count * (geometry.raw + 1)
        self.ambient_size, self.decoder_size = count * geometry.point, count * geometry.feature
        self.components = tuple(
            Component(name, index * geometry.point, (index + 1) * geometry.point, geometry.topology)
            for index, name in enumerate(geometry.names)
        )
        self.export_modes = MODES

    @abstractmethod
    def centre(self, raw: Tensor) -> Tensor:
        """Encoder columns (..., raw) → points (..., point)."""

    @abstractmethod
    def prior(self, like: Tensor) -> Distribution:
        """The uniform distribution on one component with the device and type of ``like``."""

    @abstractmethod
    def coordinates(self, points: Tensor) -> Tensor:
        """Points (..., point) → coordinates in the manifold (..., intrinsic)."""

    def features(self, points: Tensor) -> Tensor:
        """Points (..., point) → what the decoder receives (..., feature)."""
        return points

    def canonical(self, points: Tensor) -> Tensor:
        """The exported representative of points (..., point) that several vectors represent."""
        return points

    def posterior(self, parameters: Tensor) -> Posterior:
        """The family's posterior around the centres, with exact KL."""
        return self.posterior_at(*self._split(parameters))

    def posterior_at(self, raw: Tensor, raw_dispersion: Tensor) -> Posterior:
        """The posterior of any number of copies: raw centres (n, copies, raw) and raw dispersion (n, copies)."""
        dispersion = self.family.dispersion(raw_dispersion)
        distribution = self.family.distribution(self.centre(raw), dispersion)
        return exact_posterior(distribution, self.prior(dispersion), {self.family.parameter: dispersion})

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """Minus the logarithm of the manifold's volume per component (..., C)."""
        prior = self.prior(z)
        return prior.log_prob(split(z, prior))

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Uniform samples (*shape, ambient_size)."""
        prior = self.prior(self.reference)
        return join(prior.sample(torch.Size((*shape, len(self.components)))), prior)

    def decoder_input(self, z: Tensor) -> Tensor:
        """Features (..., decoder_size)."""
        return self.features(z.unflatten(-1, (-1, self.geometry.point))).flatten(-2)

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """The centre as ``mode`` shows it, or a sample."""
        if mode == "sample":
            refuse_tracing(self.spec)
            return self.scale(mode) * self.decoder_input(self.posterior(parameters).rsample())
        centre = self.centre(self._split(parameters)[0])
        if mode == "intrinsic":
            return self.coordinates(self.canonical(centre)).flatten(-2)
        shown = self.features(centre) if mode == "ambient" else self.canonical(centre)
        return self.scale(mode) * shown.flatten(-2)

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """One block per component."""
        shape = self.geometry
        widths = {"intrinsic": shape.intrinsic, "mean": shape.point, "mean_scaled": shape.point}
        width = widths.get(mode, shape.feature)
        return tuple(
            Block(name, index * width, (index + 1) * width, shape.topology) for index, name in enumerate(shape.names)
        )

    def scale(self, mode: str) -> float:
        """√(d+1) on S^d for scaled modes; 1 for ``mean`` and ``intrinsic``."""
        shape = self.geometry
        scales = {"intrinsic": 1.0, "mean": 1.0, "mean_scaled": shape.point_scale}
        return scales.get(mode, shape.feature_scale)

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """One component once around a closed geodesic, the others at their centre."""
        centres = self.centre(self._split(parameters)[0])[0]
        angles = torch.arange(steps, device=centres.device, dtype=centres.dtype) * (self.geometry.full_turn / steps)
        points = centres.expand(steps, -1, -1).clone()
        points[:, block] = self.geodesic(centres[block], angles)
        return points.flatten(-2)

    def geodesic(self, centre: Tensor, angles: Tensor) -> Tensor:
        """Points (steps, point) along a great circle through ``centre`` (point,)."""
        ahead = tangent(centre)
        return torch.cos(angles)[:, None] * centre + torch.sin(angles)[:, None] * ahead

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder output (n, parameter_size) → raw centres (n, C, raw) and raw dispersion parameters (n, C)."""
        count = len(self.components)
        raw, dispersion = parameters.split([count * self.geometry.raw, count], -1)
        return raw.unflatten(-1, (count, -1)), dispersion


def refuse_tracing(spec: str) -> None:
    """An error while a graph is recorded: samplers with tables or rejection would be recorded for one batch only."""
    if is_tracing():
        raise UsageError(f"samples of {spec} cannot be exported as a graph", "export ambient, intrinsic or mean codes")


def tangent(centre: Tensor) -> Tensor:
    """A unit vector at right angles to ``centre`` (e,): on a circle the one that increases the angle."""
    if len(centre) == 2:
        return torch.stack([-centre[1], centre[0]])
    axis = torch.zeros_like(centre).index_fill_(0, centre.abs().argmin(), 1.0)
    ahead = axis - centre.dot(axis) * centre
    direction: Tensor = ahead / torch.linalg.vector_norm(ahead)
    return direction
