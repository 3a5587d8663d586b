"""Angular errors of periodic factors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import SubmissionError
from submission.metrics import periodic
from submission.metrics.angular_error import angles, angular_distance

SIZE = 12
VALUES = np.random.RandomState(0).randint(SIZE, size=(2000, 1))


def circle(values: npt.NDArray[np.int64], turns: int = 1, period: int = SIZE) -> npt.NDArray[np.float32]:
    angle = 2 * np.pi * turns * values[:, 0] / period
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def error(codes: npt.NDArray[np.float32], **options: object) -> float:
    scores = periodic(codes[:1000], VALUES[:1000], codes[1000:], VALUES[1000:], [SIZE], **options)  # type: ignore[arg-type]
    assert scores.values["angular_score"] == pytest.approx(1 - 2 * scores.values["angular_error"] / np.pi)
    return scores.values["angular_error"]


def test_distances_go_the_short_way_round() -> None:
    assert angular_distance(0.1, 2 * np.pi - 0.1) == pytest.approx(0.2)
    assert angular_distance([0, 1, -3], [np.pi, 1 + 4 * np.pi, 3]) == pytest.approx([np.pi, 0, 2 * np.pi - 6])


def test_two_random_angles_are_a_right_angle_apart_on_average() -> None:
    a, b = np.random.RandomState(1).uniform(-np.pi, np.pi, (2, 100_000))
    assert angular_distance(a, b).mean() == pytest.approx(np.pi / 2, abs=0.02)


def test_a_circle_is_read_off_exactly_in_any_rotation() -> None:
    rotation = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    assert error(circle(VALUES)) < 0.01
    assert error(3 * circle(VALUES) @ rotation + 1) < 0.01


def test_a_line_is_torn_apart_and_noise_guesses() -> None:
    line = (VALUES / (SIZE - 1)).astype(np.float32)
    assert 0.3 < error(line) < np.pi / 2
    assert error(np.random.RandomState(3).standard_normal((2000, 3)).astype(np.float32)) == pytest.approx(
        np.pi / 2, abs=0.1
    )


def test_symmetric_pictures_have_a_shorter_cycle() -> None:
    codes = circle(VALUES, turns=4)  # a square looks the same after a quarter turn
    assert error(codes) > 1
    assert error(codes, symmetry=4) < 0.01


def test_closed_cycles_have_one_value_twice() -> None:
    assert angular_distance(*angles(np.array([0, 39]), 40, closed=True)) == pytest.approx(0, abs=1e-12)
    assert error(circle(VALUES, period=SIZE - 1), closed=True) < 0.01


def test_without_periodic_factors_there_is_nothing_to_score() -> None:
    with pytest.raises(SubmissionError, match="no factor"):
        periodic(circle(VALUES), VALUES, circle(VALUES), VALUES, [SIZE], [False])


def test_a_cycle_of_one_value_is_refused_and_other_factors_of_one_value_are_not() -> None:
    """Its angle would be predicted by any codes."""
    factors = np.concatenate([VALUES, np.zeros_like(VALUES)], axis=1)
    with pytest.raises(SubmissionError, match="factor 1 has a single value"):
        periodic(circle(VALUES), factors)
    assert periodic(circle(VALUES), factors, cycles=[True, False]).values["angular_score"] > 0.99
