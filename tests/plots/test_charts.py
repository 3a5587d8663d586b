"""Charts place points as their formulas say: inverses invert, equal areas are equal, identified points coincide."""

from __future__ import annotations

import numpy as np
import pytest

from submission.plots.charts import Array, Chart, charts_for
from submission.plots.charts.projective import ball, disc
from submission.plots.charts.spheres import hammer_invert, hammer_project
from submission.plots.charts.tori import flat_torus
from submission.plots.charts.tori import torus_in_space as torus


def unit_vectors(size: int, count: int = 400, seed: int = 0) -> Array:
    """Uniform points on a sphere."""
    points = np.random.default_rng(seed).normal(size=(count, size))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def up_to_sign(points: Array) -> Array:
    """z zᵀ, equal for z and −z."""
    return np.einsum("ni,nj->nij", points, points)


def test_hammer_projection_is_undone_and_fills_its_ellipse() -> None:
    points = unit_vectors(3)
    places = hammer_project(points)
    back, inside = hammer_invert(places)
    assert inside.all()
    np.testing.assert_allclose(back, points, atol=1e-9)
    assert not hammer_invert(np.array([[2.9, 0.0], [0.0, 1.5], [2.5, 1.2]]))[1].any()


@pytest.mark.parametrize("chart", [charts_for("sphere", unit_vectors(3))[0], disc("RP²")], ids=["Hammer", "disc"])
def test_equal_areas_of_the_manifold_are_equal_areas_on_paper(chart: Chart) -> None:
    """The share of uniform points in random discs of the picture is the disc's share of the picture's area."""
    places = chart.project(unit_vectors(3, 40_000, 1))
    area = np.pi * (4.0 if chart.name.startswith("sphere") else 1.0)
    for centre in ((0.0, 0.0), (0.5, 0.3), (-0.4, -0.5)):
        share = (np.linalg.norm(places - centre, axis=1) < 0.3).mean()
        expected = np.pi * 0.09 / area
        assert abs(share - expected) < 5 * np.sqrt(expected / 40_000)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_points_of_projective_spaces_have_one_place_whatever_their_sign(size: int, scale: float) -> None:
    chart = disc("RP²") if size == 3 else ball("RP³", "", scale)
    points = unit_vectors(size)
    np.testing.assert_allclose(chart.project(points), chart.project(-points))
    assert np.linalg.norm(chart.project(points), axis=1).max() <= (1 if size == 3 else scale * np.pi / 2) + 1e-9


def test_opposite_points_of_the_boundary_are_one_point() -> None:
    angle = np.linspace(0, 2 * np.pi, 9)
    edge = np.stack([np.cos(angle), np.sin(angle)], -1)
    for chart, radius in ((disc("RP²"), 1.0), (ball("SO(3)", "", 2.0), np.pi)):
        assert chart.invert is not None
        points, inside = chart.invert(edge * radius * (1 - 1e-12))
        opposite, _ = chart.invert(-edge * radius * (1 - 1e-12))
        assert inside.all()
        np.testing.assert_allclose(up_to_sign(points), up_to_sign(opposite), atol=1e-5)


def test_radii_in_the_ball_of_rotations_are_angles() -> None:
    angle = np.linspace(0.1, 3.0, 7)
    quaternions = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], -1)
    np.testing.assert_allclose(np.linalg.norm(ball("SO(3)", "", 2.0).project(quaternions), axis=1), angle)


@pytest.mark.parametrize(
    "chart", [flat_torus(), *torus(np.zeros((0, 3)), type("Space", (), {"radii": (2.0, 1.0)}))[1:]]
)
def test_squares_of_angles_are_undone(chart: Chart) -> None:
    places = np.random.default_rng(2).uniform(-np.pi, np.pi, (50, 2))
    assert chart.invert is not None
    points, inside = chart.invert(places)
    assert inside.all()
    np.testing.assert_allclose(chart.project(points), places, atol=1e-9)


def test_slices_of_balls_are_undone() -> None:
    chart = ball("RP³", "")
    places = np.random.default_rng(3).uniform(-1, 1, (50, 2))
    assert chart.invert is not None
    np.testing.assert_allclose(chart.project(chart.invert(places)[0])[:, :2], places, atol=1e-9)


def test_a_space_of_ones_own_brings_its_charts() -> None:
    own = Chart("mine", lambda z: z[:, :2], (1.0, 1.0), lambda axes: None)
    space = type("Space", (), {"charts": lambda self, points: [own]})()
    assert list(charts_for("klein", np.zeros((3, 4)), space)) == [own]
    assert charts_for("klein", unit_vectors(4))[0].name == "two principal axes of 4 coordinates"
