"""Posteriors of independent components, and maps from unbounded encoder outputs to valid parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, kl_divergence

from submission.distributions.sphere import SphereBrownian
from submission.distributions.von_mises_fisher import VonMisesFisher
from submission.latent.base import LatentSpace, Posterior
from submission.latent.estimators import NormalCoordinates, add_score_terms, normal_coordinates


class ComponentPosterior(Posterior):
    """C independent components, each a point of the same kind: one torch distribution with batch shape (n, C).

    Args:
        distribution: q(z|x), batch shape (n, C), event shape () or (e,).
        kl: KL(q(z|x) ‖ p(z)) per component (n, C); called whenever it is asked for.
        statistics: dispersion parameters (n, C) by name; their batch means show which components collapsed.
    """

    def __init__(self, distribution: Distribution, kl: Callable[[], Tensor], statistics: dict[str, Tensor]) -> None:
        self.distribution, self._kl, self._statistics = distribution, kl, statistics

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Tensor:
        """Samples (*sample_shape, n, C·e)."""
        return join(self.distribution.rsample(torch.Size(sample_shape)), self.distribution)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) per component (..., C)."""
        return self.distribution.log_prob(split(z, self.distribution))

    def kl(self, z: Tensor) -> Tensor:
        """KL per component (n, C), exact; ``z`` is not needed."""
        return self._kl()

    def statistics(self) -> dict[str, Tensor]:
        """Batch means over images, one number per component."""
        return {name: value.detach().mean(0) for name, value in self._statistics.items()}


@normal_coordinates.register
def _component_coordinates(posterior: ComponentPosterior, z: Tensor) -> NormalCoordinates | None:
    """One coordinate per component for normal distributions, and for Brownian motions on circles (angles)."""
    q = posterior.distribution
    if isinstance(q, Normal):
        value, mean, scale, circular = z, q.loc, q.scale, False
    elif isinstance(q, SphereBrownian) and q.dim == 1:
        value, mean, scale, circular = to_angles(split(z, q)), to_angles(q.loc), q.time.sqrt(), True
    else:
        return None
    return NormalCoordinates(value, mean, scale, (1,) * mean.shape[-1], (circular,) * mean.shape[-1])


@add_score_terms.register
def _component_score_terms(posterior: ComponentPosterior, z: Tensor, cost: Tensor) -> Tensor:
    """One term per von Mises–Fisher component with ``gradient="two_term"``."""
    q = posterior.distribution
    if not isinstance(q, VonMisesFisher):
        return cost
    corrected = q.add_score_term(split(z, q), cost.detach()[..., None])
    return cost + (corrected - corrected.detach()).sum(-1)


def exact_posterior(distribution: Distribution, prior: Distribution, statistics: dict[str, Tensor]) -> Posterior:
    """A posterior whose KL to ``prior`` is one of the registered pairs."""
    return ComponentPosterior(distribution, lambda: kl_divergence(distribution, prior), statistics)


def split(z: Tensor, distribution: Distribution) -> Tensor:
    """Columns (..., C·e) → points (..., C, e) of the distribution's event shape; nothing to do for numbers."""
    return z.unflatten(-1, (-1, *distribution.event_shape)) if distribution.event_shape else z


def to_angles(points: Tensor) -> Tensor:
    """Points (..., 2) of a circle → angles (...) in [−π, π]."""
    return torch.atan2(points[..., 1], points[..., 0])


def join(points: Tensor, distribution: Distribution) -> Tensor:
    """Points (..., C, e) → columns (..., C·e)."""
    return points.flatten(-2) if distribution.event_shape else points


def positive(raw: Tensor, low: float, high: float, initial: float) -> Tensor:
    """A smooth increasing map of the reals into (low, high) with positive(0) = initial and d log/d raw = 1 there."""
    span = math.log(high / low)
    share = math.log(initial / low) / span
    slope = 1 / (span * share * (1 - share))
    return low * torch.exp(span * torch.sigmoid(slope * raw + math.log(share / (1 - share))))


def positive_inverse(value: float, low: float, high: float, initial: float) -> float:
    """The number that :func:`positive` takes to ``value``."""
    span = math.log(high / low)
    share, own = (math.log(number / low) / span for number in (initial, value))
    return span * share * (1 - share) * (math.log(own / (1 - own)) - math.log(share / (1 - share)))


def bounded(raw: Tensor, bound: float = 1e3) -> Tensor:
    """The identity near zero, never beyond ±bound: squares and quotients of codes stay finite in float32."""
    return bound * torch.tanh(raw / bound)


SMALLEST = 1e-6


def unit(raw: Tensor) -> Tensor:
    """raw/|raw| over the last axis, for every finite input; directions of vectors below 1e−6 are a fixed one."""
    largest = raw.detach().abs().amax(-1, keepdim=True)
    point = (raw / largest.clamp_min(SMALLEST)).masked_fill(largest < SMALLEST, 1.0)
    direction: Tensor = point / torch.linalg.vector_norm(point, dim=-1, keepdim=True)
    return direction


class DeviceAwareSpace(LatentSpace):
    """A space with an empty buffer that follows it to its device and floating type, for sampling the prior."""

    reference: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("reference", torch.zeros(()), persistent=False)
