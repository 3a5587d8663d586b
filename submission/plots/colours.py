"""Colours for values, cycles, classes, and for pairs of cyclic values (a colour per point of a torus)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.plots.style import PALETTE

Array = npt.NDArray[np.floating]
SEQUENTIAL = "cividis"
"""Colour map of matplotlib for ordered values; it looks alike with and without red-green colour blindness."""
CHROMA, TUBE, LIGHTNESS, CONTRAST = 0.068, 0.032, 0.66, 0.16
"""The torus of ``torus_colours`` in OKLab: radii of its circle and tube in the (a, b) plane; middle and range of L."""
CLASSES = 4
"""Up to this number of values of a non-cyclic factor have separate colours."""


def torus_colours(horizontal: Array, vertical: Array) -> Array:
    """A colour for each pair of angles, as in Figure 5 of Pérez Rey et al. (2020): continuous, periodic, injective.

    The pair is a point on a torus of revolution inside the OKLab colour solid: hue follows the horizontal angle,
    lightness and saturation follow the vertical one. Two pairs have the same colour only if they are the same point,
    and the vertical angle can be read without colour vision.

    Args:
        horizontal, vertical: angles (...) in radians.

    Returns:
        sRGB values (..., 3) in [0, 1].
    """
    horizontal, vertical = np.broadcast_arrays(horizontal, vertical)
    radius = CHROMA + TUBE * np.cos(vertical)
    lightness = LIGHTNESS + CONTRAST * np.sin(vertical)
    lab = np.stack([lightness, radius * np.cos(horizontal), radius * np.sin(horizontal)], -1)
    return oklab_to_srgb(lab)


def cycle_colours(angle: Array) -> Array:
    """sRGB colours (..., 3) for angles (...) in radians: a circle of hues whose lightness also rises and falls."""
    lightness = 0.66 + 0.12 * np.sin(angle)
    return oklab_to_srgb(np.stack([lightness, 0.1 * np.cos(angle), 0.1 * np.sin(angle)], -1))


def oklab_to_srgb(lab: Array) -> Array:
    """OKLab (..., 3) → sRGB in [0, 1], clipped (Ottosson, 2020; IEC 61966-2-1)."""
    to_cone = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    rgb = np.clip((lab @ to_cone.T) ** 3 @ to_linear.T, 0, 1)
    return np.asarray(np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055))


def factor_colours(values: npt.NDArray[np.integer], size: int, periodic: bool) -> Array:
    """sRGB colours (N, 3) of a factor's values (N,) in 0..size − 1: a cycle, a few classes, or an ordered scale."""
    return factor_palette(size, periodic)[np.asarray(values)]


def factor_palette(size: int, periodic: bool) -> Array:
    """sRGB colours (size, 3) of a factor's values."""
    import matplotlib

    if periodic:
        return cycle_colours(2 * np.pi * np.arange(size) / size)
    if size <= CLASSES:
        return np.array([to_rgb(colour) for colour in PALETTE[:size]])
    scale: Any = matplotlib.colormaps[SEQUENTIAL]
    return np.asarray(scale(np.linspace(0, 1, size)))[:, :3]


def to_rgb(colour: str) -> tuple[float, float, float]:
    """A colour's name or ``#rrggbb`` → sRGB in [0, 1]."""
    from matplotlib import colors

    return colors.to_rgb(colour)


def torus_legend(size: int = 128) -> Array:
    """The legend of ``torus_colours`` as an image (size, size, 3): horizontal → right, vertical ↑ up."""
    angle = 2 * np.pi * (np.arange(size) + 0.5) / size
    return torus_colours(angle[None, :], angle[::-1, None])
