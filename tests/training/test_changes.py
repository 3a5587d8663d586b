"""What may change when a run is resumed, learning-rate schedules, averaged weights, and runs that start from others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from submission import checkpoint
from submission.configuration import load
from submission.configuration.settings import TrainSettings
from submission.errors import SubmissionError, UsageError
from submission.export.torchscript import load_torchscript
from submission.objectives import Constant, Cosine, Linear, TrainingPosition
from submission.training import train, train_together
from submission.training.ema import WeightAverage, share

Make = Callable[..., Any]
RATE = Cosine(0.01, 0.001, warm_up=3)


def model_of(folder: Any) -> dict[str, torch.Tensor]:
    """The trained weights of a run's checkpoint."""
    weights: dict[str, torch.Tensor] = checkpoint.read(folder.checkpoint_file)["model"]
    return weights


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Bitwise equality."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def lost_at(step: int) -> Callable[[int], None]:
    """A hook that loses the data at an update."""

    def hook(asked: int) -> None:
        if asked == step:
            raise OSError(5, "Input/output error")

    return hook


def test_an_extended_run_is_the_longer_run(
    tmp_path: Path, settings: Make, dots: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def of(steps: int) -> Any:
        return settings("beta_vae", {"warm_up": 0}, steps=steps, held_out=16)  # nothing depends on the run's length

    short = train(of(12), tmp_path / "run", data=dots(), device="cpu")
    longer = train(of(20), short.path, data=dots(), device="cpu", resume=True)
    whole = train(of(20), tmp_path / "whole", data=dots(), device="cpu")
    assert f"{short.path} continues with train.steps: 12 → 20" in caplog.text
    assert same(model_of(longer), model_of(whole))
    assert longer.settings.train.steps == 20
    assert longer.meta.training.steps == 20
    assert [row["step"] for row in longer.log()] == [row["step"] for row in whole.log()]
    assert longer.validation() == whole.validation()


def test_schedules_stay_where_they_ended(tmp_path: Path, settings: Make, dots: Make) -> None:
    options = {"capacity": Linear(0.0, 5.0)}
    train(settings("capacity", options, steps=12), tmp_path, data=dots(), device="cpu")
    folder = train(settings("capacity", options, steps=20), tmp_path, data=dots(), device="cpu", resume=True)
    capacities = [row["capacity"] for row in folder.log()]
    assert capacities == sorted(capacities)
    assert capacities[-4:] == [5.0] * 4


def test_harmless_settings_may_change_and_are_recorded(tmp_path: Path, settings: Make, dots: Make) -> None:
    with pytest.raises(SubmissionError, match="cannot be read"):
        train(settings(), tmp_path / "run", data=dots(lost_at(7)))
    changed = settings(log_every=3, checkpoint_every=60.0, tensorboard=True)
    folder = train(changed, tmp_path / "run", data=dots(), resume=True)
    assert [row["step"] for row in folder.log()] == [2, 4, 6, 9, 12]
    assert folder.settings.train.log_every == 3
    assert folder.events_folder.is_dir()
    assert same(model_of(folder), model_of(train(settings(), tmp_path / "whole", data=dots())))
    train(changed, tmp_path / "run", data=dots(), resume=True)


def test_fewer_updates_than_are_done_are_refused(tmp_path: Path, settings: Make, dots: Make) -> None:
    train(settings(), tmp_path, data=dots())
    with pytest.raises(UsageError, match=r"train\.steps = 5 means fewer updates \(5\) than are done \(12\)"):
        train(settings(steps=5), tmp_path, data=dots(), resume=True)
    with pytest.raises(
        UsageError, match=r"train\.epochs = 0\.1 means fewer updates .* — give train\.steps = 12 or more"
    ):
        train(settings(steps=0, epochs=0.1), tmp_path, data=dots(), resume=True)


def test_a_learning_rate_that_has_reached_zero_cannot_be_extended(tmp_path: Path, settings: Make, dots: Make) -> None:
    train(settings(learning_rate=Cosine(0.01)), tmp_path, data=dots())
    with pytest.raises(UsageError, match=r"learning rate has reached 0.*--init-from"):
        train(settings(learning_rate=Cosine(0.01), steps=20), tmp_path, data=dots(), resume=True)


def test_a_cosine_follows_its_formula() -> None:
    rates = [Cosine(2.0, 1.0, warm_up=10)(TrainingPosition(step, 110)) for step in (0, 4, 9, 10, 60, 110, 200)]
    assert rates == pytest.approx([0.2, 1.0, 2.0, 2.0, 1.5, 1.0, 1.0])
    assert Cosine(1.0, 0.0, steps=100)(TrainingPosition(25, 10**6)) == pytest.approx(0.8535533905932737)
    assert Cosine(1.0, 0.0, fraction=0.5)(TrainingPosition(25, 100)) == pytest.approx(0.5)


@pytest.mark.parametrize("options", [{"steps": -1}, {"fraction": 0.0}, {"warm_up": -2}, {"fraction": 1.5}])
def test_impossible_cosines_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cosine schedule"):
        Cosine(1.0, **options)


@pytest.mark.parametrize("rate", [0.0, -1.0, Linear(0.0, 0.0), Linear(0.1, -0.1), Cosine(0.1, -0.05)])
def test_learning_rates_that_are_not_positive_are_refused(rate: Any) -> None:
    with pytest.raises(UsageError, match="learning_rate"):
        TrainSettings(steps=1, learning_rate=rate)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_decays_outside_of_the_interval_are_refused(decay: float) -> None:
    with pytest.raises(UsageError, match=r"train\.ema = .* is not in \[0, 1\)"):
        TrainSettings(steps=1, ema=decay)


def test_the_rate_of_each_update_is_the_schedules(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(learning_rate=RATE, log_every=1), tmp_path, data=dots())
    expected = [RATE(TrainingPosition(step, 12)) for step in range(12)]
    assert [row["learning_rate"] for row in folder.log()] == pytest.approx(expected)
    optimizer = checkpoint.read(folder.checkpoint_file)["optimizer"]
    assert optimizer["param_groups"][0]["lr"] == expected[-1]


def test_a_constant_schedule_is_the_number(tmp_path: Path, settings: Make, dots: Make) -> None:
    scheduled = train(settings(learning_rate=Linear(0.002, 0.002)), tmp_path / "scheduled", data=dots())
    plain = train(settings(learning_rate=0.002), tmp_path / "plain", data=dots())
    assert same(model_of(scheduled), model_of(plain))


@pytest.mark.parametrize(
    ("precision", "rate"),
    [
        ("float32", RATE),
        ("bfloat16", RATE),
        ("float32", Constant(0.01)),
        ("float32", Linear(1e-4, 0.01, steps=9)),  # a warm-up that the interruption cuts in two
        ("float32", Cosine(0.01, warm_up=9)),
    ],
)
def test_schedule_and_average_resume_bit_for_bit(
    precision: str, rate: Any, tmp_path: Path, settings: Make, dots: Make
) -> None:
    chosen = settings(learning_rate=rate, ema=0.9, precision=precision, held_out=16)
    whole = train(chosen, tmp_path / "whole", data=dots(), device="cpu")
    with pytest.raises(SubmissionError, match="cannot be read"):
        train(chosen, tmp_path / "run", data=dots(lost_at(7)), device="cpu")
    folder = train(chosen, tmp_path / "run", data=dots(), device="cpu", resume=True)
    first, second = (checkpoint.read(run.checkpoint_file) for run in (folder, whole))
    for part in ("model", "average", "best_model"):
        assert same(first[part], second[part]), part
    assert [row["elbo"] for row in folder.validation()] == [row["elbo"] for row in whole.validation()]


def test_the_average_is_what_is_exported(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(ema=0.9), tmp_path, data=dots(), device="cpu")
    state, model = checkpoint.read(folder.checkpoint_file), folder.model()
    assert same(model.state_dict(), state["average"])
    assert not same(state["model"], state["average"])
    images = torch.rand(4, 1, 8, 8)
    exported = load_torchscript(folder.exported_file)(images)
    torch.testing.assert_close(exported, model.space.representation(model.encode(images), "mean"))


def test_averages_do_not_change_training(tmp_path: Path, settings: Make, dots: Make) -> None:
    averaged = train(settings(ema=0.99), tmp_path / "averaged", data=dots())
    assert same(model_of(averaged), model_of(train(settings(), tmp_path / "plain", data=dots())))


def test_the_average_follows_its_definition() -> None:
    """The mean of the first weights, then exponential: a_t = a_{t−1} + s_t·(w_t − a_{t−1})."""
    model: Any = torch.nn.Linear(2, 1)
    average, decay = WeightAverage(model), 0.75
    seen = []
    for done in range(8):
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[float(done**2), -1.0]]))
        average.update(share(decay, done))
        seen.append(average.model.weight[0, 0].item())  # type: ignore[union-attr]
    values = [float(done**2) for done in range(8)]
    expected = [sum(values[: done + 1]) / (done + 1) for done in range(4)]
    for value in values[4:]:
        expected.append(0.75 * expected[-1] + 0.25 * value)
    assert seen == pytest.approx(expected)


