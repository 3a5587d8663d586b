"""The torus of revolution in R^3: its radii and area, and points by their two angles."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Radii = tuple[float, float]
RATIOS = (1.5, 10.0)
"""Of the radii: on fatter tori the tables and the short-time expansion are too coarse, on thinner ones too large."""


def checked(radii: Radii) -> Radii:
    """(c, a) with c / a in ``RATIOS``.

    Raises:
        ValueError: otherwise.
    """
    c, a = (float(radius) for radius in radii)
    if not (a > 0.0 and RATIOS[0] <= c / a <= RATIOS[1]):
        raise ValueError(f"radii={radii}: give (c, a), the centre circle's first, with c / a from 1.5 to 10")
    return c, a


def log_area(c: float, a: float) -> float:
    """log 4 π² c a."""
    return math.log(4.0 * math.pi**2 * c * a)


def angles_of(point: Tensor, radii: Radii) -> tuple[Tensor, Tensor]:
    """Points (..., 3) -> (θ, φ), each (...): around the tube (0 outermost) and around the axis."""
    x, y, z = point.unbind(-1)
    length = torch.linalg.vector_norm(torch.stack([x, y], -1), dim=-1)  # hypot cannot be exported to ONNX
    return torch.atan2(z, length - radii[0]), torch.atan2(y, x)


def point_of(theta: Tensor, phi: Tensor, radii: Radii) -> Tensor:
    """Inverse of ``angles_of``: points (..., 3)."""
    c, a = radii
    w = c + a * theta.cos()
    return torch.stack([w * phi.cos(), w * phi.sin(), a * theta.sin()], -1)


def project_to_torus(point: Tensor, radii: Radii) -> Tensor:
    """The nearest point of the torus to each of ``point`` (..., 3); Pérez Rey et al.'s (2020) projection P."""
    return point_of(*angles_of(point, radii), radii)
