"""The heat kernel of S^d in numpy, stable from the peak to the antipode, for tables to be built from.

The eigenfunction series cancels catastrophically away from the peak (at d = 64 already at a typical point), so for
small times the kernel is built from one dimension upwards. With y = cos r, Brownian motion's kernels obey
``K_{d+2} = exp(d t / 2) / (2 pi) dK_d/dy`` (Debiard, Gaveau and Mazet, 1976). K_1 is the wrapped normal; K_2 is an
average of the antiperiodic theta function E over [-1, y]. Both K_1 and E are entire in y with positive derivatives, so
Cauchy's integral over the circle through the saddle point is perfectly conditioned. For large times the
eigenfunction series is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from submission.distributions.bessel import log_sphere_area

Array = NDArray[np.float64]
Complex = NDArray[np.complexfloating[Any, Any]]

DEGREE = 72  # Chebyshev polynomials in the angle per time; 1e-9 in the logarithm of the density for d <= 64
CONTOUR = 96  # points on Cauchy's circle: aliasing below 1e-15 up to the 32nd derivative
AVERAGE = 48  # Gauss-Legendre nodes of the average that even dimensions need
IMAGES = range(-3, 3)
SERIES_TERMS = 60


def layer(dim: int) -> float:
    """Width, in units of t, of the layer at the antipode in which the many shortest geodesics merge."""
    return 0.25 * (dim + 3)


def angle_to_coordinate(dim: int, time: Array, angle: Array) -> Array:
    """Angle r in [0, pi] -> x in [-1, 1], which resolves the layer of width ~t at r = pi (x = -1)."""
    width = layer(dim) * time
    return 2.0 * np.arcsinh((np.pi - angle) / width) / np.arcsinh(np.pi / width) - 1.0


def coordinate_to_angle(dim: int, time: Array, coordinate: Array) -> Array:
    """Inverse of ``angle_to_coordinate``."""
    width = layer(dim) * time
    return np.clip(np.pi - width * np.sinh(0.5 * (coordinate + 1.0) * np.arcsinh(np.pi / width)), 0.0, np.pi)


def shifted_angle(angle: Array, shift: Array | Complex) -> Complex:
    """arccos(cos(angle) + shift) for complex shifts, without cancellation at angle = 0 and pi."""
    near = 2.0 * np.arcsin(np.sqrt(np.sin(0.5 * angle) ** 2 - 0.5 * shift + 0j))
    far = np.pi - 2.0 * np.arcsin(np.sqrt(np.sin(0.5 * (np.pi - angle)) ** 2 + 0.5 * shift + 0j))
    shifted: Complex = np.where(angle < 0.5 * np.pi, near, far).astype(np.complex128)
    return shifted


def saddle_radius(order: int, angle: Array, time: Array) -> Array:
    """Radius at which ``exp(-arccos(cos(angle) + radius)^2 / 2t) / radius^order`` is least, by bisection."""
    low, high = np.full_like(angle, -60.0), np.full_like(angle, 120.0)
    for _ in range(48):
        middle = 0.5 * (low + high)
        radius = np.exp(middle)
        growth = radius * (1.0 / (time * np.sinc(shifted_angle(angle, radius) / np.pi))).real
        low, high = np.where(growth < order, middle, low), np.where(growth < order, high, middle)
    return np.exp(0.5 * (low + high))


def theta(angle: Complex, time: Array, even: bool) -> tuple[Complex, Array]:
    """K_1's images (or E's, for even dimensions) at complex angles, and the logarithm of the scale taken out."""
    angle = np.where(np.abs(angle) < 1e-9, 1e-9, angle)  # E's quotient is removable at 0
    scale = (-(angle**2) / (2.0 * time)).real.max(-1, keepdims=True)
    total = np.zeros_like(angle)
    for image in IMAGES:
        shifted = angle + 2.0 * np.pi * image
        weight = shifted * (-1.0) ** image if even else 1.0
        total += weight * np.exp(-(shifted**2) / (2.0 * time) - scale)
    return (total / (np.sqrt(2.0) * np.sin(0.5 * angle)) if even else total), scale[..., 0]


def log_derivative(order: int, angle: Array, time: Array, even: bool) -> Array:
    """log of the order-th derivative in y = cos(angle) of K_1's images (or of E); shapes broadcast."""
    from scipy.special import gammaln

    angle, time = np.broadcast_arrays(angle, time)
    if order == 0:
        value, scale = theta(angle[..., None] + 0j, time[..., None], even)
        return np.log(value[..., 0].real) + scale
    radius = saddle_radius(order, angle, time)
    turn = 2.0 * np.pi * np.arange(CONTOUR // 2 + 1) / CONTOUR
    weight = np.where((turn == 0.0) | (turn == turn[-1]), 1.0, 2.0) / CONTOUR
    points = shifted_angle(angle[..., None], radius[..., None] * np.exp(1j * turn))
    value, scale = theta(points, time[..., None], even)
    mean = (value * np.exp(-1j * order * turn)).real @ weight
    log_value: Array = np.log(mean) + scale + gammaln(order + 1) - order * np.log(radius)
    return log_value


def chebyshev_nodes() -> Array:
    """The DEGREE + 1 Chebyshev-Lobatto points of [-1, 1], descending."""
    return np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)


