"""How well codes predict the angle of factors that are cycles (rotation, azimuth, hue).

Accuracy counts a neighbouring angle as wrong as the opposite one, and ordinary regression splits the cycle between its
last value and its first. Here ridge regression predicts cosine and sine of each periodic factor's angle
2 pi value / size from the codes, and the error is the mean distance along the circle,

    angular error = mean |wrap(predicted - true)| in radians,   score = 1 - error / (pi / 2),

0 on average for guessing (the distance of two random angles is pi / 2 on average) and 1 for a perfect prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Scores
from submission.metrics.checks import check_points, constant_note
from submission.metrics.registration import of_train_test
from submission.metrics.sampling.points import train_test

RIDGE = 1e-3  # of the codes' variance; regularises duplicated codes


@dataclass(frozen=True)
class PeriodicSettings:
    """Points to draw, and how.

    Attributes:
        symmetry: how often each periodic factor's pictures repeat in one turn of its values, e.g. 4 for a square; one
            number for all.
        closed: the last value is the first again, as dSprites' orientation, which has both 0 and 2 pi.
    """

    num_train: int = 10000
    num_test: int = 5000
    batch_size: int = 16
    symmetry: int = 1
    closed: bool = False


def angles(values: npt.NDArray[Any], size: int, symmetry: int = 1, closed: bool = False) -> npt.NDArray[np.float64]:
    """Angle (n,) in radians of the values (n,) 0 ... size - 1 of a periodic factor."""
    return 2 * np.pi * symmetry * values / (size - 1 if closed else size)


def angular_distance(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Distance in [0, pi] between angles in radians."""
    distance: npt.NDArray[np.float64] = np.abs(
        np.angle(np.exp(1j * (np.asarray(left, np.float64) - np.asarray(right, np.float64))))
    )
    return distance


def predicted_angles(codes_train: Codes, angle: npt.NDArray[np.float64], codes_test: Codes) -> npt.NDArray[np.float64]:
    """Angles (m,) of test codes (m, D) by ridge regression from training codes (n, D) and their angles (n,)."""
    mean, deviation = codes_train.mean(axis=0, dtype=np.float64), codes_train.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1)
    x = (codes_train - mean) / scale
    target = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    normal = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(normal, x.T @ (target - target.mean(axis=0)) / len(x))
    cosine, sine = (((codes_test - mean) / scale) @ weights + target.mean(axis=0)).T
    predicted: npt.NDArray[np.float64] = np.arctan2(sine, cosine)
    return predicted


def periodic(
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    factor_sizes: Sequence[int] | None = None,
    cycles: Sequence[bool] | None = None,
    symmetry: int = 1,
    closed: bool = False,
    seed: int = 0,
) -> Scores:
    """Angular errors of linear prediction.

    Args:
        codes: training points (N, D).
        factors: (N, K), values 0, 1, ... of each factor.
        test_codes, test_factors: test points; without them a third of the points, drawn from ``seed``, is held out.
        factor_sizes: number of values of each factor (K,); one more than the largest value by default.
        cycles: which factors (K,) are cycles; all by default.
        symmetry, closed: see ``PeriodicSettings``.
        seed: of the points held out.

    Returns:
        ``angular_score`` (1 is best, about 0 is guessing) and ``angular_error`` in radians, means over the periodic
        factors. Details: ``angular_error`` (factors that are cycles,).

    Raises:
        SubmissionError: no factor is a cycle, or one has a single value.
    """
    train, test = train_test(codes, factors, test_codes, test_factors, seed)
    train = check_points(*train, "periodic", varied=False)
    test = check_points(*test, "periodic", varied=False)
    largest = np.maximum(train.factors.max(axis=0), test.factors.max(axis=0))
    sizes = largest + 1 if factor_sizes is None else factor_sizes
    columns = [k for k in range(len(sizes)) if cycles is None or cycles[k]]
    if not columns:
        raise SubmissionError("no factor of this data set is periodic", "name the periodic ones, or leave periodic out")
    if single := [column for column in columns if sizes[column] < 2]:
        raise SubmissionError(
            f"periodic: factor {single[0]} has a single value, so nothing depends on it",
            "leave that factor out of `cycles`",
        )
    errors = []
    for column in columns:
        angle, test_angle = (angles(part.factors[:, column], sizes[column], symmetry, closed) for part in (train, test))
        errors.append(angular_distance(predicted_angles(train.codes, angle, test.codes), test_angle).mean())
    error = float(np.mean(errors))
    values = {"angular_score": 1 - 2 * error / np.pi, "angular_error": error}
    return Scores(values, {"angular_error": np.array(errors)}, constant_note(train.codes))


PERIODIC = of_train_test(
    periodic,
    name="periodic",
    headline="angular_score",
    shown=("angular_error",),
    summary="how well a linear map of the codes predicts the angle of factors that are cycles",
    settings=PeriodicSettings(),
    fast=PeriodicSettings(num_train=2000, num_test=1000),
    range=(-1.0, 1.0),
)
