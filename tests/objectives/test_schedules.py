"""Annealing in fractions of the run and in steps."""

from __future__ import annotations

import pytest

from submission.errors import UsageError
from submission.objectives import Constant, Linear, TrainingPosition
from submission.objectives.schedules import schedule


@pytest.mark.parametrize(("step", "value"), [(0, 0.0), (300, 4.5), (1000, 15.0), (1200, 15.0)])
def test_capacity_of_text_000_rises_over_the_whole_run(step, value):
    assert Linear(0, 15)(TrainingPosition(step, 1000)) == pytest.approx(value)


@pytest.mark.parametrize(("epoch", "value"), [(0, 0.0), (50, 0.5), (100, 1.0), (299, 1.0)])
def test_warm_up_of_text_001_takes_a_third_of_the_run(epoch, value):
    assert Linear(0, 1, fraction=1 / 3)(TrainingPosition(10 * epoch, 3000)) == pytest.approx(value)


def test_a_schedule_in_steps_does_not_depend_on_the_length_of_the_run():
    linear = Linear(2, 1, steps=200)
    assert linear(TrainingPosition(50, 100)) == linear(TrainingPosition(50, 10_000)) == pytest.approx(1.75)
    assert linear(TrainingPosition(500, 10_000)) == 1.0


def test_numbers_are_constant_schedules_and_schedules_stay_themselves():
    linear = Linear(0, 1)
    assert schedule(linear) is linear
    assert schedule(3) == Constant(3.0)
    assert schedule(3)(TrainingPosition(7, 9)) == 3.0


@pytest.mark.parametrize("settings", [{"fraction": 0.0}, {"fraction": 1.5}, {"steps": -1}])
def test_impossible_lengths_are_refused(settings):
    with pytest.raises(UsageError, match="fraction in"):
        Linear(0, 1, **settings)


def test_an_empty_run_is_at_its_start():
    assert TrainingPosition(0, 0).fraction == 0.0
