"""Held-out images stay out of training, early stopping keeps the best weights, and both survive an interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.configuration.settings import DataSettings, TrainSettings
from submission.data import batches, load
from submission.data.splits import held_out
from submission.errors import SubmissionError, UsageError
from submission.export.torchscript import load_torchscript
from submission.objectives.base import ForwardPass
from submission.training import train
from submission.training.validation import Validation

Make = Callable[..., Any]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize(("size", "count"), [(64, 16), (10, 0), (10, 9)])
def test_a_split_is_a_partition_that_depends_on_the_seed_only(size: int, count: int) -> None:
    training, validation = held_out(size, count, 3)
    assert sorted([*training, *validation]) == list(range(size))
    assert len(validation) == count
    assert np.array_equal(held_out(size, count, 3)[1], validation)


def test_different_seeds_hold_out_different_images() -> None:
    assert not np.array_equal(held_out(100, 20, 1)[1], held_out(100, 20, 2)[1])


@pytest.mark.parametrize("count", [-1, 10, 11])
def test_holding_out_everything_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="cannot be held out"):
        held_out(10, count, 0)


def test_early_stopping_without_held_out_images_is_refused() -> None:
    with pytest.raises(UsageError, match="needs held-out images"):
        TrainSettings(steps=10, patience=5)


def test_two_sources_of_held_out_images_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        TrainSettings(steps=10, held_out=5, validation_split="valid")


def test_a_time_budget_leaves_time_for_the_last_look_at_held_out_images(
    dots: Make, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: Validation) -> float:
        time.sleep(2)
        ended.append(time.monotonic())
        return measured(self)

    measured, ended = Validation.elbo, list[float]()
    monkeypatch.setattr(Validation, "elbo", slow)
    monkeypatch.setattr(Validation, "due", lambda self, step, finished=False: finished)  # not at each epoch
    started = time.monotonic()
    folder = train(settings(steps=10**9, held_out=4), tmp_path / "run", data=dots(), time_budget=8.0)
    assert folder.meta.training.ended_by == "time budget"
    assert folder.validation()[-1]["step"] == folder.meta.training.steps
    assert ended[-1] - started < 8


def test_training_never_sees_the_held_out_images(dots: Make, settings: Make, tmp_path: Path) -> None:
    data, chosen = dots(), settings(held_out=16)
    asked: list[np.ndarray] = []
    images = type(data).images

    class Spied(type(data)):
        def images(self, indices):
            asked.append(np.array(indices))
            return images(self, indices)

    data.__class__ = Spied
    train(chosen, tmp_path, data=data, device="cpu")
    validation = set(held_out(64, 16, 3)[1].tolist())
    batches = [set(indices.tolist()) for indices in asked if len(indices) == 24]
    assert len(batches) > 10
    assert all(not batch & validation for batch in batches[-10:])
    assert {16} <= {len(indices) for indices in asked}


def test_the_exported_weights_are_the_best_on_held_out_images(dots: Make, settings: Make, tmp_path: Path) -> None:
    """A learning rate that diverges after a while: the last weights are not the best ones."""
    folder = train(settings(held_out=16, steps=40, learning_rate=0.05), tmp_path, data=dots(), device="cpu")
    looks = lines(folder.validation_file)
    assert [look["step"] for look in looks] == list(range(2, 41, 2))
    best = max(looks, key=lambda look: look["elbo"])
    ending = folder.meta.training
    assert (ending.best_step, ending.best_elbo) == (best["step"], best["elbo"])
    assert best["step"] < 40
    model = folder.model()
    last = checkpoint.load(folder.checkpoint_file)[0]["model"]
    assert any(not torch.equal(weight, last[name]) for name, weight in model.state_dict().items())
    images = torch.rand(4, 1, 8, 8)
    exported = load_torchscript(folder.exported_file)
    torch.testing.assert_close(exported(images), model.space.representation(model.encode(images), "mean"))


def test_the_yardstick_is_the_elbo_of_the_weights(dots: Make, settings: Make, tmp_path: Path) -> None:
    data = dots()
    folder = train(settings(held_out=16, steps=2), tmp_path, data=data, device="cpu")
    pixels = data.observations(held_out(64, 16, 3)[1])
    images = torch.from_numpy(pixels).movedim(-1, 1)
    model = folder.model()
    with torch.no_grad():
        draws = [ForwardPass.of(model, images) for _ in range(200)]
    elbos = torch.stack([(run.log_likelihood - run.kl.sum(-1)).mean() for run in draws])
    measured = lines(folder.validation_file)[0]["elbo"]
    assert measured == pytest.approx(float(elbos.mean()), abs=5 * float(elbos.std()))


def test_large_images_are_measured_in_smaller_batches(
    dots: Make, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(Validation, "_elbos", lambda _, indices: seen.append(len(indices)) or torch.zeros(len(indices)))
    for pixels in (64 * 64, 0.01):  # as if 64 × 64 images had so many
        monkeypatch.setattr(batches, "PIXELS", pixels)
        train(settings(held_out=16, steps=2), tmp_path / str(pixels), data=dots(), device="cpu")
    assert seen == [16, *16 * [1]]


def test_a_run_shorter_than_an_epoch_is_validated_once(dots: Make, settings: Make, tmp_path: Path) -> None:
    folder = train(settings(held_out=16, steps=1), tmp_path, data=dots(), device="cpu")
    assert [look["step"] for look in lines(folder.validation_file)] == [1]
    assert folder.meta.training.best_step == 1


def test_another_split_can_be_validated_on(settings: Make, shared_data: Path, tmp_path: Path) -> None:
    if not (shared_data / "mnist").is_dir():
        pytest.skip("no MNIST files")
    chosen = settings(steps=3, validation_split="valid")
    chosen = replace(chosen, data=DataSettings("mnist", {"split": "train", "binarisation": "static"}))
    folder = train(chosen, tmp_path, data_root=shared_data, device="cpu")
    valid = load("mnist", shared_data, split="valid", binarisation="static")
    model = folder.model()
    images = torch.from_numpy(valid.observations(np.arange(10_000))).movedim(-1, 1)
    with torch.no_grad():
        run = ForwardPass.of(model, images)
    elbo = float((run.log_likelihood - run.kl.sum(-1)).mean())
    assert lines(folder.validation_file)[0]["elbo"] == pytest.approx(elbo, rel=2e-3)


def test_patience_ends_training(dots: Make, settings: Make, tmp_path: Path) -> None:
    folder = train(
        settings(held_out=16, patience=3, steps=4000, learning_rate=0.05), tmp_path, data=dots(), device="cpu"
    )
    ending = folder.meta.training
    assert ending.ended_by == "early stopping"
    assert ending.finished
    assert ending.steps == ending.best_step + 3 * 2


@pytest.mark.parametrize("patience", [0.2, 0.5])
def test_patience_lasts_until_the_next_measurement(dots: Make, settings: Make, tmp_path: Path, patience: float) -> None:
    """Less than an epoch is one: nothing is measured in between. (A fifth of two updates is none, which is never.)"""
    chosen = settings(held_out=16, patience=patience, steps=4000, learning_rate=0.05)
    ending = train(chosen, tmp_path, data=dots(), device="cpu").meta.training
    assert ending.ended_by == "early stopping"
    assert ending.steps == ending.best_step + 2


def test_an_interrupted_run_stops_at_the_same_update_with_the_same_weights(
    dots: Make, settings: Make, tmp_path: Path
) -> None:
    chosen = settings(held_out=16, patience=3, steps=4000, learning_rate=0.05)
    whole = train(chosen, tmp_path / "whole", data=dots(), device="cpu")

    def lost(asked: int) -> None:
        if asked == 9:
            raise SubmissionError("gone")

    with pytest.raises(SubmissionError, match="gone"):
        train(chosen, tmp_path / "cut", data=dots(lost), device="cpu")
    cut = train(chosen, tmp_path / "cut", data=dots(), device="cpu", resume=True)
    endings = [folder.meta.training for folder in (whole, cut)]
    assert endings[0].steps == endings[1].steps
    assert endings[0].best_elbo == endings[1].best_elbo
    assert lines(whole.validation_file) == lines(cut.validation_file)
    for name, weight in whole.model().state_dict().items():
        assert torch.equal(weight, cut.model().state_dict()[name])


def test_weights_after_the_last_checkpoint_are_never_exported(dots: Make, settings: Make, tmp_path: Path) -> None:
    """Killed after a better measurement than the checkpoint knows, resumed and stopped: no weights of the lost part."""
    chosen = settings(held_out=16, steps=40)
    whole = train(chosen, tmp_path / "whole", data=dots(), device="cpu")

    def lost(asked: int) -> None:
        if asked == 30:
            raise SubmissionError("gone")

    with pytest.raises(SubmissionError, match="gone"):  # like a kill: nothing after the last checkpoint is kept
        train(settings(held_out=16, steps=40, checkpoint_every=1e6), tmp_path / "cut", data=dots(lost), device="cpu")
    assert len(lines(tmp_path / "cut" / "validation.jsonl")) > 5
    assert checkpoint.load(tmp_path / "cut" / "checkpoint.pt")[0]["validation"]["best_step"] == 0
    chosen = settings(held_out=16, steps=40, checkpoint_every=1e6)
    cut = train(chosen, tmp_path / "cut", data=dots(), device="cpu", resume=True)
    assert lines(cut.validation_file) == lines(whole.validation_file)
    for name, weight in whole.model().state_dict().items():
        assert torch.equal(weight, cut.model().state_dict()[name])


def test_damaged_best_weights_are_passed_over_with_their_checkpoint(
    dots: Make, settings: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(held_out=16, steps=40, learning_rate=0.05)
    folder = train(chosen, tmp_path, data=dots(), device="cpu")
    exported = load_torchscript(folder.exported_file)
    folder.checkpoint_file.write_bytes(folder.checkpoint_file.read_bytes()[:-9])
    with pytest.raises(SubmissionError, match=r"checkpoint\.pt is damaged.*python -m submission train --resume --out"):
        folder.model()
    train(chosen, tmp_path, data=dots(), device="cpu", resume=True)
    assert "checkpoint.pt is damaged (its checksum is wrong); continuing from update 40" in caplog.text
    images = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(load_torchscript(folder.exported_file)(images), exported(images))


def test_the_component_log_shows_each_component(dots: Make, settings: Make, tmp_path: Path) -> None:
    folder = train(settings(), tmp_path, data=dots(), device="cpu")
    log = lines(folder.components_file)
    assert [line["step"] for line in log] == [line["step"] for line in lines(folder.log_file)]
    assert all(len(line["kl"]) == len(line["scale"]) == 2 for line in log)


def test_learned_exponents_are_in_the_component_log(dots: Make, settings: Make, tmp_path: Path) -> None:
    chosen = settings(learning_rate=0.05)
    chosen = replace(chosen, model=replace(chosen.model, space="ISA(2x2; p=2.0, learn=true)"))
    folder = train(chosen, tmp_path, data=dots(), device="cpu")
    last = lines(folder.components_file)[-1]["exponent"]
    assert last == pytest.approx(folder.model().space.prior.exponents.repeat_interleave(2).tolist())
    assert max(abs(exponent - 2.0) for exponent in last) > 0.01


def test_tensorboard_events_are_written_when_asked_for(dots: Make, settings: Make, tmp_path: Path) -> None:
    with_events = train(settings(tensorboard=True), tmp_path / "with", data=dots(), device="cpu")
    without = train(settings(), tmp_path / "without", data=dots(), device="cpu")
    (file,) = with_events.events_folder.iterdir()
    assert b"reconstruction" in file.read_bytes()
    assert not without.events_folder.exists()
