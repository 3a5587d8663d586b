"""Seeds trained as one program: each is what it would be alone, and its folder cannot be told from a single run's."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.cli.main import main
from submission.errors import SubmissionError, UsageError
from submission.export.torchscript import load_torchscript
from submission.objectives import Linear
from submission.objectives.beta_vae import BetaVAE
from submission.run import TrainingMeta
from submission.training import Settings, StoppedError, train, train_together
from submission.training import train as train_alone

Make = Callable[..., Any]
SEEDS = (3, 4, 7)
KINDS: dict[str, tuple[str, str, str, dict[str, object]]] = {
    "warm-up": ("beta_vae", "R^2", "mlp_small", {"beta": Linear(0.0, 4.0)}),
    "capacity on spheres": (
        "capacity",
        "S^2 x R^1",
        "mlp_small",
        {"beta": 10.0, "capacity": Linear(0.0, 5.0, steps=8)},
    ),
    "total correlation": ("beta_tcvae", "R^3", "mlp_small", {"beta": 2.0}),
    "covariances": ("dip_vae_ii", "R^2", "mlp_small", {"diagonal": 3.0}),
    "capacity and correlation": ("capacity_tc", "T^2", "mlp_small", {"capacity": 4.0}),
    "learned exponents": ("beta_vae", "ISA(2x2; learn=true)", "mlp_small", {}),
    "convolutions": ("free_bits", "S^1", "conv", {"free": 0.1}),
}


def of_kind(settings: Make, kind: str, **changes: object) -> Settings:
    """Settings of a short run of one of the kinds."""
    objective, space, networks, options = KINDS[kind]
    made: Settings = settings(objective, options, **{"steps": 8, **changes})
    return replace(made, model=replace(made.model, space=space, networks=networks))


def alone(settings: Settings, seed: int, out: Path, dots: Make, **more: Any) -> Path:
    """The folder of the run of one seed."""
    own = replace(settings, train=replace(settings.train, seed=seed))
    return train(own, out / f"alone_{seed}", data=dots(), **more).path


def log(folder: Path) -> list[dict[str, float]]:
    """What was logged, without the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "second" not in key} for line in lines]


