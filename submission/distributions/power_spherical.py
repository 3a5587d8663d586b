"""The power spherical distribution: nearly von Mises–Fisher, sampled without rejection."""

from __future__ import annotations

import math
from functools import cache, cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Gamma, constraints, register_kl

from submission.distributions.bessel import log_sphere_area
from submission.distributions.manifold_distribution import AxialDistribution, static, unit_vector
from submission.distributions.radial import ImplicitAngle, Statistic, one_minus_cosine, place, to_angle
from submission.distributions.sphere import SphereUniform

LINEAR = 1e-2
"""Below this κ/β the divergence from the uniform distribution is its Taylor series: the closed form would cancel."""


class PowerSpherical(AxialDistribution):
    """p(z) ∝ (1 + μᵀz)^κ on the sphere S^{m−1}, with respect to its surface measure (De Cao and Aziz 2020).

    (1 + μᵀz)/2 is Beta(β + κ, β) with β = (m−1)/2: density, entropy and KL to the uniform distribution are closed
    forms, and a sample needs two gamma variables. Its gradient in κ is implicit reparameterisation of the angle. Radial
    quantities are float64 inside; finite for m from 2 to 1000 and κ from 0 to 1e6.

    Args:
        loc: unit vectors μ (..., m), m ≥ 2.
        concentration: κ ≥ 0 (...).

    Example:
        >>> q = PowerSpherical(torch.eye(3)[0], torch.tensor(0.0))
        >>> round(q.entropy().item(), 3)  # uniform: log 4π
        2.531
    """

    concentration: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "concentration": 0}
    arg_constraints: ClassVar = {"loc": unit_vector, "concentration": constraints.nonnegative}

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        batch_shape = self._broadcast(loc=loc, concentration=concentration)
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)

    @property
    def m(self) -> int:
        """Ambient dimension."""
        return self.event_shape[0]

    @property
    def beta(self) -> float:
        """β = (m−1)/2."""
        return (self.m - 1) / 2

    @cached_property
    def _kappa(self) -> Tensor:
        return self.concentration.double()

    @property
    def mean_length(self) -> Tensor:
        """E μᵀz = κ/(κ + m − 1), (...), float64."""
        return self._kappa / (self._kappa + 2 * self.beta)

    @property
    def _mean_square(self) -> Tensor:
        """E w² of w = 2B − 1 with B ~ Beta(β + κ, β)."""
        total = self._kappa + 2 * self.beta
        return self.mean_length.square() + 4 * (self._kappa + self.beta) * self.beta / (total.square() * (total + 1))

    @cached_property
    def _log_moment(self) -> Tensor:
        """K(κ) = log E ((1 + w)/2)^κ over uniform directions, float64."""
        start = math.lgamma(self.beta) - math.lgamma(2 * self.beta)
        return torch.lgamma(self.beta + self._kappa) - torch.lgamma(2 * self.beta + self._kappa) - start

    @cached_property
    def _mean_statistic(self) -> Tensor:
        """E log((1 + w)/2) = K′(κ), float64."""
        return torch.digamma(self.beta + self._kappa) - torch.digamma(2 * self.beta + self._kappa)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., m), differentiable in ``loc`` and ``concentration``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        kappa = self._kappa.expand(shape[:-1])
        angle = to_angle(sample_one_minus_cosine(kappa.detach(), self.beta))
        dtype = self.loc.dtype
        mean = self._mean_statistic.expand_as(angle).to(dtype)
        followed = ImplicitAngle.apply(kappa.to(dtype), angle.to(dtype), mean, self.m, LOG_COSINE_SQUARED)
        return place(self.loc.expand(shape), followed)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) (...) with respect to the surface measure; ``value`` (..., m) broadcasts."""
        self._checked(value)
        height = -self._log_moment - log_sphere_area(self.m)
        rest = torch.log1p(-one_minus_cosine(self.loc, value).clamp(max=2 - 1e-15) / 2)
        return (height + self._kappa * rest).to(self.loc.dtype)

    def divergence_from_uniform(self) -> Tensor:
        """KL(self ‖ uniform) = κ·K′(κ) − K(κ), (...)."""
        kappa = self._kappa
        near = kappa < LINEAR * self.beta
        small = kappa.clamp(max=LINEAR * self.beta)
        first, second, third, fourth = cumulants(self.m)
        series = small.square() * (first / 2 + small * (second / 3 + small * (third / 8 + small * fourth / 30)))
        return torch.where(near, series, kappa * self._mean_statistic - self._log_moment).to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """Differential entropy (...)."""
        return log_sphere_area(self.m) - self.divergence_from_uniform()


def sample_one_minus_cosine(kappa: Tensor, beta: float) -> Tensor:
    """1 − w of samples, one per entry of float64 ``kappa``; twice a Beta(β, β + κ) variable."""
    with torch.no_grad():
        rest = Gamma(torch.full_like(kappa, beta), torch.ones_like(kappa), validate_args=False).sample()
        main = Gamma(beta + kappa, torch.ones_like(kappa), validate_args=False).sample()
        return 2 * rest / (rest + main)


@cache
def cumulants(m: int) -> tuple[float, float, float, float]:
    """K″, K‴, K⁗ and the fifth derivative of K at κ = 0: polygamma differences at β and 2β, β = (m−1)/2."""
    at = torch.tensor([(m - 1) / 2, m - 1.0], dtype=torch.float64)
    first, second, third, fourth = (
        float(torch.polygamma(order, at)[0] - torch.polygamma(order, at)[1]) for order in (1, 2, 3, 4)
    )
    return first, second, third, fourth


def log_cosine_squared(sine_squared: Tensor) -> Tensor:
    """log((1 + cos θ)/2) = log cos²(θ/2) from sin²(θ/2)."""
    return torch.log1p(-sine_squared.clamp(max=1 - torch.finfo(sine_squared.dtype).eps))


LOG_COSINE_SQUARED = Statistic(log_cosine_squared, curvature=0.5)
"""T = log((1 + cos θ)/2)."""


@register_kl(PowerSpherical, SphereUniform)
def _power_spherical_uniform(p: PowerSpherical, q: SphereUniform) -> Tensor:
    return p.divergence_from_uniform()
