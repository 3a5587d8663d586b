"""Tables of Brownian motion on S^d over log t: KL to the uniform distribution, radial quantiles, and the density.

One dimension's tables take about a second to build and live as long as the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from submission.distributions import heat_kernel
from submission.distributions.bessel import log_sphere_area
from submission.distributions.heat_kernel import Array
from submission.distributions.splines import Spline, Surface

LARGEST_DIM = 64
SMALLEST_TIME = 1e-6
TIME_KNOTS = 256
ANGLE_KNOTS = 385
PANELS, PANEL_NODES = 400, 4
SCORES = np.linspace(-8.0, 8.0, 161)
"""Standard normal scores at which radial quantiles are tabulated."""


def largest_time(dim: int) -> float:
    """Time at which the distribution is uniform to 1e-16."""
    return 80.0 / dim


@dataclass(frozen=True)
class SphereTables:
    """What Brownian motion on S^d needs at run time; x = log t everywhere.

    Attributes:
        log_times: first and last knot of x.
        kl: x -> log KL(S^d) + d t.
        projective_kl: x -> log KL(RP^d) + 2 (d + 1) t.
        quantile: (x, standard normal score) -> log tan(r / 2) - x / 2.
        density: (x, coordinate of the angle) -> log density relative to uniform - ``parametrix``.
    """

    log_times: tuple[float, float]
    kl: Spline
    projective_kl: Spline
    quantile: Surface
    density: Surface


def coordinate(dim: int, time: Tensor, angle: Tensor) -> Tensor:
    """Twin in torch of ``heat_kernel.angle_to_coordinate``."""
    width = heat_kernel.layer(dim) * time
    return 2.0 * torch.asinh((torch.pi - angle) / width) / torch.asinh(torch.pi / width) - 1.0


def parametrix(dim: int, time: Tensor, angle: Tensor) -> Tensor:
    """Leading term of the short-time expansion of log density, up to a constant.

    -r²/2t - (d/2) log t + ((d-1)/2) log(r / sin r), rounded off at the antipode on the scale of its layer.
    """
    width = heat_kernel.layer(dim) * time.clamp(min=SMALLEST_TIME) / torch.pi**2
    focus = (torch.sinc(angle / torch.pi).square() + width.square()).log()
    return -angle.square() / (2.0 * time) - 0.5 * dim * time.log() - 0.25 * (dim - 1) * focus


def parametrix_slopes(dim: int, time: Tensor, antipode: bool) -> tuple[Tensor, Tensor]:
    """First and second derivative of ``parametrix`` in log t, at the centre (angle 0) or the antipode (π)."""
    tabulated = time >= SMALLEST_TIME
    square = (heat_kernel.layer(dim) * time.clamp(min=SMALLEST_TIME) / torch.pi**2).square()
    centre = 0.0 if antipode else 1.0
    share = tabulated * square / (centre + square)
    fall = torch.pi**2 / (2.0 * time) if antipode else torch.zeros_like(time)
    first = fall - 0.5 * dim - 0.5 * (dim - 1) * share
    return first, -fall - (dim - 1) * share * (1.0 - share) * tabulated


def panels(dim: int, times: Array) -> tuple[Array, Array]:
    """Edges (T, PANELS + 1) of l = log tan(r/2) that hold all but 1e-16 of the mass, and the Gauss nodes between."""
    low = 0.5 * np.log(np.minimum(dim * times, 1.0)) - 40.0 / dim - 2.0
    reach = np.sqrt(times) * (np.sqrt(dim) + 10.0)
    high = np.where(reach < 2.0, np.log(np.tan(0.5 * np.minimum(reach, 2.0))), 40.0 / dim + 1.0)
    edges = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, PANELS + 1)
    nodes = 0.5 * (np.polynomial.legendre.leggauss(PANEL_NODES)[0] + 1.0)
    inner = edges[:, :-1, None] + np.diff(edges)[..., None] * nodes
    return edges, inner.reshape(len(times), -1)


def uniform_log_density(dim: int, points: Array) -> Array:
    """log of the uniform distribution's radial density in l = log tan(r/2): sech^d(l) Vol(S^{d-1}) / Vol(S^d)."""
    log_cosh = np.logaddexp(points, -points) - np.log(2.0)
    log_density: Array = log_sphere_area(dim) - log_sphere_area(dim + 1) - dim * log_cosh
    return log_density


def bregman(log_ratio: Array) -> Array:
    """p log p - p + 1 for p = exp(log_ratio), without cancellation at p = 1."""
    small = np.clip(log_ratio, -0.02, 0.02)
    series = small**2 * (1 / 2 + small * (1 / 3 + small * (1 / 8 + small * (1 / 30 + small / 144))))
    return np.where(np.abs(log_ratio) < 0.02, series, np.exp(log_ratio) * (log_ratio - 1.0) + 1.0)


def divergence(log_ratio: Array, log_uniform: Array, weights: Array) -> Array:
    """KL (T,) from log densities relative to uniform; where it is small, from its non-negative integrand."""
    plain = (np.exp(log_ratio + log_uniform) * log_ratio * weights).sum(-1)
    careful = (np.exp(log_uniform) * bregman(log_ratio) * weights).sum(-1)
    chosen: Array = np.where(plain > 0.1, plain, careful)
    return chosen