def assert_alike(one: Path, other: Path) -> None:
    """Two runs have the same weights and moments up to rounding, the same random numbers exactly, and the same log.

    Adam divides a gradient by its size, so that a weight whose gradient is about nothing moves as rounding has it: by
    less than a tenth of one update here, and few weights do.
    """
    first, second = (checkpoint.read(folder / "checkpoint.pt") for folder in (one, other))
    assert first.keys() == second.keys()
    assert first["config"] == second["config"]
    for name, weight in first["model"].items():
        difference = (weight - second["model"][name]).abs()
        assert difference.max() < 1e-4
        assert difference.mean() < 1e-6
    torch.testing.assert_close(first["optimizer"]["state"], second["optimizer"]["state"], rtol=1e-2, atol=1e-4)
    assert first["optimizer"]["param_groups"] == second["optimizer"]["param_groups"]
    assert torch.equal(first["random"]["torch"], second["random"]["torch"])
    for ours, theirs in zip(log(one), log(other), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_three_is_what_it_would_be_alone(kind: str, tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = of_kind(settings, kind)
    folders = train_together(chosen, SEEDS, tmp_path / "many", data=dots())
    assert [folder.path.name for folder in folders] == ["seed_3", "seed_4", "seed_7"]
    for seed, folder in zip(SEEDS, folders, strict=True):
        assert_alike(folder.path, alone(chosen, seed, tmp_path, dots))


def test_bfloat16_products_follow_the_single_step(tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = settings(precision="bfloat16", steps=4)
    folders = train_together(chosen, SEEDS[:2], tmp_path / "many", data=dots())
    state = checkpoint.read(folders[1].checkpoint_file)
    other = checkpoint.read(alone(chosen, SEEDS[1], tmp_path, dots) / "checkpoint.pt")
    assert all(weight.dtype == torch.float32 for weight in state["model"].values())
    for name, weight in state["model"].items():  # Adam moves a weight by at most 1e-3 an update, whatever rounding does
        torch.testing.assert_close(weight, other["model"][name], rtol=0, atol=8e-3)
    last, single = log(folders[1].path)[-1], log(tmp_path / "alone_4")[-1]
    assert last["loss"] == pytest.approx(single["loss"], rel=0.02)


def test_folders_are_complete_and_differ_by_seed(tmp_path: Path, settings: Make, dots: Make) -> None:
    data = dots()
    folders = train_together(settings(held_out=16), SEEDS, tmp_path, data=data)
    images = torch.from_numpy(data.observations(np.arange(64))).movedim(3, 1)
    codes = []
    for seed, folder in zip(SEEDS, folders, strict=True):
        meta, model = folder.meta, folder.model()
        assert meta.seed == seed
        ending = replace(meta.training, seconds=0, best_step=None, best_elbo=None)
        assert ending == TrainingMeta(12, 288, 0, 1.0, 0.0, True, "steps")
        assert f"train.seed = {seed}\n" in folder.config_file.read_text()
        codes.append(load_torchscript(folder.exported_file)(images))
        expected = model.space.representation(model.encode(images), meta.representation.mode)
        torch.testing.assert_close(codes[-1], expected)
        assert folder.components_file.is_file()
        assert len(folder.validation_file.read_text().splitlines()) > 2
        assert (
            folder.checkpoint_file.stat().st_size
            < 1.1 * alone(settings(held_out=16), seed, tmp_path, dots).joinpath("checkpoint.pt").stat().st_size
        )
    assert not any(torch.allclose(codes[0], other) for other in codes[1:])


def fail_at(step: int) -> Callable[[int], None]:
    """A hook that loses the data at an update."""

    def hook(asked: int) -> None:
        if asked == step + 2:  # three fingerprints and one probe batch, where a run alone has one of each
            raise OSError(5, "Input/output error")

    return hook


def test_an_interrupted_group_goes_on_together_or_one_by_one(tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = settings()
    whole = train_together(chosen, SEEDS, tmp_path / "whole", data=dots())
    for name in ("together", "single"):
        with pytest.raises(SubmissionError, match="images of update 7 cannot be read"):
            train_together(chosen, SEEDS, tmp_path / name, data=dots(fail_at(7)))
        assert checkpoint.read(tmp_path / name / "seed_4" / "checkpoint.pt")["step"] == 6
    resumed = train_together(chosen, SEEDS, tmp_path / "together", data=dots(), resume=True)
    for before, after in zip(whole, resumed, strict=True):
        first, second = (checkpoint.read(folder.checkpoint_file) for folder in (before, after))
        assert all(torch.equal(weight, second["model"][name]) for name, weight in first["model"].items())
    own = replace(chosen, train=replace(chosen.train, seed=4))
    folder = train_alone(own, tmp_path / "single" / "seed_4", data=dots(), resume=True)
    assert_alike(folder.path, whole[1].path)
    with pytest.raises(UsageError, match=r"are at different updates.*--no-together"):
        train_together(chosen, SEEDS, tmp_path / "single", data=dots(), resume=True)


def test_a_signal_saves_and_exports_every_seed(tmp_path: Path, settings: Make, dots: Make) -> None:
    def stop(asked: int) -> None:
        if asked == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError, match=r"--resume --seeds 3:5 --together --out"):
        train_together(settings(checkpoint_every=60.0), SEEDS[:2], tmp_path, data=dots(stop))
    for seed in SEEDS[:2]:
        assert checkpoint.read(tmp_path / f"seed_{seed}" / "checkpoint.pt")["step"] > 3
        assert (tmp_path / f"seed_{seed}" / "representation" / "pytorch_model.pt").is_file()


def test_time_for_all_is_kept_in_reserve(tmp_path: Path, settings: Make, dots: Make) -> None:
    alone(settings(), SEEDS[0], tmp_path, dots)  # a process's first export takes seconds, and the reserve twice as many
    folders = train_together(settings(steps=10**9), SEEDS[:2], tmp_path / "many", data=dots(), time_budget=6.0)
    assert {folder.meta.training.ended_by for folder in folders} == {"time budget"}
    assert all(folder.exported_file.is_file() for folder in folders)


def test_a_seed_whose_loss_is_not_finite_ends_the_group_with_its_folder_named(
    tmp_path: Path, settings: Make, dots: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss_from, weighed = BetaVAE.loss_from, []

    def broken(self: BetaVAE, *inputs: Any) -> Any:
        terms = loss_from(self, *inputs)
        weighed.append(1)
        if len(weighed) == 3 * 6 + 2:  # the second of three seeds, at update 6
            terms.scalars["kl"] = terms.scalars["kl"] * float("nan")
        return terms

    monkeypatch.setattr(BetaVAE, "loss_from", broken)
    with pytest.raises(SubmissionError, match=r"update 6 gave kl = nan; .*seed_4/failure.json"):
        train_together(settings(), SEEDS, tmp_path, data=dots())
    assert [folder.name for folder in tmp_path.iterdir() if (folder / "failure.json").exists()] == ["seed_4"]
    assert all(checkpoint.read(tmp_path / f"seed_{seed}" / "checkpoint.pt")["step"] == 6 for seed in SEEDS)


@pytest.mark.parametrize(
    ("objective", "changes", "message"),
    [
        ("factor_vae", {}, "'factor_vae' learns weights"),
        ("beta_vae", {"held_out": 8, "patience": 1.0}, "early stopping"),
    ],
)
def test_what_ends_or_learns_on_its_own_is_refused(
    objective: str, changes: dict[str, object], message: str, tmp_path: Path, settings: Make, dots: Make
) -> None:
    with pytest.raises(UsageError, match=message):
        train_together(settings(objective, **changes), SEEDS, tmp_path / "out", data=dots())
    assert not (tmp_path / "out").exists()


def test_the_command_trains_together_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--config=demo", "--data=torus_pictures", "--bind=data.simple=True", "--bind=model.space='R^2'"]
    words += ["--bind=model.networks='mlp_small'", "--bind=train.steps=4", "--bind=train.batch_size=16", "--device=cpu"]
    words += ["--precision=float32", "--seeds=0:2", f"--out={tmp_path}", "--together"]
    assert main(words) == 0
    assert capsys.readouterr().out.count("trained 4 updates (64 images)") == 2
    assert main(words) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert main(["train", "--resume", "--together", "--seeds=0:2", "--device=cpu", f"--out={tmp_path}"]) == 0
