"""DCI: known answers, the reference's numbers, blocks, bad input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import SubmissionError
from submission.metrics import dci, metric
from submission.metrics.importance import completeness, disentanglement
from submission.reference import installed
from submission.reference import module as reference

SIZES = (3, 4, 5)


def factors(samples: int = 600, seed: int = 0) -> npt.NDArray[np.int64]:
    """Random factors (n, 3)."""
    r = np.random.RandomState(seed)
    return np.stack([r.randint(size, size=samples) for size in SIZES], axis=1)


def codes(kind: str, y: npt.NDArray[np.int64], seed: int = 0) -> npt.NDArray[np.float32]:
    """An oracle's codes (n, D) of factors (n, 3)."""
    r = np.random.RandomState(seed)
    perfect = y / (np.array(SIZES) - 1) * 2 - 1
    rotation = np.linalg.qr(np.random.RandomState(1).standard_normal((3, 3)))[0]
    made = {
        "perfect": perfect,
        "permuted": perfect[:, [2, 0, 1]],
        "duplicated": np.c_[perfect, perfect],
        "one dead": np.c_[perfect, np.ones(len(y))],
        "rotated": perfect @ rotation,
        "noise": r.standard_normal((len(y), 4)),
        "constant": np.ones((len(y), 4)),
    }[kind]
    return made.astype(np.float32)


def score(kind: str, **options: object) -> dict[str, float]:
    y, unseen = factors(), factors(300, seed=1)
    return dci(codes(kind, y), y, codes(kind, unseen, seed=1), unseen, rounds=10, **options).values  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["perfect", "permuted", "one dead"])
def test_one_code_per_factor_scores_one(kind: str) -> None:
    assert score(kind) == pytest.approx(dict.fromkeys(score(kind), 1.0), abs=1e-8)


def test_duplicated_codes_are_disentangled_but_not_complete() -> None:
    values = score("duplicated")
    assert values["disentanglement"] == pytest.approx(1, abs=1e-8)
    # two equal codes share a factor's importance: at worst half each, entropy log 2 of log 6
    assert 1 - np.log(2) / np.log(6) - 1e-9 <= values["completeness"] < 1


def test_constants_score_zero_and_predict_the_commonest_value() -> None:
    values = score("constant")
    assert values["disentanglement"] == pytest.approx(0, abs=1e-12)
    assert values["completeness"] == pytest.approx(0, abs=1e-12)
    unseen, y = factors(300, seed=1), factors()
    commonest = [np.mean(unseen[:, k] == np.bincount(y[:, k]).argmax()) for k in range(3)]
    assert values["informativeness_test"] == pytest.approx(np.mean(commonest))


def test_noise_scores_low_and_rotation_in_between() -> None:
    noise, rotated = score("noise"), score("rotated")
    assert noise["disentanglement"] < 0.1 < rotated["disentanglement"] < 0.9
    assert rotated["informativeness_train"] > noise["informativeness_test"]


def test_formulas_by_hand() -> None:
    assert disentanglement(np.eye(3)) == pytest.approx(1)
    assert completeness(np.ones((3, 3))) == pytest.approx(0, abs=1e-12)
    importance = np.array([[3.0, 1.0], [0.0, 4.0]])
    per_code = [1 - (-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))), 1]
    assert disentanglement(importance) == pytest.approx(np.mean(per_code), abs=1e-9)


def test_a_block_counts_as_one_code() -> None:
    y = factors()
    angle = 2 * np.pi * y[:, 2] / SIZES[2]
    circle = np.c_[y[:, 0], y[:, 1], np.cos(angle), np.sin(angle)].astype(np.float32)
    columns = dci(circle, y, circle, y, rounds=10)
    blocks = dci(circle, y, circle, y, rounds=10, blocks=[[0], [1], [2, 3]])
    assert blocks.details["importance"].shape == (3, 3)
    assert columns.values["completeness"] < 0.95
    assert blocks.values["completeness"] == pytest.approx(1, abs=1e-6)


@pytest.mark.skipif(not installed(), reason="disentanglement_lib is not installed")
@pytest.mark.parametrize("kind", ["rotated", "noise", "duplicated", "constant"])
def test_the_reference_gives_the_same_numbers(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import ensemble

    theirs = reference("evaluation.metrics.dci")
    original = ensemble.GradientBoostingClassifier
    monkeypatch.setattr(
        ensemble, "GradientBoostingClassifier", lambda **given: original(**({"n_estimators": 10} | given))
    )
    y, unseen = factors(), factors(300, seed=1)
    x, x_unseen = codes(kind, y), codes(kind, unseen, seed=1)
    np.random.seed(5)
    expected = theirs._compute_dci(x.T, y.T, x_unseen.T, unseen.T)
    ours = dci(x, y, x_unseen, unseen, seed=5, rounds=10).values
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, abs=1e-6), key


def test_what_makes_no_sense_is_refused() -> None:
    y = factors(50)
    with pytest.raises(SubmissionError, match="2 code dimensions"):
        dci(np.ones((50, 1), np.float32), y, np.ones((50, 1), np.float32), y)
    with pytest.raises(SubmissionError, match="compares factors, got 1"):
        dci(np.ones((50, 2), np.float32), y[:, :1], np.ones((50, 2), np.float32), y[:, :1])
    with pytest.raises(SubmissionError, match="two blocks"):
        dci(np.ones((50, 2), np.float32), y, np.ones((50, 2), np.float32), y, blocks=[[0, 1]], rounds=1)


def test_the_published_settings_are_the_default() -> None:
    settings = metric("dci").settings
    assert (settings.num_train, settings.num_test) == (10000, 5000)
