"""Base class of Brownian motions on manifolds: parameters, the papers' random walk and short-time divergences."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import constraints

from submission.distributions.manifold_distribution import ManifoldDistribution, static, unit_vector
from submission.distributions.radial import place
from submission.distributions.sphere_tables import SphereTables, sphere_tables
from submission.distributions.splines import Spline
from submission.distributions.uniform import project_to_sphere

Sampler = Literal["exact", "walk"]
Step = Literal["sqrt", "literal"]
Divergence = Literal["exact", "short_time", "paper"]


def one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    """``value``, if it is among ``choices``.

    Raises:
        ValueError: otherwise.
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(choices)}")
    return value


class UnitVectorBrownian(ManifoldDistribution):
    """Brownian motion whose points are unit vectors of R^{d+1}: on S^d, or on RP^d up to sign.

    Args:
        loc: unit vectors (..., d + 1), d from 1 to 64.
        time: t > 0 (...); the generator is half the Laplacian.
        sampler: ``exact``, or ``walk`` for the random walk of Pérez Rey et al. (an approximation of the distribution
            whose density ``log_prob`` gives).
        steps: the walk's number of steps L.
        step: ``sqrt`` scales each step by sqrt(t / L) (Pérez Rey et al.); ``literal`` by t, as Rey (2020) prints it.
        kl: what ``kl_divergence`` to the uniform distribution computes: ``exact``; ``short_time``, the expansion to
            first order in t (Rey, equation 3); ``paper``, Pérez Rey et al.'s with its factor (d + 4) / 24, right at d =
            2 only.
    """

    loc: Tensor
    time: Tensor
    tensor_parameters: ClassVar = {"loc": 1, "time": 0}
    options: ClassVar = ("sampler", "kl")
    arg_constraints: ClassVar = {"loc": unit_vector, "time": constraints.positive}
    support = unit_vector

    def __init__(
        self,
        loc: Tensor,
        time: Tensor,
        sampler: Sampler = "exact",
        steps: int = 5,
        step: Step = "sqrt",
        kl: Divergence = "exact",
        validate_args: bool | None = None,
    ) -> None:
        self.sampler = one_of("sampler", sampler, ("exact", "walk"))
        self.step, self.steps = one_of("step", step, ("sqrt", "literal")), steps
        self.kl = one_of("kl", kl, ("exact", "short_time", "paper"))
        batch_shape = self._broadcast(loc=loc, time=time)
        super().__init__(batch_shape, torch.Size([static(loc.shape[-1])]), validate_args=validate_args)

    @property
    def dim(self) -> int:
        """d."""
        return self.event_shape[0] - 1

    @property
    @abstractmethod
    def log_volume(self) -> float:
        """Logarithm of the manifold's Riemannian volume."""

    @abstractmethod
    def _exact_divergence(self) -> Tensor:
        """KL to the uniform distribution (...), from its table."""

    @property
    def tables(self) -> SphereTables:
        """The tables of this dimension, built on first use."""
        return sphere_tables(self.dim)

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Samples (*sample_shape, ..., d + 1), differentiable in ``loc`` and ``time``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        loc, time = self.loc.expand(shape), self.time.expand(shape[:-1])
        if self.sampler == "walk":
            return self._walk(loc, time)
        return place(loc, self._radius(time))

    def _radius(self, time: Tensor) -> Tensor:
        """Geodesic distances drawn from their exact distribution, one per time; dr/dt is the quantile's slope in t."""
        score = torch.randn_like(time)
        if self.dim == 1:
            return time.sqrt() * score  # the wrapped normal itself: signed arc length
        x = time.log()
        position = self.tables.quantile(x, score) + 0.5 * x.clamp(max=self.tables.log_times[1])
        return 2.0 * torch.atan(position.exp())

    def _walk(self, loc: Tensor, time: Tensor) -> Tensor:
        scale = (time / self.steps).sqrt() if self.step == "sqrt" else time
        for _ in range(self.steps):
            loc = project_to_sphere(loc + scale[..., None] * torch.randn_like(loc))
        return loc

    def divergence_from_uniform(self) -> Tensor:
        """KL to the uniform distribution (...), by the form that ``kl`` names."""
        if self.kl == "exact":
            return self._exact_divergence()
        factor = 0.25 if self.kl == "short_time" else (self.dim + 4) / 24.0
        first = factor * self.dim * (self.dim - 1) * self.time
        return self.log_volume - 0.5 * self.dim * (1.0 + (2.0 * torch.pi * self.time).log()) + first

    def entropy(self) -> Tensor:
        """Differential entropy (...), exact."""
        return self.log_volume - self._exact_divergence()

    def _from_table(self, table: Spline, rate: float) -> Tensor:
        """exp(table(log t) - rate t), continued by its leading term -(d/2) log t below the table."""
        x, start = self.time.log(), self.tables.log_times[0]
        inside = (table(x) - rate * self.time.clamp(min=torch.e**start)).exp()
        return inside + 0.5 * self.dim * (start - x).clamp(min=0.0)