def test_seeds_together_have_the_schedules_and_averages_of_single_runs(
    tmp_path: Path, settings: Make, dots: Make
) -> None:
    chosen = settings(learning_rate=RATE, ema=0.9, steps=8)
    (_, folder) = train_together(chosen, (3, 4), tmp_path / "many", data=dots())
    alone = train(replace(chosen, train=replace(chosen.train, seed=4)), tmp_path / "alone", data=dots())
    first, second = (checkpoint.read(run.checkpoint_file) for run in (folder, alone))
    for part in ("model", "average"):
        for name, weight in first[part].items():
            assert (weight - second[part][name]).abs().mean() < 1e-5, (part, name)
    assert first["optimizer"]["param_groups"] == second["optimizer"]["param_groups"]


def test_a_run_starts_from_anothers_weights(tmp_path: Path, settings: Make, dots: Make) -> None:
    source = train(settings(held_out=16), tmp_path / "source", data=dots(), device="cpu")
    chosen = settings(init_from=str(source.path), learning_rate=1e-12, steps=2, seed=9)
    folder = train(chosen, tmp_path / "run", data=dots(), device="cpu")
    for name, weight in source.model().state_dict().items():
        torch.testing.assert_close(model_of(folder)[name], weight)
    images = torch.rand(4, 1, 8, 8)
    untrained, trained = (load_torchscript(file)(images) for file in (folder.untrained_file, folder.exported_file))
    assert not torch.allclose(untrained, trained)
    source.checkpoint_file.unlink()
    train(chosen, tmp_path / "run", data=dots(), device="cpu", resume=True)  # the source is needed at the start only


