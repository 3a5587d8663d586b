"""Locks, time budgets and logs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from submission.errors import SubmissionError, UsageError
from submission.latent import parse
from submission.objectives import Terms
from submission.training.budget import Budget, seconds
from submission.training.lock import locked
from submission.training.log import Log, Window


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "run"),
        pytest.raises(SubmissionError, match=r"run is being trained by process \d+"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        pass


def test_a_lock_that_cannot_be_signed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **keywords: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SubmissionError, match=r"cannot write .*\.lock: No space left"), locked(tmp_path / "run"):
        pass


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400)],
)
def test_times_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2h30", "h", "-3s", "2 h", "3x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        seconds(text)


def test_without_a_limit_the_position_is_the_step() -> None:
    budget = Budget(total=10)
    for step in range(10):
        assert budget.position(step).fraction == step / 10
        budget.advance(step)
    assert budget.fraction == 1
    assert not budget.over()


def test_with_a_limit_annealing_ends_with_the_time_whatever_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(total=10**6, limit=110.0, started=90.0, reserve=10.0)  # 90 seconds are left
    fractions, step = [], 0
    while not budget.over():
        fractions.append(budget.position(step).fraction)
        now += 0.01 if now < 130 else 0.05  # the machine becomes five times slower
        budget.advance(step)
        step += 1
    assert fractions == sorted(fractions)
    assert fractions[3000] == pytest.approx(30 / 90, abs=0.01)
    assert fractions[3600] == pytest.approx(60 / 90, abs=0.05)  # the pace was seen to change
    assert fractions[-1] == pytest.approx(1, abs=0.01)
    assert now == pytest.approx(190, abs=0.1)


def test_a_run_that_ends_before_its_limit_anneals_by_steps() -> None:
    budget = Budget(total=20, limit=3600.0)
    for step in range(20):
        assert budget.position(step).fraction == pytest.approx(step / 20, abs=0.02)
        budget.advance(step)
    assert budget.fraction == pytest.approx(1)


def terms(loss: float) -> Terms:
    """Terms of an update."""
    posterior = parse("R^1").posterior(torch.zeros(1, 2))
    return Terms(torch.tensor(loss), {"loss": torch.tensor(loss), "kl": torch.tensor(1.0)}, torch.ones(1), posterior)


def test_a_window_gives_means_and_finds_the_first_update_that_is_not_finite() -> None:
    window = Window()
    for step, loss in enumerate([1.0, 3.0, 2.0]):
        window.add(step, terms(loss))
    assert window.close() == ({"loss": 2.0, "kl": 1.0}, None)
    assert window.close() == ({}, None)
    for step, loss in enumerate([1.0, float("inf"), float("nan")], start=3):
        window.add(step, terms(loss))
    assert window.close()[1] == 4
    assert window.terms(4) == {"loss": float("inf"), "kl": 1.0}


def test_a_log_is_cut_back_to_the_checkpoint_and_loses_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = Log(path, 0)
    for step in (2, 4, 6):
        log.write({"step": step, "loss": 1.0})
    path.write_text(path.read_text() + '{"step": 8, "lo')
    Log(path, 4).write({"step": 6, "loss": 2.0})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [2, 4, 6]
    assert path.read_text().endswith('"loss": 2.0}\n')
    with pytest.raises(SubmissionError, match="cannot write"):
        Log(tmp_path / "nowhere" / "metrics.jsonl", 0).write({"step": 1})
