"""Brownian motion and the uniform distribution on the torus of revolution in R^3 (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl
from torch.jit import is_tracing

from submission.distributions.brownian import one_of
from submission.distributions.manifold_distribution import ManifoldDistribution, static
from submission.distributions.torus_coordinates import Radii, angles_of, checked, log_area, point_of, project_to_torus
from submission.distributions.torus_spectrum import FREQUENCIES, LONGEST, NEGLIGIBLE, SHORTEST, kl_table, modes
from submission.distributions.uniform import ManifoldUniform

FLOOR = 1e-11
"""Densities below this fraction of the uniform one are returned as this fraction: the series has no more digits."""


class OnTorus(constraints.Constraint):
    """Points (..., 3) of the torus of radii (c, a), within 1e−4·c."""

    event_dim = 1

    def __init__(self, radii: Radii) -> None:
        self.radii = radii

    def check(self, value: Tensor) -> Tensor:
        """Whether each point is one (...); not for NaN."""
        c, a = self.radii
        tube = torch.hypot(torch.hypot(value[..., 0], value[..., 1]) - c, value[..., 2])
        return (tube - a).abs() < 1e-4 * c


class EmbeddedTorusUniform(ManifoldUniform):
    """The uniform distribution on the torus of radii (c, a) in R^3; density 1 / (4 π² c a) with respect to area.

    Args:
        radii: c, the radius of the centre circle, and a < c, the tube's.
        batch_shape, dtype, device: of samples.

    Example:
        >>> EmbeddedTorusUniform((2.0, 1.0)).sample((5,)).shape
        torch.Size([5, 3])
    """

    options: ClassVar = ("radii",)

    def __init__(
        self,
        radii: Radii = (2.0, 1.0),
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.radii = checked(radii)
        super().__init__((3,), batch_shape, dtype, device, validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Points of the torus of these radii."""
        return OnTorus(self.radii)

    @property
    def mean(self) -> Tensor:
        """0 (..., 3)."""
        return self._zero.expand(self._extended_shape())

    @property
    def variance(self) -> Tensor:
        """(c² + 3a²/2)/2, the same, and a²/2 (..., 3); coordinates are uncorrelated."""
        c, a = self.radii
        level = 0.5 * c**2 + 0.75 * a**2
        return self.mean + self._zero.new_tensor([level, level, 0.5 * a**2])

    @property
    def log_volume(self) -> float:
        """log 4 π² c a."""
        return log_area(*self.radii)

    def _draw(self, shape: torch.Size) -> Tensor:
        """φ is uniform; θ, of density 1 + (a/c) cos θ, is uniform, mirrored to π - θ with probability by symmetry."""
        first, second, third = (
            2.0 * torch.rand(3, *shape, dtype=self._zero.dtype, device=self._zero.device) - 1.0
        ).unbind(0)
        theta, phi = math.pi * first, math.pi * second
        c, a = self.radii
        mirrored = third > a / c * theta.cos()
        return point_of(torch.where(mirrored, math.pi - theta, theta), phi, self.radii)


