"""How well codes tell the angle of factors that are cycles (rotation, azimuth, hue).

Accuracy calls a neighbouring angle as wrong as the opposite one, and ordinary regression tears the cycle apart between
its last value and its first. Here ridge regression predicts cosine and sine of each periodic factor's angle
2 pi value / size from the codes, and the error is the mean distance along the circle,

    angular error = mean |wrap(predicted - true)| in radians,   score = 1 - error / (pi / 2),

0 on average for guessing (the distance of two random angles is pi / 2 on average) and 1 for a perfect prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Codes, Factors, Metric, Sampler, Scores
from submission.metrics.checks import check_codes, dead_note

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


def angles(
    values: npt.NDArray[np.integer], size: int, symmetry: int = 1, closed: bool = False
) -> npt.NDArray[np.float64]:
    """Angle (n,) in radians of the values (n,) 0 ... size - 1 of a periodic factor."""
    return 2 * np.pi * symmetry * values / (size - 1 if closed else size)


def angular_distance(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Distance in [0, pi] between angles in radians."""
    return np.abs(np.angle(np.exp(1j * (np.asarray(left, np.float64) - np.asarray(right, np.float64)))))


def predicted_angles(codes_train: Codes, angle: npt.NDArray[np.float64], codes_test: Codes) -> npt.NDArray[np.float64]:
    """Angles (m,) of test codes (m, D) by ridge regression from training codes (n, D) and their angles (n,)."""
    mean, deviation = codes_train.mean(axis=0, dtype=np.float64), codes_train.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1)
    x = (codes_train - mean) / scale
    target = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    normal = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(normal, x.T @ (target - target.mean(axis=0)) / len(x))
    cosine, sine = (((codes_test - mean) / scale) @ weights + target.mean(axis=0)).T
    return np.arctan2(sine, cosine)


def periodic(
    codes_train: Codes,
    factors_train: Factors,
    codes_test: Codes,
    factors_test: Factors,
    sizes: Sequence[int],
    columns: Sequence[int],
    symmetry: int = 1,
    closed: bool = False,
) -> Scores:
    """Angular errors of linear prediction.

    Args:
        codes_train, codes_test: (N, D).
        factors_train, factors_test: (N, K).
        sizes: number of values of each factor (K).
        columns: which factors are cycles.
        symmetry, closed: see ``PeriodicSettings``.

    Returns:
        ``angular_score`` (1 is best, about 0 is guessing) and ``angular_error`` in radians, means over the periodic
        factors. Details: ``angular_error`` (factors that are cycles,).
    """
    if not columns:
        raise SubmissionError("no factor of this data set is periodic", "name the periodic ones, or leave periodic out")
    check_codes(codes_train, "periodic")
    check_codes(codes_test, "periodic")
    errors = []
    for column in columns:
        train, test = (
            angles(factors[:, column], sizes[column], symmetry, closed) for factors in (factors_train, factors_test)
        )
        errors.append(angular_distance(predicted_angles(codes_train, train, codes_test), test).mean())
    error = float(np.mean(errors))
    values = {"angular_score": 1 - 2 * error / np.pi, "angular_error": error}
    return Scores(values, {"angular_error": np.array(errors)}, dead_note(codes_train))


def score(sampler: Sampler, settings: PeriodicSettings) -> Scores:
    """Draw training points, then test points, and score the factors that the data set calls periodic."""
    train, test = sampler.train_test(settings.num_train, settings.num_test, settings.batch_size)
    columns = [int(column) for column in np.flatnonzero(sampler.periodic)]
    return periodic(*train, *test, sampler.factor_sizes, columns, settings.symmetry, settings.closed)


METRIC = Metric(
    name="periodic",
    headline="angular_score",
    shown=("angular_error",),
    summary="how well a linear map of the codes tells the angle of factors that are cycles",
    settings=PeriodicSettings(),
    fast=PeriodicSettings(num_train=2000, num_test=1000),
    score=score,
    range=(-1.0, 1.0),
)
