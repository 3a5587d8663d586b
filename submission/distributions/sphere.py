"""Brownian motion and the uniform distribution on the sphere S^d (Rey (2020) and Pérez Rey et al. (2020))."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import register_kl

from submission.distributions import heat_kernel, wrapped_normal
from submission.distributions.bessel import log_sphere_area
from submission.distributions.brownian import UnitVectorBrownian
from submission.distributions.derivatives import differentiated
from submission.distributions.manifold_distribution import AxialDistribution
from submission.distributions.radial import NEAREST, one_minus_cosine, to_angle
from submission.distributions.sphere_tables import SphereTables, coordinate, parametrix, parametrix_slopes
from submission.distributions.uniform import UnitVectorUniform


class SphereUniform(UnitVectorUniform):
    """The uniform distribution on S^d in R^{d+1}; its density is 1 / Vol(S^d) with respect to the Riemannian volume.

    Args:
        dim: d >= 1.
        batch_shape, dtype, device: of samples.

    Example:
        >>> round(SphereUniform(2).entropy().item(), 4)  # log 4π
        2.531
    """

    @property
    def log_volume(self) -> float:
        """log Vol(S^d)."""
        return log_sphere_area(self.dim + 1)

    @property
    def mean(self) -> Tensor:
        """0 (..., d + 1)."""
        return self._zero.expand(self._extended_shape())

    @property
    def covariance_matrix(self) -> Tensor:
        """I/(d + 1) (..., d + 1, d + 1)."""
        size = self.dim + 1
        eye = torch.eye(size, dtype=self._zero.dtype, device=self._zero.device) / size
        return eye.expand(*self.batch_shape, size, size)

    @property
    def variance(self) -> Tensor:
        """1/(d + 1) of each coordinate (..., d + 1)."""
        return self.covariance_matrix.diagonal(dim1=-2, dim2=-1)


class SphereBrownian(UnitVectorBrownian, AxialDistribution):
    """Brownian motion on S^d at time t, started at ``loc``; densities are with respect to the Riemannian volume.

    The generator is half the Laplacian, so E cos r = exp(-d t / 2) for the geodesic distance r from ``loc``. A sample
    takes one step: r from the tabulated inverse of its distribution function, a uniform tangent direction by
    projecting Gaussian noise (continuous in ``loc``), then the geodesic. The gradient in t is the implicit one,
    dr/dt = -F_t / p. Density and divergence come from tables built from the heat kernel (``heat_kernel``), within 1e-6
    for t from 1e-5 to 10; beyond the tables the limits (flat space, uniform distribution) continue them.

    Args:
        loc, time, sampler, steps, step, kl: see ``UnitVectorBrownian``.

    Example:
        >>> q = SphereBrownian(torch.eye(3)[0], torch.tensor(0.3))
        >>> round(torch.distributions.kl_divergence(q, SphereUniform(2)).item(), 4)
        1.0486
    """

    @property
    def log_volume(self) -> float:
        """log Vol(S^d)."""
        return log_sphere_area(self.dim + 1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at points ``value`` (..., d + 1), which broadcast against the batch."""
        self._checked(value)
        if self.dim == 1:
            return wrapped_normal.log_density(wrapped_normal.arc(self.loc, value), self.time)
        x = one_minus_cosine(self.loc, value)
        return (log_relative(self.tables, self.dim, self.time.double(), x) - self.log_volume).to(self.loc.dtype)

    @property
    def mean_length(self) -> Tensor:
        """E cos r = exp(−d·t/2), (...), float64."""
        return (-0.5 * self.dim * self.time.double()).exp()

    @property
    def _mean_square(self) -> Tensor:
        """E cos² r = (1 + d·exp(−(d + 1)·t))/(d + 1): cos² r − 1/(d + 1) is an eigenfunction."""
        return (1 + self.dim * (-(self.dim + 1) * self.time.double()).exp()) / (self.dim + 1)

    def _exact_divergence(self) -> Tensor:
        return self._from_table(self.tables.kl, self.dim)


def log_relative(tables: SphereTables, dim: int, time: Tensor, x: Tensor, opposite: bool = False) -> Tensor:
    """log of the heat kernel of S^d relative to the uniform distribution.

    Points within 0.01 of the centre or of its antipode take their derivatives in position from ``change_at_the_end``: a
    table by angle has too few digits for second ones there.

    Args:
        tables, dim: of S^d.
        time: t (...), float64.
        x: 1 − cos θ, float64; shapes broadcast.
        opposite: at π − θ instead of θ.
    """
    first, last = tables.log_times
    time = time.clamp(max=torch.e**last)
    if not differentiated(time, x):
        return by_angle(tables, dim, time, to_angle(x), opposite)
    layer = (heat_kernel.layer(dim) * time.detach()).clamp(torch.e**first, 1.0)
    near, far = x < NEAREST, 2 - x < NEAREST * layer.square()
    if opposite:
        near, far = x < NEAREST * layer.square(), 2 - x < NEAREST
    fixed = torch.where(near | far, x.detach(), x)  # the table has values and derivatives in time everywhere
    result = by_angle(tables, dim, time, to_angle(fixed), opposite)
    result = result + torch.where(near, change_at_the_end(tables, dim, time, x, antipode=opposite), 0.0)
    return result + torch.where(far, change_at_the_end(tables, dim, time, 2 - x, antipode=not opposite), 0.0)


def by_angle(tables: SphereTables, dim: int, time: Tensor, angle: Tensor, opposite: bool) -> Tensor:
    """``log_relative`` from its table."""
    angle = torch.pi - angle if opposite else angle
    position = coordinate(dim, time.clamp(min=torch.e ** tables.log_times[0]), angle)
    return tables.density(time.log(), position) + parametrix(dim, time, angle)


def change_at_the_end(tables: SphereTables, dim: int, time: Tensor, y: Tensor, antipode: bool) -> Tensor:
    """0, with the derivatives of ``log_relative`` in y = 1 − cos of the distance to the centre, or to its antipode.

    With L(t) the value at y = 0 and ΔK = y(2 − y)K″ + d(1 − y)K′, the heat equation K_t = ½ΔK gives K′/K = 2L_t/d and
    K″/K = (4(L_tt + L_t²)/d + 2L_t)/(d + 2) there.
    """
    place = -1.0 if antipode else 1.0
    t, start = time.detach(), y.detach()
    by_x, by_xx = (a + b for a, b in zip(
        tables.density.along_rows(t.log(), torch.full_like(t, place)), parametrix_slopes(dim, t, antipode), strict=True
    ))  # fmt: skip
    changing = t < torch.e ** tables.log_times[1] * (1 - 1e-12)  # beyond, the distribution is uniform
    by_time, by_time_twice = changing * by_x / t, changing * (by_xx - by_x) / t.square()
    slope = 2 / dim * by_time
    bend = (4 / dim * (by_time_twice + by_time.square()) + 2 * by_time) / (dim + 2) - slope.square()
    first: Tensor = (y - start) * (slope + 2 / dim * by_time_twice * (time - t))
    second: Tensor = 0.5 * (y.square() - start.square()) * bend
    return first + second


@register_kl(SphereBrownian, SphereUniform)
def _brownian_uniform(p: SphereBrownian, q: SphereUniform) -> Tensor:
    return p.divergence_from_uniform()
