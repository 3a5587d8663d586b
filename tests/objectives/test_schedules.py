"""Annealing in fractions of the run and in steps."""

from __future__ import annotations

import pytest

from submission.errors import UsageError
from submission.latent import parse
from submission.objectives import Constant, Cosine, Geometric, Linear, TrainingPosition, create
from submission.objectives.schedules import WARM_UP, WarmUp, schedule


@pytest.mark.parametrize(("step", "value"), [(0, 0.0), (300, 4.5), (1000, 15.0), (1200, 15.0)])
def test_capacity_of_the_challenge_report_rises_over_the_whole_run(step, value):
    assert Linear(0, 15)(TrainingPosition(step, 1000)) == pytest.approx(value)


@pytest.mark.parametrize(("epoch", "value"), [(0, 0.0), (50, 0.5), (100, 1.0), (299, 1.0)])
def test_warm_up_of_the_product_svae_takes_a_third_of_the_run(epoch, value):
    assert Linear(0, 1, fraction=1 / 3)(TrainingPosition(10 * epoch, 3000)) == pytest.approx(value)


@pytest.mark.parametrize(("step", "value"), [(0, 32.0), (100, 16.0), (400, 2.0), (500, 1.0), (1000, 1.0)])
def test_a_geometric_schedule_halves_in_equal_times(step: int, value: float) -> None:
    assert Geometric(32.0, 1.0, fraction=0.5)(TrainingPosition(step, 1000)) == pytest.approx(value)
    assert Geometric(32.0, 1.0, steps=500)(TrainingPosition(step, 7)) == pytest.approx(value)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (3.0, 0.0), (-1.0, -2.0)])
def test_a_geometric_schedule_needs_positive_ends(ends: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="give two positive numbers"):
        Geometric(*ends)


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


@pytest.mark.parametrize(("step", "weight"), [(0, 0.002), (249, 0.5), (499, 1.0), (80_000, 1.0)])
def test_the_warm_up_ends_after_its_updates(step: int, weight: float) -> None:
    assert WarmUp(WARM_UP)(TrainingPosition(step, 100_000)) == pytest.approx(weight)


@pytest.mark.parametrize(("total", "ends"), [(1, 0), (10, 0), (1000, 99), (5000, 499)])
def test_the_warm_up_takes_a_tenth_of_a_short_run(total: int, ends: int) -> None:
    weights = [WarmUp(WARM_UP)(TrainingPosition(step, total)) for step in range(total)]
    assert weights.index(1.0) == ends
    assert weights == sorted(weights)


def test_no_warm_up_is_a_weight_of_one_and_a_negative_one_is_refused() -> None:
    assert WarmUp(0)(TrainingPosition(0, 100_000)) == 1.0
    with pytest.raises(UsageError, match="cannot take -1 updates"):
        WarmUp(-1)


def test_an_empty_run_is_at_its_start():
    assert TrainingPosition(0, 0).fraction == 0.0


@pytest.mark.parametrize("kind", [Linear, Geometric, Cosine])
def test_a_length_is_given_once(kind):
    with pytest.raises(UsageError, match=r"schedule has steps = 10 and fraction = 0\.5"):
        kind(1.0, 0.0, steps=10, fraction=0.5)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("beta_vae", {"beta": -1.0}),
        ("beta_vae", {"beta": Linear(1.0, -1.0)}),
        ("beta_vae", {"factor_betas": (-1.0,)}),
        ("capacity", {"capacity": -5.0}),
        ("free_bits", {"free": -0.1}),
        ("beta_tcvae", {"beta": -1.0}),
        ("beta_tcvae", {"alpha": -1.0}),
        ("beta_tcvae", {"gamma": -1.0}),
        ("factor_vae", {"gamma": Cosine(-1.0)}),
        ("capacity_tc", {"gamma": -2.0}),
        ("dip_vae_i", {"off_diagonal": -2.0}),
        ("dip_vae_ii", {"diagonal": -2.0}),
    ],
)
def test_negative_weights_are_refused(name, settings):
    (setting,) = settings
    with pytest.raises(UsageError, match=rf"objective\.{setting} = .* is negative"):
        create(name, parse("R^2"), 100, **settings)