def test_weights_of_another_shape_are_refused(tmp_path: Path, settings: Make, dots: Make) -> None:
    source = train(settings(steps=1), tmp_path / "source", data=dots())
    chosen = settings(init_from=str(source.path))
    other = replace(chosen, model=replace(chosen.model, space="R^3"))
    with pytest.raises(UsageError, match=r"has other weights than this model \(decoder"):
        train(other, tmp_path / "run", data=dots())
    assert not (tmp_path / "run" / "config.gin").exists()
    with pytest.raises(SubmissionError, match="is not a run folder"):
        train(settings(init_from=str(tmp_path / "nowhere")), tmp_path / "run", data=dots())


def test_the_former_name_of_patience_still_works() -> None:
    with pytest.warns(FutureWarning, match=r"train\.look_ahead is now called train\.patience"):
        settings = load(["demo"], ["train.look_ahead = 5", "train.held_out = 100"])
    assert settings.train.patience == 5


def test_schedules_and_averages_are_bound_and_read_back(tmp_path: Path) -> None:
    binds = ["train.learning_rate = @rate/Cosine()", "rate/Cosine.start = 1e-3", "rate/Cosine.warm_up = 5"]
    settings = load(["demo"], [*binds, "train.ema = 0.999"])
    assert settings.train.learning_rate == Cosine(1e-3, warm_up=5)
    (tmp_path / "config.gin").write_text(settings.gin())
    assert load([str(tmp_path / "config.gin")]) == settings
    with pytest.raises(UsageError, match=r"did you mean rate/Cosine\.start"):
        load(["demo"], [*binds, "rate/Cosine.strat = 3.0"])


def test_logs_are_json(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(learning_rate=RATE, ema=0.5, log_every=4), tmp_path, data=dots())
    rows = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    assert rows[-1]["ema_share"] == 0.5
