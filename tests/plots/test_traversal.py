"""Traversals follow closed geodesics, lines and circles; animations have a frame per step."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from submission.plots import animation, traversals
from submission.plots.traversal import component_paths, directions, path_images, there_and_back, traversal_paths
from tests.plots.conftest import Make


@pytest.mark.parametrize("spec", ["S^2", "S^5", "RP^3", "SO(3)"])
def test_great_circles_pass_through_the_image_at_right_angles(spec: str, make: Make) -> None:
    encoded = make(spec)[1]
    paths = component_paths(encoded, 7, 0, steps=16)
    assert len(paths) == 2
    turn = np.pi if spec in ("RP^3", "SO(3)") else 2 * np.pi
    first, second = (path.z.numpy().astype(float) for path in paths)
    for points in (first, second):
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(points[0], encoded.centres[7], atol=1e-6)
        np.testing.assert_allclose((points[:-1] * points[1:]).sum(1), np.cos(turn / 16), atol=1e-6)
        assert abs(points[-1] @ points[0]) == pytest.approx(np.cos(turn / 16), abs=1e-6)
    assert (first[1] - first[0] * (first[1] @ first[0])) @ second[1] == pytest.approx(0, abs=1e-6)


def test_directions_are_those_along_which_points_vary_most() -> None:
    angle = np.linspace(-0.5, 0.5, 50)
    points = np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
    ahead = directions(points, np.array([1.0, 0, 0]))
    np.testing.assert_allclose(np.abs(ahead), [[0, 1, 0], [0, 0, 1]], atol=1e-6)


def test_the_torus_in_space_is_walked_around_axis_and_tube(make: Make) -> None:
    encoded = make("Torus")[1]
    axis, tube = component_paths(encoded, 3, 0, steps=12)
    for path in (axis, tube):
        x, y, z = path.z.numpy().T
        np.testing.assert_allclose((np.hypot(x, y) - 2) ** 2 + z**2, 1, atol=1e-5)
    assert np.ptp(axis.z[:, 2].numpy()) < 1e-5
    assert np.ptp(np.arctan2(tube.z[:, 1].numpy(), tube.z[:, 0].numpy())) < 1e-5


def test_rows_are_sorted_by_kl_and_limited(make: Make) -> None:
    encoded = make("S^2 x T^2 x R^2")[1]
    paths = traversal_paths(encoded, rows=5)
    kl = [encoded.mean_kl[path.component] for path in paths]
    assert len(paths) == 5
    assert kl == sorted(kl, reverse=True)
    assert len(traversal_paths(encoded, (0, 1), rows=100)) == 2 * 6  # S² has two circles


def test_animations_have_a_frame_per_step_and_are_repeatable(make: Make) -> None:
    model, encoded = make("S^2 x T^2 x R^2")
    first = animation(model, encoded, steps=6)
    assert first == animation(model, encoded, steps=6)
    picture = Image.open(io.BytesIO(first))
    assert picture.n_frames == 6
    assert picture.size == (4 * 66 - 2, 2 * 66 - 2)


def test_lines_go_there_and_back() -> None:
    images = np.arange(6).reshape(6, 1, 1, 1).astype(np.uint8)
    assert there_and_back(images, closed=False).ravel().tolist() == [0, 2, 4, 4, 2, 0]
    assert there_and_back(images, closed=True).ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_the_figure_has_a_label_per_row(make: Make) -> None:
    model, encoded = make("T^2")
    axes = traversals(model, encoded).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 2
    assert all("nats" in label for label in labels)
    assert path_images(model, traversal_paths(encoded)).shape == (2, 12, 64, 64, 1)
