"""Spectrum of the Laplacian on the torus of revolution in R^3, for its heat kernel and KL tables.

With w = c + a cos θ the metric is a² dθ² + w² dφ². The generator ½Δ separates: Fourier modes in φ, and for each of them
a Sturm-Liouville problem in θ, (w u')' / (a² w) - m² u / w² = -λ u, solved by a Galerkin method in cosines and sines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from submission.distributions.splines import Surface

Array = NDArray[np.float64]

SHORTEST = 0.05
"""Smallest t / a² at which the series is summed; below it the short-time expansion is used."""
LONGEST = 60.0
"""Largest t / c² in the tables; the law is uniform to 1e-13."""
NEGLIGIBLE = 72.0
"""λ t at which a mode no longer counts: exp(-36)."""
FREQUENCIES = 48
START_KNOTS, TIME_KNOTS = 25, 96


@dataclass(frozen=True)
class Modes:
    """Eigenfunctions cos(m φ) u(θ) that are even (cosines in θ) or odd (sines) under θ -> -θ.

    Attributes:
        rates: λ / 2 (J,).
        turns: m (J,).
        coefficients: of u in the cosines or sines 0 to FREQUENCIES (FREQUENCIES + 1, J), scaled so that
            sum_j exp(-rate_j t) cos(m_j (φ - φ')) u_j(θ) u_j(θ') is the heat kernel's part.
    """

    rates: Array
    turns: Array
    coefficients: Array


def basis(angle: Array, odd: bool) -> Array:
    """cos(k θ) or sin(k θ), k from 0 to FREQUENCIES, (..., FREQUENCIES + 1)."""
    phase = angle[..., None] * np.arange(FREQUENCIES + 1.0)
    return np.sin(phase) if odd else np.cos(phase)


def slopes(angle: Array, odd: bool) -> Array:
    """Derivative of ``basis``."""
    order = np.arange(FREQUENCIES + 1.0)
    return order * np.cos(angle[..., None] * order) if odd else -order * np.sin(angle[..., None] * order)


@cache
def modes(c: float, a: float, odd: bool) -> Modes:
    """All modes of one parity that count at t = SHORTEST a²."""
    theta = 2.0 * np.pi * np.arange(8 * FREQUENCIES) / (8 * FREQUENCIES)
    step, w = theta[1], c + a * np.cos(theta)
    values, derivatives = basis(theta, odd)[:, int(odd) :], slopes(theta, odd)[:, int(odd) :]
    mass = step * a * values.T @ (w[:, None] * values)
    tension = step / a * derivatives.T @ (w[:, None] * derivatives)
    centrifugal = step * a * values.T @ (values / w[:, None])
    largest = NEGLIGIBLE / (SHORTEST * a**2)
    rates, turns, columns = [], [], []
    for m in range(int((c + a) * math.sqrt(largest)) + 2):
        eigenvalues, vectors = eigh(tension + m**2 * centrifugal, mass)
        keep = eigenvalues < largest
        rates.append(0.5 * eigenvalues[keep])
        turns.append(np.full(keep.sum(), float(m)))
        columns.append(vectors[:, keep] * math.sqrt((1.0 if m == 0 else 2.0) / (2.0 * np.pi)))
    stacked = np.concatenate(columns, axis=1)
    padded = np.concatenate([np.zeros((int(odd), stacked.shape[1])), stacked])
    return Modes(np.concatenate(rates), np.concatenate(turns), padded)


def log_area(c: float, a: float) -> float:
    """log 4 π² c a."""
    return math.log(4.0 * math.pi**2 * c * a)


def kernel(c: float, a: float, time: float, start: float, theta: Array, phi: Array) -> Array:
    """Heat kernel (w.r.t. area) from (start, 0) to the grid theta (n,) x phi (k,) -> (n, k)."""
    total = np.zeros((len(theta), len(phi)))
    for odd in (False, True):
        part = modes(c, a, odd)
        used = part.rates * time < 0.5 * NEGLIGIBLE
        left = basis(np.array(start), odd) @ part.coefficients[:, used] * np.exp(-part.rates[used] * time)
        right = basis(theta, odd) @ part.coefficients[:, used]
        turns, starts = np.unique(part.turns[used], return_index=True)
        total += np.add.reduceat(left * right, starts, axis=1) @ np.cos(turns[:, None] * phi)
    return total


def exact_kl(c: float, a: float, time: float, start: float) -> float:
    """KL to the uniform law by the trapezoidal rule over the whole torus."""
    theta = 2.0 * np.pi * np.arange(128) / 128
    count = int(32 + 12 * (c + a) / math.sqrt(time))
    phi = 2.0 * np.pi * np.arange(count) / count
    relative = np.maximum(kernel(c, a, time, start, theta, phi) * math.exp(log_area(c, a)), 1e-30)
    weight = (1.0 + a / c * np.cos(theta))[:, None] / relative.size
    return float((weight * (relative * np.log(relative) - relative + 1.0)).sum())


@cache
def kl_table(c: float, a: float) -> Surface:
    """(log t, cos θ) -> KL to the uniform law, for t from SHORTEST a² to LONGEST c²; takes about a second."""
    x = np.linspace(math.log(SHORTEST * a**2), math.log(LONGEST * c**2), TIME_KNOTS)
    height = np.linspace(-1.0, 1.0, START_KNOTS)
    return Surface(x, height, np.array([[exact_kl(c, a, math.exp(t), math.acos(h)) for h in height] for t in x]))
