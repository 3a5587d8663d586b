"""Spectrum of the Laplacian on the torus of revolution in R^3, for its heat kernel and KL tables.

With w = c + a cos θ the metric is a² dθ² + w² dφ². The generator ½Δ separates: Fourier modes in φ, and for each of them
a Sturm-Liouville problem in θ, (w u')' / (a² w) - m² u / w² = -λ u, solved by a Galerkin method in cosines and sines.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.linalg import solve
from numpy.typing import NDArray

from submission.distributions.splines import Surface
from submission.distributions.torus_coordinates import log_area

Array = NDArray[np.float64]

SHORTEST = 0.05
"""Smallest t / a² at which the series is summed; below it the short-time expansion is used."""
LONGEST = 60.0
"""Largest t / c² in the tables; the distribution is uniform to 1e-13."""
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
    from scipy.linalg import eigh

    theta = 2.0 * np.pi * np.arange(8 * FREQUENCIES) / (8 * FREQUENCIES)
    step, w = theta[1], c + a * np.cos(theta)
    values, derivatives = basis(theta, odd)[:, int(odd) :], slopes(theta, odd)[:, int(odd) :]
    mass = step * a * values.T @ (w[:, None] * values)
    tension = step / a * derivatives.T @ (w[:, None] * derivatives)
    centrifugal = step * a * values.T @ (values / w[:, None])
    root = np.linalg.cholesky(mass)
    still, turning = (solve(root, solve(root, form).T) for form in (tension, centrifugal))
    largest = NEGLIGIBLE / (SHORTEST * a**2)
    turns = np.arange(int((c + a) * math.sqrt(largest)) + 2.0)
    eigenvalues, vectors = map(np.stack, zip(*(eigh(still + m**2 * turning) for m in turns), strict=True))
    keep = eigenvalues < largest
    scale = np.sqrt(np.where(turns == 0.0, 1.0, 2.0) / (2.0 * np.pi))[:, None, None]
    columns = (scale * solve(root.T, vectors)).swapaxes(1, 2)[keep].T
    padded = np.concatenate([np.zeros((int(odd), columns.shape[1])), columns])
    return Modes(0.5 * eigenvalues[keep], np.broadcast_to(turns[:, None], keep.shape)[keep], padded)


def kernel(c: float, a: float, time: float, starts: Array, theta: Array, phi: Array) -> Array:
    """Heat kernel (w.r.t. area) from points (start, 0), starts (s,), to the grid phi (k,) x theta (n,) -> (k, s, n)."""
    waves: defaultdict[float, Array | float] = defaultdict(float)
    for odd in (False, True):
        part = modes(c, a, odd)
        used = part.rates * time < 0.5 * NEGLIGIBLE
        coefficients, decay = part.coefficients[:, used], np.exp(-part.rates[used] * time)
        left, right = basis(starts, odd) @ coefficients * decay, basis(theta, odd) @ coefficients
        turns, first = np.unique(part.turns[used], return_index=True)
        for turn, begin, end in zip(turns, first, [*first, len(decay)][1:], strict=True):
            waves[turn] = waves[turn] + left[:, begin:end] @ right[:, begin:end].T
    return np.tensordot(np.cos(phi[:, None] * np.array(list(waves))), np.array(list(waves.values())), 1)


def exact_kl(c: float, a: float, time: float, starts: Array) -> Array:
    """KL to the uniform distribution (s,) of motion from each of ``starts`` (s,), by the trapezoidal rule over half the
    torus.

    The other half, of negative φ, is its mirror image.
    """
    count = int(16 + 6 * (c + a) / math.sqrt(time))
    theta, phi = 2.0 * np.pi * np.arange(128) / 128, np.pi * np.arange(count + 1) / count
    relative = np.maximum(kernel(c, a, time, starts, theta, phi) * math.exp(log_area(c, a)), 1e-30)
    around = np.where(np.arange(count + 1) % count == 0, 0.5, 1.0) / count
    weight = (1.0 + a / c * np.cos(theta)) / len(theta)
    divergence: Array = np.einsum(
        "ksn,k,n->s", relative * np.log(relative) - relative + 1.0, around, weight, optimize=True
    )
    return divergence


@cache
def kl_table(c: float, a: float) -> Surface:
    """(log t, cos θ) -> KL to the uniform distribution, for t from SHORTEST a² to LONGEST c²; takes about a second."""
    x = np.linspace(math.log(SHORTEST * a**2), math.log(LONGEST * c**2), TIME_KNOTS)
    height = np.linspace(-1.0, 1.0, START_KNOTS)
    return Surface(x, height, np.array([exact_kl(c, a, math.exp(t), np.arccos(height)) for t in x]))