def chebyshev_coefficients(values: Array) -> Array:
    """Values (T, DEGREE + 1) at ``chebyshev_nodes`` -> coefficients of the same shape."""
    from scipy.fft import dct

    coefficients: Array = dct(values, type=1, axis=-1) / DEGREE
    coefficients[..., [0, -1]] *= 0.5
    return coefficients


def evaluate(coefficients: Array, coordinate: Array) -> Array:
    """Chebyshev sums (T, DEGREE + 1) at coordinates (T, n) by Clenshaw's recurrence -> (T, n)."""
    ahead, further = np.zeros_like(coordinate), np.zeros_like(coordinate)
    for index in range(coefficients.shape[-1] - 1, 0, -1):
        ahead, further = 2.0 * coordinate * ahead - further + coefficients[:, index, None], ahead
    return coordinate * ahead - further + coefficients[:, :1]


def odd_log_kernel(dim: int, time: Array, angle: Array) -> Array:
    """log K for odd d (w.r.t. the volume), times (T, 1) and angles (T, n)."""
    order = (dim - 1) // 2
    constant = 0.5 * order**2 * time - order * np.log(2.0 * np.pi) - 0.5 * np.log(2.0 * np.pi * time)
    log_density: Array = constant + log_derivative(order, angle, time, even=False)
    return log_density


def averaged_angle(angle: Array, half: Array) -> Array:
    """arccos(-1 + (1 + cos(angle)) cos^2(half)), without cancellation at 0 and pi."""
    near = np.sin(0.5 * angle) ** 2 * np.cos(half) ** 2 + np.sin(half) ** 2
    antipodal = 2.0 * np.arcsin(np.sin(0.5 * (np.pi - angle)) * np.cos(half))
    averaged: Array = np.where(near < 0.5, 2.0 * np.arcsin(np.sqrt(np.minimum(near, 0.5))), np.pi - antipodal)
    return averaged


def even_log_kernel(dim: int, time: Array, angle: Array) -> Array:
    """log K for even d (w.r.t. the volume), times (T, 1) and angles (T, n).

    ``K_2 = sqrt(2) exp(t/8) (2 pi t)^{-3/2} int_0^pi E(-1 + (1 + y) cos^2(a/2)) da``; E's derivative is interpolated
    over the angle, so that the average costs next to nothing.
    """
    order = (dim - 2) // 2
    nodes = coordinate_to_angle(dim, time, chebyshev_nodes())
    smooth = chebyshev_coefficients(log_derivative(order, nodes, time, even=True) + nodes**2 / (2.0 * time))
    safe = np.maximum(angle, 1e-6)
    decay = order + safe / np.tan(0.5 * safe) / time
    reach = np.minimum(np.pi, np.sqrt(200.0 / np.maximum(decay, 1e-3)))
    x, weight = np.polynomial.legendre.leggauss(AVERAGE)
    half = 0.25 * reach[..., None] * (x + 1.0)  # a / 2
    far = averaged_angle(angle[..., None], half)
    flat = far.reshape(len(time), -1)
    log_value = evaluate(smooth, angle_to_coordinate(dim, time, flat)) - flat**2 / (2.0 * time)
    log_value = log_value.reshape(far.shape) + 2.0 * order * np.log(np.cos(half))
    peak = log_value.max(-1, keepdims=True)
    average = np.log(np.exp(log_value - peak) @ weight * 0.5 * reach) + peak[..., 0]
    constant = 0.5 * np.log(2.0) + time / 8.0 - 1.5 * np.log(2.0 * np.pi * time)
    log_density: Array = constant + 0.5 * order * (order + 1) * time - order * np.log(2.0 * np.pi) + average
    return log_density


def series_terms(dim: int, time: Array) -> Array:
    """Multiplicity times decay of the first eigenspaces k >= 1: shape (..., SERIES_TERMS)."""
    from scipy.special import gammaln

    k = np.arange(1, SERIES_TERMS + 1)
    log_count = np.log(2.0) + np.zeros(len(k))
    if dim > 1:
        log_count = np.log((2.0 * k + dim - 1) / (dim - 1)) + gammaln(k + dim - 1) - gammaln(k + 1) - gammaln(dim - 1)
    terms: Array = np.exp(log_count - 0.5 * k * (k + dim - 1) * time[..., None])
    return terms


def series_log_relative(dim: int, time: Array, angle: Array) -> Array:
    """log of the density relative to uniform by the eigenfunction series, accurate also where it is near 0."""
    y, terms = np.cos(angle), series_terms(dim, time)
    before, now, total = np.ones_like(y), y, np.zeros_like(y)
    for k in range(1, SERIES_TERMS + 1):
        total = total + terms[..., k - 1] * now
        before, now = now, ((2 * k + dim - 1) * y * now - k * before) / (k + dim - 1)
    return np.log1p(total)


def log_relative(dim: int, time: Array, angle: Array) -> Array:
    """log of the heat kernel of S^d relative to the uniform distribution, times (T, 1) and angles (T, n) -> (T, n)."""
    near_uniform = series_terms(dim, time[:, 0]).sum(-1) < 0.5
    result = np.empty(np.broadcast_shapes(time.shape, angle.shape))
    kernel = even_log_kernel if dim % 2 == 0 else odd_log_kernel
    short, long = ~near_uniform, near_uniform
    if short.any():
        result[short] = kernel(dim, time[short], angle[short]) + log_sphere_area(dim + 1)
    if long.any():
        result[long] = series_log_relative(dim, time[long], angle[long])
    return result