class EmbeddedTorusBrownian(ManifoldDistribution):
    """Brownian motion at time t on the torus of radii (c, a) in R^3, started at ``loc``; densities w.r.t. area.

    θ is a one-dimensional diffusion and φ, given θ's path, a Gaussian of variance ∫ ds / (c + a cos θ)². Samples follow
    them by Heun's scheme, of weak order two and near the uniform distribution at steps longer than a², too: no exact
    sampler in one step is known. Density and KL are exact (series, within 1e-6) from t = a²/20 on; below, KL is the
    expansion -log 2πt - 1 + log area + Sc t / 4, continued to second order from the series (within 2e-5), and the
    log-density a short-time expansion: where the two meet it differs from the series by less than 0.01 on average over
    samples and by less than 0.03 for 19 in 20 of them.

    Args:
        loc: points (..., 3) on the torus.
        time: t > 0 (...).
        radii: c > a > 0.
        sampler: ``diffusion``, or ``walk`` for Pérez Rey et al.'s (2020) random walk in R^3.
        steps: of either sampler.

    Example:
        >>> q = EmbeddedTorusBrownian(torch.tensor([3.0, 0.0, 0.0]), torch.tensor(0.2), (2.0, 1.0))
        >>> q.rsample((4,)).shape
        torch.Size([4, 3])
    """

    loc: Tensor
    time: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "time": 0}
    options: ClassVar = ("radii", "sampler", "steps")
    arg_constraints: ClassVar = {
        "loc": constraints.dependent(is_discrete=False, event_dim=1),
        "time": constraints.positive,
    }

    def __init__(
        self,
        loc: Tensor,
        time: Tensor,
        radii: Radii = (2.0, 1.0),
        sampler: Literal["diffusion", "walk"] = "diffusion",
        steps: int = 32,
        validate_args: bool | None = None,
    ) -> None:
        self.radii, self.steps = checked(radii), steps
        self.sampler: Literal["diffusion", "walk"] = sampler
        one_of("sampler", sampler, ("diffusion", "walk"))
        batch_shape = self._broadcast(loc=loc, time=time)
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)
        if self._validate_args and not bool(self.support.check(self.loc).all()):
            raise ValueError(f"loc has points that are not on the torus of radii {self.radii}")

    @property
    def mode(self) -> Tensor:
        """Unknown: curvature moves it away from the centre.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("the mode of Brownian motion on the torus of revolution has no closed form")

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Points of the torus of these radii."""
        return OnTorus(self.radii)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., 3), differentiable in ``loc`` and ``time``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        loc, step = self.loc.expand(shape), self._bounded_time().expand(shape[:-1]) / self.steps
        if self.sampler == "walk":
            for _ in range(self.steps):
                loc = project_to_torus(loc + step.sqrt()[..., None] * torch.randn_like(loc), self.radii)
            return loc
        return point_of(*self._diffuse(*angles_of(loc, self.radii), step), self.radii)

    def _bounded_time(self) -> Tensor:
        """t, or LONGEST c² where t is longer: the distribution is uniform by then."""
        return self.time.clamp(max=LONGEST * self.radii[0] ** 2)

    def _diffuse(self, theta: Tensor, phi: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        """Both angles after all steps.

        Within a step noise turns θ, and sin θ averages out at the rate 1 / 2a²: the drifts of the two ends act for
        2a² each at most, and for half of a short step (to third order).
        """
        c, a = self.radii
        pull = 4.0 * a**2 * torch.tanh(step / (4.0 * a**2))
        variance = torch.zeros_like(step)
        for _ in range(self.steps):
            noise = step.sqrt() / a * torch.randn_like(step)
            w = c + a * theta.cos()
            drift = -theta.sin() / (2.0 * a * w)
            guess = theta + drift * pull + noise
            theta = theta + 0.5 * (drift - guess.sin() / (2.0 * a * (c + a * guess.cos()))) * pull + noise
            variance = variance + 0.5 * step * (w**-2 + (c + a * theta.cos()) ** -2)
        return theta, phi + variance.sqrt() * torch.randn_like(step)

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at points ``value`` (..., 3)."""
        self._checked(value)
        time, shortest = self.time.double(), SHORTEST * self.radii[1] ** 2
        near = self._short_time(self.loc.double(), value.double(), time.clamp(max=shortest))
        if not is_tracing() and bool((time < shortest).all()):  # the series is by far the dearer
            return near.to(self.loc.dtype)
        start, end = (angles_of(point.double(), self.radii) for point in (self.loc, value))
        series = self._series(start, end, self._bounded_time().double().clamp(min=shortest))
        return torch.where(time < shortest, near, series).to(self.loc.dtype)

    def _series(self, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor], time: Tensor) -> Tensor:
        total: Tensor | float = 0.0
        order = torch.arange(FREQUENCIES + 1, dtype=time.dtype, device=time.device)
        least = SHORTEST * self.radii[1] ** 2 if is_tracing() else time.min().item()
        for odd in (False, True):
            part = modes(*self.radii, odd)
            used = part.rates * least < 0.5 * NEGLIGIBLE
            arrays = part.rates[used], part.turns[used], part.coefficients[:, used]
            rates, turns, columns = (torch.as_tensor(x, device=time.device) for x in arrays)
            wave = torch.sin if odd else torch.cos
            here, there = (wave(theta[..., None] * order) @ columns for theta, _ in (start, end))
            here = here * (-rates * time[..., None]).exp()
            for turn in (torch.cos, torch.sin):
                left, right = here * turn(turns * start[1][..., None]), there * turn(turns * end[1][..., None])
                total = total + torch.einsum("...j,...j->...", left, right)
        return torch.as_tensor(total).clamp(min=FLOOR * math.exp(-log_area(*self.radii))).log()

    def _short_time(self, start: Tensor, end: Tensor, time: Tensor) -> Tensor:
        """log of exp(-r²/2t) / 2πt (1 + K r²/12 + K t/6), with r and K from the curvatures at the chord's middle."""
        c, a = self.radii
        x, y, z = (0.5 * (start + end)).unbind(-1)
        chord = end - start
        axis = (x.square() + y.square()).clamp(min=1e-24).sqrt()
        tube = ((axis - c).square() + z.square()).clamp(min=1e-24).sqrt()
        height = (axis - c) / tube  # cos θ, without the derivatives of angles that do not exist on the axis
        around = (x * chord[..., 1] - y * chord[..., 0]) / axis
        squared = chord.square().sum(-1)
        share = around.square() / squared.clamp(min=1e-300)
        normal = (1.0 - share) / a + share * height / (c + a * height)
        bend = 0.25 * normal.square() * squared
        stretched = squared * (1.0 + bend / 3.0 + 8.0 / 45.0 * bend.square())
        curvature = height / (a * (c + a * height))
        rest = torch.tanh(curvature * (stretched / 12.0 + time / 6.0))
        return -stretched / (2.0 * time) - (2.0 * math.pi * time).log() + rest

    def divergence_from_uniform(self) -> Tensor:
        """KL to the uniform distribution (...)."""
        time, shortest = self._bounded_time(), SHORTEST * self.radii[1] ** 2
        height = angles_of(self.loc, self.radii)[0].cos()
        tabulated = time.clamp(min=shortest)
        second = (time / tabulated).square()
        exact = kl_table(*self.radii)(tabulated.log(), height)
        return self._short_divergence(time, height) + second * (exact - self._short_divergence(tabulated, height))

    def _short_divergence(self, time: Tensor, height: Tensor) -> Tensor:
        c, a = self.radii
        curvature = height / (a * (c + a * height))
        return -(2.0 * math.pi * time).log() - 1.0 + log_area(c, a) + 0.5 * curvature * time

    def entropy(self) -> Tensor:
        """Differential entropy (...)."""
        return log_area(*self.radii) - self.divergence_from_uniform()


@register_kl(EmbeddedTorusBrownian, EmbeddedTorusUniform)
def _brownian_uniform(p: EmbeddedTorusBrownian, q: EmbeddedTorusUniform) -> Tensor:
    return p.divergence_from_uniform()
