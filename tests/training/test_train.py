"""A run leaves a complete folder, and a run that was interrupted anywhere ends with the same weights, bit for bit."""

from __future__ import annotations

import functools
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.errors import SubmissionError
from submission.export.torchscript import load_torchscript
from submission.objectives import Linear
from submission.run import Run, TrainingMeta
from submission.training import Settings, StoppedError, train
from submission.training.randomness import Order

Make = Callable[..., Any]
OBJECTIVES: dict[str, dict[str, object]] = {
    "beta_vae": {"beta": Linear(0.0, 4.0)},
    "capacity": {"beta": 10.0, "capacity": Linear(0.0, 5.0, steps=8)},
    "beta_tcvae": {},
    "factor_vae": {"width": 8, "depth": 2},
    "dip_vae_i": {"off_diagonal": Linear(0.0, 4.0)},
    "dip_vae_ii": {},
    "capacity_tc": {"capacity": Linear(0.0, 5.0, steps=8)},
}


def weights(folder: Path) -> dict[str, Any]:
    """What decides the rest of a run, of the checkpoint in ``folder``."""
    state = checkpoint.read(folder / "checkpoint.pt")
    return {key: state[key] for key in ("step", "model", "objective", "optimizer", "random")}


def assert_equal(first: Any, second: Any) -> None:
    """Bitwise equality of nested containers of tensors."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    else:
        assert first == second


def fail_at(step: int) -> Callable[[int], None]:
    """A hook that loses the data at an update."""

    def hook(asked: int) -> None:
        if asked == step:
            raise OSError(5, "Input/output error")

    return hook


def test_the_folder_holds_what_it_promises(tmp_path: Path, settings: Make, dots: Make) -> None:
    data = dots()
    folder = train(settings(), tmp_path / "run", data=data)
    meta = folder.meta
    assert meta.dataset.factor_sizes == (8, 8)
    assert meta.dataset.image_shape == (8, 8, 1)
    assert meta.space == "R^2"
    assert meta.seed == 3
    assert meta.representation.width == 2
    assert replace(meta.training, seconds=0) == TrainingMeta(12, 288, 0, 1.0, 0.0, True, "steps")
    assert (folder.representation_folder / "results").is_dir()
    images = torch.from_numpy(data.observations(np.arange(64))).movedim(3, 1)
    model = folder.model()
    codes = model.space.representation(model.encode(images), meta.representation.mode)
    torch.testing.assert_close(load_torchscript(folder.exported_file)(images), codes)
    assert not torch.allclose(load_torchscript(folder.path / meta.untrained)(images), codes)
    lines = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert {"loss", "reconstruction", "kl", "beta", "images_per_second", "fraction", "epoch"} <= lines[0].keys()


def test_it_learns_and_the_seed_decides_everything(tmp_path: Path, settings: Make, dots: Make) -> None:
    def losses(name: str, **changes: object) -> list[float]:
        folder = train(settings(steps=60, log_every=20, **changes), tmp_path / name, data=dots())
        return [json.loads(line)["loss"] for line in folder.log_file.read_text().splitlines()]

    first = losses("a")
    assert first[-1] < 0.5 * first[0]
    assert losses("b") == first
    assert losses("c", seed=4) != first


@pytest.mark.parametrize(
    ("objective", "precision", "batch_size"),
    [
        *((name, "float32", 24) for name in OBJECTIVES),
        ("factor_vae", "bfloat16", 24),
    ],
)
def test_a_run_that_lost_its_data_resumes_to_the_same_weights(
    objective: str, precision: str, batch_size: int, tmp_path: Path, settings: Make, dots: Make
) -> None:
    chosen: Settings = settings(objective, OBJECTIVES[objective], precision=precision, batch_size=batch_size)
    train(chosen, tmp_path / "whole", data=dots())
    with pytest.raises(SubmissionError, match=r"images of update 7 cannot be read.*Input/output error.*--resume"):
        train(chosen, tmp_path / "broken", data=dots(fail_at(7)))
    assert checkpoint.read(tmp_path / "broken" / "checkpoint.pt")["step"] == 6
    folder = train(chosen, tmp_path / "broken", data=dots(), resume=True)
    assert_equal(weights(folder.path), weights(tmp_path / "whole"))
    steps = [json.loads(line)["step"] for line in folder.log_file.read_text().splitlines()]
    assert steps == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_saves_exports_and_resumes_to_the_same_weights(
    number: int, code: int, tmp_path: Path, settings: Make, dots: Make, request: pytest.FixtureRequest
) -> None:
    train(settings(), tmp_path / "whole", data=dots())
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    request.addfinalizer(functools.partial(signal.signal, number, signal.signal(number, usual)))  # not nohup's, say

    def stop(asked: int) -> None:
        if asked == 5:
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match="after update 6 of 12; all is saved — continue with") as caught:
        train(settings(), tmp_path / "run", data=dots(stop))
    assert caught.value.exit_code == code
    assert load_torchscript(tmp_path / "run" / "representation" / "pytorch_model.pt")(torch.rand(2, 1, 8, 8)).shape == (
        2,
        2,
    )
    folder = train(settings(), tmp_path / "run", data=dots(), resume=True)
    assert_equal(weights(folder.path), weights(tmp_path / "whole"))
    assert folder.meta.training.finished


def test_a_second_ctrl_c_interrupts_at_once(tmp_path: Path, settings: Make, dots: Make) -> None:
    def stop(asked: int) -> None:
        if asked == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)  # a shell starts what goes on in the background with SIGINT ignored
    with pytest.raises(KeyboardInterrupt):
        train(settings(), tmp_path / "run", data=dots(stop))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_loss_that_is_not_finite_keeps_the_last_state_and_saves_the_batch(
    tmp_path: Path, settings: Make, dots: Make
) -> None:
    chosen = settings(learning_rate=1e12, steps=40, log_every=4)
    with pytest.raises(SubmissionError, match=r"update \d+ gave .* = (nan|inf|-inf).*failure\.json"):
        train(chosen, tmp_path / "run", data=dots())
    failure = json.loads((tmp_path / "run" / "failure.json").read_text())
    state = checkpoint.read(tmp_path / "run" / "checkpoint.pt")
    assert state["step"] <= failure["step"]
    assert all(value.isfinite().all() for value in state["model"].values())
    assert len(failure["indices"]) == 24
    assert failure["indices"] == Order(64, chosen.train.seed).indices(failure["step"], 24).tolist()
    assert any(not np.isfinite(float(value)) for value in failure["terms"].values())


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path, settings: Make, dots: Make) -> None:
    with pytest.raises(SubmissionError, match=r"update 0 gave weights = nan"):
        train(settings(learning_rate=1e39, steps=1), tmp_path / "run", data=dots())
    assert checkpoint.read(tmp_path / "run" / "checkpoint.pt")["step"] == 0


def test_a_folder_that_is_being_trained_is_refused(tmp_path: Path, settings: Make, dots: Make) -> None:
    with Run(tmp_path / "run").lock(), pytest.raises(SubmissionError, match="is being trained by process"):
        train(settings(), tmp_path / "run", data=dots(), resume=True)
    assert [file.name for file in (tmp_path / "run").iterdir()] == [".lock"]


def test_a_folder_that_holds_a_run_is_left_alone(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(steps=2), tmp_path / "run", data=dots())
    before = {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    with pytest.raises(SubmissionError, match=r"already holds a run .*--resume"):
        train(settings(), tmp_path / "run", data=dots())
    for changed, message in [
        (settings(steps=2, learning_rate=0.5), r"train\.learning_rate: 0\.001 → 0\.5"),
        (settings("capacity", steps=2), r"objective\.name: 'beta_vae' → 'capacity'"),
    ]:
        with pytest.raises(SubmissionError, match=f"cannot be resumed, because these differ: {message}"):
            train(changed, tmp_path / "run", data=dots(), resume=True)
    other = dots()
    other.name = "stripes"
    with pytest.raises(SubmissionError, match=r"data\.name: dots → stripes"):
        train(settings(steps=2), tmp_path / "run", data=other, resume=True)
    assert {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()} == before


def test_another_release_or_another_format_is_refused(
    tmp_path: Path, settings: Make, dots: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(settings(steps=2), tmp_path / "run", data=dots())
    state = checkpoint.read(folder.checkpoint_file)
    for name, ours in {"torch": "2", "submission": "0"}.items():
        checkpoint.save(folder.checkpoint_file, state | {"versions": state["versions"] | {name: "1.13.1"}})
        with pytest.raises(SubmissionError, match=rf"because these differ: {name}: 1\.13 → {ours}\.\d+ — "):
            train(settings(steps=2), folder.path, data=dots(), resume=True)
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    with pytest.raises(SubmissionError, match="has checkpoint format 1, this version reads 99"):
        train(settings(steps=2), folder.path, data=dots(), resume=True)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(), tmp_path / "run", data=dots(), resume=True)
    before, log = weights(folder.path), folder.log_file.read_text()
    train(settings(), tmp_path / "run", data=dots(), resume=True)
    assert_equal(weights(folder.path), before)
    assert folder.log_file.read_text() == log


def test_a_time_budget_ends_in_time_with_annealing_done(tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = settings("capacity", {"capacity": Linear(0.0, 5.0)}, steps=10**9, log_every=5, checkpoint_every=60.0)
    start = time.monotonic()
    folder = train(chosen, tmp_path / "run", data=dots(), time_budget=6.0)
    assert time.monotonic() - start < 20  # the budget is the promise; the rest is for a busy machine
    ended = folder.meta.training
    assert ended.ended_by == "time budget"
    assert ended.fraction > 0.9
    assert ended.ahead == pytest.approx(ended.fraction, abs=0.001)
    lines = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions)
    assert lines[-1]["capacity"] > 4
    assert folder.exported_file.is_file()


def test_annealing_goes_on_where_a_budget_was_interrupted(tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = settings(steps=10**9, checkpoint_every=60.0)

    def stop(asked: int) -> None:
        if asked == 60:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError):
        train(chosen, tmp_path / "run", data=dots(stop), time_budget=8.0)
    before = checkpoint.read(tmp_path / "run" / "checkpoint.pt")["fraction"]
    assert before > 0
    folder = train(chosen, tmp_path / "run", data=dots(), resume=True, time_budget=4.0)
    lines = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions)
    assert next(line["fraction"] for line in lines if line["step"] > 61) >= before
    assert folder.meta.training.ahead > before - 0.001


def test_a_budget_too_short_for_an_update_exports_and_is_an_error(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = Run(tmp_path / "run")
    message = rf"too short for an update: {folder.exported_file} is an untrained encoder — .*submission train"
    with pytest.raises(SubmissionError, match=message):
        train(settings(), tmp_path / "run", data=dots(), time_budget=0.01)
    assert folder.meta.training.steps == 0
    assert folder.exported_file.is_file()


def test_bfloat16_trains_and_auto_decides_once(tmp_path: Path, settings: Make, dots: Make) -> None:
    folder = train(settings(precision="bfloat16", steps=60, log_every=20), tmp_path / "half", data=dots())
    lines = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    assert all(value.dtype == torch.float32 for value in checkpoint.read(folder.checkpoint_file)["model"].values())
    auto = train(settings(precision="auto", steps=2), tmp_path / "auto", data=dots())
    assert auto.meta.model.precision in ("float32", "bfloat16")


def test_unusable_settings_write_nothing(tmp_path: Path, settings: Make, dots: Make) -> None:
    good = settings()
    for bad, message in [
        (replace(good, model=replace(good.model, networks="mpl")), "unknown networks 'mpl'"),
        (replace(good, model=replace(good.model, space="Q^3")), "Q"),
        (replace(good, export=replace(good.export, mode="mood")), "no export mode 'mood'"),
        (replace(good, objective=replace(good.objective, name="elbow")), "unknown objective"),
    ]:
        with pytest.raises(SubmissionError, match=message):
            train(bad, tmp_path / "run", data=dots())
    with pytest.raises(SubmissionError, match="device 'tpu'"):
        train(good, tmp_path / "run", data=dots(), device="tpu")
    assert not (tmp_path / "run").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(SubmissionError, match="cannot write"):
        train(good, tmp_path / "file", data=dots())
