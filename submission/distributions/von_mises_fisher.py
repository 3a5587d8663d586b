"""The von Mises–Fisher distribution."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from submission.distributions.bessel import log_sphere_area, normaliser
from submission.distributions.derivatives import once_differentiable
from submission.distributions.manifold_distribution import AxialDistribution, broadcast_shape, static, unit_vector
from submission.distributions.power_spherical import PowerSpherical
from submission.distributions.radial import ImplicitAngle, Statistic, one_minus_cosine, place, to_angle
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.vmf_sampler import Envelope, sample_one_minus_cosine

GRADIENTS = ("implicit", "two_term")


class VonMisesFisher(AxialDistribution):
    """p(z) = exp(κ·μᵀz − F(κ))/area on the sphere S^{m−1}, with respect to its surface measure.

    F(κ) = log[Γ(ν+1)·(2/κ)^ν·I_ν(κ)], ν = m/2 − 1. Finite with finite gradients for m from 2 to 1000 and κ from 0 to
    1e6; inside, radial quantities are float64, because Bessel ratios underflow and differences 1 − w cancel in float32.

    Sampling is Ulrich–Wood (Wood 1994) with bounded rounds. Its gradient in κ is implicit reparameterisation of the
    angle (Figurnov et al. 2018), unbiased for every m. ``two_term`` is the estimator of Davidson
    et al. (2018): samples carry the pathwise part only, and the loss of each sample must pass through
    ``add_score_term``, which adds the rest; it exists for comparison and has more variance.

    Args:
        loc: unit vectors μ (..., m), m ≥ 2.
        concentration: κ ≥ 0 (...).
        gradient: ``implicit`` or ``two_term``.

    Example:
        >>> q = VonMisesFisher(torch.eye(3)[0], torch.tensor(10.0))
        >>> round(q.log_prob(torch.eye(3)[0]).item(), 3)
        0.465
    """

    concentration: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "concentration": 0}
    options: ClassVar = ("gradient",)
    arg_constraints: ClassVar = {"loc": unit_vector, "concentration": constraints.nonnegative}

    def __init__(
        self, loc: Tensor, concentration: Tensor, gradient: str = "implicit", validate_args: bool | None = None
    ) -> None:
        if gradient not in GRADIENTS:
            raise ValueError(f"gradient is {gradient!r}: choose one of {', '.join(GRADIENTS)}")
        batch_shape = self._broadcast(loc=loc, concentration=concentration)
        self.gradient = gradient
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)

    @property
    def m(self) -> int:
        """Ambient dimension."""
        return self.event_shape[0]

    @cached_property
    def _kappa(self) -> Tensor:
        """κ in float64, cast once: gradients through F and A cancel, and must be added up before they are rounded."""
        return self.concentration.double()

    @cached_property
    def _normaliser(self) -> tuple[Tensor, Tensor]:
        return normaliser(self._kappa, self.m)

    @property
    def mean_length(self) -> Tensor:
        """A(κ) = E μᵀz = I_{m/2}(κ)/I_{m/2−1}(κ), (...), float64."""
        return self._normaliser[1]

    @property
    def _mean_square(self) -> Tensor:
        """E w² = A′ + A² = 1 − (m − 1)·A/κ, 1/m at κ = 0."""
        return 1 - (self.m - 1) * (self.mean_length / self._kappa).nan_to_num(1 / self.m)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., m), differentiable in ``loc`` and ``concentration``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        kappa = self.concentration.to(self.loc.dtype).expand(shape[:-1])
        x = sample_one_minus_cosine(kappa.detach(), self.m)
        angle = self._follow(kappa, x) if self.gradient == "two_term" else self._implicit(kappa, x)
        return place(self.loc.expand(shape), angle)

    def _implicit(self, kappa: Tensor, x: Tensor) -> Tensor:
        """Angles of x = 1 − w with their exact derivative in κ."""
        mean = (self.mean_length - 1).to(x.dtype).expand_as(x)
        result: Tensor = ImplicitAngle.apply(kappa, to_angle(x), mean, self.m, COSINE_LESS_ONE)
        return result

    def _follow(self, kappa: Tensor, x: Tensor) -> Tensor:
        """Angles of x = 1 − w with the derivative of the accepted proposal."""
        epsilon = Envelope(kappa.detach(), self.m).epsilon(x)
        return to_angle(Envelope(kappa, self.m).one_minus_cosine(epsilon))

    def add_score_term(self, z: Tensor, cost: Tensor) -> Tensor:
        """``cost`` (...) of samples z (..., m), with the gradient that the samples' pathwise part lacks.

        The value is unchanged. For ``implicit`` nothing is missing; for ``two_term`` it is cost·∇_κ log(g/r), with g
        the density of w and r that of its proposal, at the accepted ε (Davidson et al. (2018)).
        """
        if self.gradient == "implicit":
            return cost
        score = once_differentiable(self.log_weight(z), "the two-term estimator has first derivatives only")
        return cost + (cost.detach() * (score - score.detach())).to(cost.dtype)

    def log_weight(self, z: Tensor) -> Tensor:
        """log g(w)/r(w) (...) but for constants at the accepted ε of ``z``; E of its gradient in κ is zero."""
        kappa = self._kappa
        with torch.no_grad():
            epsilon = Envelope(kappa, self.m).epsilon(one_minus_cosine(self.loc, z).clamp_min(1e-300))
        envelope = Envelope(kappa, self.m)
        x, b = envelope.one_minus_cosine(epsilon), envelope.b
        log_ratio = (self.m - 1) * (torch.log(2 * b + (1 - b) * x) - torch.log(b) / 2)
        return kappa * (1 - x) - self._normaliser[0] + log_ratio

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) (...) with respect to the surface measure; ``value`` (..., m) broadcasts."""
        self._checked(value)
        kappa = self._kappa
        height = kappa - self._normaliser[0] - log_sphere_area(self.m)
        return (height - kappa * one_minus_cosine(self.loc, value)).to(self.loc.dtype)

    def divergence_from_uniform(self) -> Tensor:
        """KL(self ‖ uniform) = κ·A(κ) − F(κ), (...)."""
        value, length = self._normaliser
        return (self._kappa * length - value).to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """Differential entropy (...)."""
        return log_sphere_area(self.m) - self.divergence_from_uniform()