def quantiles(masses: Array, edges: Array) -> Array:
    """l at SCORES (S,) from the masses of the panels (P,) and their edges (P + 1,)."""
    from scipy.interpolate import CubicSpline
    from scipy.special import ndtri_exp

    below, above = np.cumsum(masses), np.cumsum(masses[::-1])[::-1]
    inner = edges[1:-1]
    lower, upper = np.log(below[:-1] / below[-1]), np.log(above[1:] / above[0])
    score = np.where(lower < upper, ndtri_exp(lower), -ndtri_exp(upper))
    used = np.abs(score) < SCORES[-1] + 1.0
    keep = np.concatenate([[True], np.diff(score[used]) > 1e-6])
    quantiles: Array = CubicSpline(score[used][keep], inner[used][keep])(SCORES)
    return quantiles


@dataclass(frozen=True)
class Profile:
    """The heat kernel's logarithm at the time knots, as Chebyshev sums in the angle's coordinate.

    Attributes:
        dim: d.
        x: log t at the knots (T,).
        coefficients: of log density relative to uniform + r^2 / 2t + (d / 2) x, (T, DEGREE + 1).
    """

    dim: int
    x: Array
    coefficients: Array

    @property
    def times(self) -> Array:
        """t at the knots (T, 1)."""
        return np.exp(self.x)[:, None]

    def log_ratio(self, angle: Array) -> Array:
        """log density relative to uniform at angles (T, n)."""
        coordinates = heat_kernel.angle_to_coordinate(self.dim, self.times, angle)
        smooth = heat_kernel.evaluate(self.coefficients, coordinates)
        return smooth - angle**2 / (2.0 * self.times) - 0.5 * self.dim * self.x[:, None]


def profile(dim: int) -> Profile:
    """The profile of S^d from the exact kernel."""
    x = np.linspace(np.log(SMALLEST_TIME), np.log(largest_time(dim)), TIME_KNOTS)
    times = np.exp(x)[:, None]
    nodes = heat_kernel.coordinate_to_angle(dim, times, heat_kernel.chebyshev_nodes())
    smooth = heat_kernel.log_relative(dim, times, nodes) + nodes**2 / (2.0 * times) + 0.5 * dim * x[:, None]
    return Profile(dim, x, heat_kernel.chebyshev_coefficients(smooth))


def radial_integrals(kernel: Profile) -> tuple[Array, Array, Array]:
    """KL (T,) on S^d and on RP^d, and the radial quantiles l (T, S) at SCORES."""
    edges, points = panels(kernel.dim, kernel.times[:, 0])
    node_weights = np.polynomial.legendre.leggauss(PANEL_NODES)[1]
    weights = (0.5 * np.diff(edges)[..., None] * node_weights).reshape(points.shape)
    angle, uniform = 2.0 * np.arctan(np.exp(points)), uniform_log_density(kernel.dim, points)
    ratio = kernel.log_ratio(angle)
    density = np.exp(ratio + uniform) * weights
    even = np.logaddexp(ratio, kernel.log_ratio(np.pi - angle)) - np.log(2.0)
    even_kl = (density * even).sum(-1)  # the far half of an even distribution carries as much as the near one
    even_kl = np.where(even_kl > 0.1, even_kl, divergence(even, uniform, weights))
    masses = density.reshape(len(points), PANELS, PANEL_NODES).sum(-1)
    position = np.stack([quantiles(*row) for row in zip(masses, edges, strict=True)])
    return divergence(ratio, uniform, weights), even_kl, position


def density_grid(kernel: Profile, positions: Array) -> Array:
    """log density relative to uniform less ``parametrix`` at every time and angle coordinate, (T, n)."""
    angles = heat_kernel.coordinate_to_angle(kernel.dim, kernel.times, positions)
    width = heat_kernel.layer(kernel.dim) * kernel.times / np.pi**2  # ``parametrix`` in numpy
    focus = np.log(np.sinc(angles / np.pi) ** 2 + width**2)
    leading = (
        -(angles**2) / (2.0 * kernel.times) - 0.5 * kernel.dim * np.log(kernel.times) - 0.25 * (kernel.dim - 1) * focus
    )
    smooth = heat_kernel.evaluate(kernel.coefficients, np.broadcast_to(positions, angles.shape))
    difference: Array = smooth - angles**2 / (2.0 * kernel.times) - 0.5 * kernel.dim * kernel.x[:, None] - leading
    return difference


@cache
def sphere_tables(dim: int) -> SphereTables:
    """The tables of S^d and RP^d, built on first use.

    Raises:
        ValueError: if ``dim`` is not within 1 to 64.
    """
    if not 1 <= dim <= LARGEST_DIM:
        raise ValueError(f"Brownian motion is tabulated on S^1 to S^{LARGEST_DIM}, not on S^{dim}; lower the dimension")
    kernel = profile(dim)
    x, times, positions = kernel.x, kernel.times[:, 0], np.linspace(-1.0, 1.0, ANGLE_KNOTS)
    kl, projective_kl, position = radial_integrals(kernel)
    return SphereTables(
        log_times=(float(x[0]), float(x[-1])),
        kl=Spline(x, np.log(kl) + dim * times),
        projective_kl=Spline(x, np.log(projective_kl) + (2 * dim + 2) * times),
        quantile=Surface(x, SCORES, position - 0.5 * x[:, None]),
        density=Surface(x, positions, density_grid(kernel, positions)),
    )
