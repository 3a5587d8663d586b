"""Times are read, and a limit ends annealing with itself."""

from __future__ import annotations

import time

import pytest

from submission.errors import UsageError
from submission.training.budget import Budget, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400)],
)
def test_times_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "soon", "2h30", "h", "-3s", "2 h", "3x"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="invalid duration"):
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
    assert budget.ahead == pytest.approx(0, abs=1e-9)


def test_the_lead_of_the_schedules_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget, leads = Budget(total=100, limit=101.0, started=0.0), []
    for step in range(100):
        now += 2.0 if step < 20 else 0.5  # 100 seconds would do for half of them, then for all
        budget.advance(step)
        leads.append(budget.fraction - (step + 1) / 100)
    assert now < 100
    assert budget.ahead == pytest.approx(max(leads))
    assert 0.1 < budget.ahead < 0.5
    assert budget.fraction == pytest.approx(1)
