"""Colours of a torus: one for each point, continuous across the edges, legible without colour vision."""

from __future__ import annotations

import numpy as np

from submission.plots.colours import cycle_colours, factor_palette, oklab_to_srgb, torus_colours


def test_two_points_have_one_colour_only_if_they_are_one_point() -> None:
    angle = 2 * np.pi * np.arange(24) / 24
    colours = torus_colours(*(grid.ravel() for grid in np.meshgrid(angle, angle)))
    distances = np.linalg.norm(colours[:, None] - colours, axis=-1)
    assert distances[~np.eye(len(colours), dtype=bool)].min() > 0.01
    assert ((colours > 0) & (colours < 1)).all()


def test_colours_are_periodic() -> None:
    angle = np.linspace(0, 2 * np.pi, 7)
    np.testing.assert_allclose(torus_colours(angle, angle + 1), torus_colours(angle + 2 * np.pi, angle + 1 - 2 * np.pi))
    np.testing.assert_allclose(cycle_colours(angle), cycle_colours(angle + 2 * np.pi))


def test_the_vertical_angle_is_read_from_lightness_alone() -> None:
    luminance = torus_colours(np.linspace(0, 6, 50)[None], np.array([[np.pi / 2], [0], [-np.pi / 2]])) @ (
        0.21,
        0.72,
        0.07,
    )
    assert luminance[0].min() > luminance[1].max() > luminance[1].min() > luminance[2].max()


def test_oklab_agrees_with_its_published_values() -> None:
    """Ottosson (2020): sRGB white, and pure red at (0.627955, 0.224863, 0.125846)."""
    np.testing.assert_allclose(oklab_to_srgb(np.array([1.0, 0.0, 0.0])), 1, atol=1e-3)
    np.testing.assert_allclose(oklab_to_srgb(np.array([0.627955, 0.224863, 0.125846])), (1, 0, 0), atol=1e-3)


def test_values_of_a_factor_have_different_colours() -> None:
    for size, periodic in ((2, False), (4, False), (5, False), (40, True), (40, False)):
        assert len(np.unique(factor_palette(size, periodic).round(6), axis=0)) == size