COSINE_LESS_ONE = Statistic(lambda sine_squared: -2 * sine_squared, curvature=1.0)
"""T = cos θ − 1."""


@register_kl(VonMisesFisher, SphereUniform)
def _von_mises_fisher_uniform(p: VonMisesFisher, q: SphereUniform) -> Tensor:
    return p.divergence_from_uniform()


@register_kl(VonMisesFisher, VonMisesFisher)
@register_kl(PowerSpherical, VonMisesFisher)
@register_kl(SphereBrownian, VonMisesFisher)
def _axial_von_mises_fisher(p: VonMisesFisher | PowerSpherical | SphereBrownian, q: VonMisesFisher) -> Tensor:
    """F(κ_q) + log area − κ_q·E_p(μ_qᵀz) − H(p): log q is linear in z."""
    overlap = (p.loc * q.loc).sum(-1).double()
    linear = q._normaliser[0] - q._kappa * p.mean_length * overlap
    return (linear + log_sphere_area(q.m)).to(p.loc.dtype) - p.entropy()


@register_kl(SphereUniform, VonMisesFisher)
def _uniform_von_mises_fisher(p: SphereUniform, q: VonMisesFisher) -> Tensor:
    """F(κ_q): a uniform z has mean 0."""
    result: Tensor = q._normaliser[0].to(q.loc.dtype)
    return result.expand(broadcast_shape(p.batch_shape, q.batch_shape))
