"""UDR: known values and invariances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr

from submission.errors import SubmissionError
from submission.metrics.agreement import joined, relative_strength, spearman, udr

KL = np.ones(4)


def model(seed: int = 0, points: int = 1000) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((points, 4)).astype(np.float32)


def test_identical_models_of_independent_latents() -> None:
    lasso = udr([model()] * 3, [KL] * 3, "lasso").values
    assert lasso["mean"] == pytest.approx(0.9, abs=0.01)  # the penalty of 0.1 shrinks a coefficient of 1 to 0.9
    ranks = udr([model()] * 3, [KL] * 3, "spearman").values["mean"]
    matrix = np.abs(spearmanr(model()).statistic)
    assert ranks == pytest.approx(np.mean(1 / matrix.sum(axis=0)), abs=1e-6)


def test_order_sign_and_scale_of_latents_do_not_matter() -> None:
    codes = model()
    changed = codes[:, [2, 0, 3, 1]] * np.float32([-1, 3, -0.5, 10])
    for similarity in ("lasso", "spearman"):
        same = udr([codes, codes], [KL, KL], similarity).values["mean"]  # type: ignore[arg-type]
        assert udr([codes, changed], [KL, KL], similarity).values["mean"] == pytest.approx(same, abs=1e-5)  # type: ignore[arg-type]


def test_rotated_or_unrelated_models_score_lower() -> None:
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0].astype(np.float32)
    same = udr([model(), model()], [KL, KL]).values["mean"]
    rotated = udr([model(), model() @ rotation], [KL, KL]).values["mean"]
    unrelated = udr([model(), model(1)], [KL, KL]).values["mean"]
    assert unrelated < 0.1 < rotated < 0.7 < same


def test_latents_without_information_are_left_out() -> None:
    codes = model()
    other = np.c_[codes[:, :3], model(1)[:, :1]]
    uninformative = np.array([1, 1, 1, 0.001])
    assert udr([codes, other], [uninformative] * 2).values["mean"] == pytest.approx(0.9, abs=0.02)
    assert udr([codes, codes], [np.zeros(4)] * 2).values["mean"] == 0


def test_the_median_ignores_one_strange_model() -> None:
    scores = udr([model(), model(), model(), model(9)], [KL] * 4)
    values = [scores.values[f"model_{k}"] for k in range(4)]
    assert min(values[:3]) > 0.85 > 0.1 > values[3]
    assert np.diag(scores.details["pairs"]).tolist() == [0] * 4


def test_spearman_is_scipys() -> None:
    left, right = model(2, 50).round(1).astype(np.float64), model(3, 50).round(1).astype(np.float64)
    expected = np.abs(spearmanr(left, right).statistic[:4, 4:])
    np.testing.assert_allclose(spearman(left, right), expected, atol=1e-12)


@pytest.mark.parametrize("constant", [(0,), (1,), (0, 1, 2, 3), (3,)])
def test_spearman_of_constant_columns_is_zero_and_leaves_the_others_alone(constant: tuple[int, ...]) -> None:
    left, right = model(2, 50).astype(np.float64), model(3, 50).astype(np.float64)
    expected = np.abs(spearmanr(left, right).statistic[:4, 4:])
    expected[list(constant)] = 0
    left[:, list(constant)] = 0.1
    np.testing.assert_allclose(spearman(left, right), expected, atol=1e-12)


def test_relative_strength_by_hand() -> None:
    assert relative_strength(np.eye(3)) == 1
    assert relative_strength(np.full((2, 2), 0.5)) == pytest.approx(0.25)
    assert relative_strength(np.array([[1.0, 0.0], [0.0, 0.0]])) == pytest.approx(0.5)


def test_bad_input() -> None:
    with pytest.raises(SubmissionError, match="compares models"):
        udr([model()], [KL])
    with pytest.raises(SubmissionError, match="equally shaped"):
        udr([model(), model()[:, :2]], [KL, KL])
    with pytest.raises(SubmissionError, match="KL divergences of 4 latents"):
        udr([model(), model()], [KL, KL[:2]])


def test_a_turned_circle_resembles_itself_by_block() -> None:
    """Per column the angle's origin matters, per block it does not."""
    angle = np.random.default_rng(1).uniform(0, 2 * np.pi, (1000, 2))

    def circles(shift: float) -> npt.NDArray[np.float32]:
        turned = angle + shift
        return np.c_[np.cos(turned), np.sin(turned)][:, [0, 2, 1, 3]].astype(np.float32)

    kl, blocks = [np.ones(4)] * 2, [[0, 1], [2, 3]]
    models = [circles(0.0), circles(0.7)]
    assert udr(models, kl, "spearman").values["mean"] < 0.7
    assert udr(models, kl, "spearman", blocks).values["mean"] > 0.9
    assert udr(models, kl, "lasso", blocks).values["mean"] > 0.75


def test_joined_similarities_by_hand() -> None:
    matrix = np.array([[3.0, 4.0, 1.0], [0.0, 0.0, 1.0], [2.0, 0.0, 5.0]])
    found = joined(matrix, [[0, 1], [2]])
    assert found == pytest.approx(np.array([[5 / np.sqrt(2), np.sqrt(2)], [2.0, 5.0]]))
    assert joined(matrix, [[0], [1], [2]]) == pytest.approx(matrix)
