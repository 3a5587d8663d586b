"""The normal distribution wrapped around the circle: Brownian motion on S^1 in closed form.

With A, B = exp(-2π(π ∓ x)/t) the image at distance k turns has, relative to the nearest one, the density
(AB)^{k(k-1)/2} (A^k + B^k) for both directions together: sums of images take two exponentials. Long times take the
Fourier series.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LONG = 4.0
"""Time from which the series is used; at this one both ways are exact to 1e-14 with the terms below."""
IMAGES, HARMONICS = 3, 5


def arc(start: Tensor, end: Tensor) -> Tensor:
    """Signed angle (...) from ``start`` (..., 2) to ``end`` (..., 2), vectors of any length, in [-π, π]."""
    cross = start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]
    return torch.atan2(cross, (start * end).sum(-1))


def log_density(angle: Tensor, time: Tensor) -> Tensor:
    """log density of the arc length, for angles in [-π, π] and variances ``time`` > 0 that broadcast."""
    near, far = from_images(angle, time.clamp(max=LONG)), from_harmonics(angle, time.clamp(min=LONG))
    return torch.where(time < LONG, near, far)


def from_images(angle: Tensor, time: Tensor) -> Tensor:
    """``log_density`` for ``time`` up to 10: the nearest image, and what those further around add to it."""
    rate = 2 * math.pi / time
    first, second = (-rate * (math.pi - angle)).exp(), (-rate * (math.pi + angle)).exp()
    total, product = first + second, first * second
    for k in range(2, IMAGES + 1):
        total = total + product ** (k * (k - 1) // 2) * (first**k + second**k)
    return -angle.square() / (2 * time) - 0.5 * (2 * math.pi * time).log() + total.log1p()


def from_harmonics(angle: Tensor, time: Tensor) -> Tensor:
    """``log_density`` for ``time`` from ``LONG``."""
    total = torch.zeros_like(angle + time)
    for n in range(1, HARMONICS + 1):
        total = total + 2 * (-0.5 * n * n * time).exp() * (n * angle).cos()
    return total.log1p() - math.log(2 * math.pi)
