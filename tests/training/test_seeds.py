"""``train.py --seeds``: each run is, bit for bit, what it would be alone."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from submission import checkpoint, training
from submission.cli.main import main
from submission.run import Run
from submission.training import NotFiniteError, StoppedError

TINY = [
    *("train", "--config=demo", "--data=torus_pictures", "--bind=data.simple=True", "--bind=model.space='R^2'"),
    *("--bind=model.networks='mlp_small'", "--bind=train.steps=4", "--bind=train.batch_size=16", "--device=cpu"),
]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    model = checkpoint.read(folder / "checkpoint.pt")["model"]
    assert isinstance(model, dict)
    return model


def test_each_seed_has_its_own_folder_and_the_weights_it_would_have_alone(tmp_path: Path) -> None:
    assert main([*TINY, "--precision=float32", "--seeds=3:5", f"--out={tmp_path / 'many'}"]) == 0
    assert main([*TINY, "--precision=float32", "--seed=4", f"--out={tmp_path / 'alone'}"]) == 0
    folders = sorted((tmp_path / "many").iterdir())
    assert [folder.name for folder in folders] == ["seed_3", "seed_4"]
    assert [Run.open(folder).meta.seed for folder in folders] == [3, 4]
    alone, first, second = (weights(folder) for folder in (tmp_path / "alone", *folders))
    assert all(torch.equal(second[name], weight) for name, weight in alone.items())
    assert any(not torch.equal(first[name], weight) for name, weight in alone.items())


def test_several_seeds_can_be_resumed(tmp_path: Path) -> None:
    chosen = [*TINY, "--precision=float32", f"--out={tmp_path}"]
    assert main([*chosen, "--seeds=0:1"]) == 0
    before = weights(tmp_path / "seed_0")
    assert main([*chosen, "--seeds=0:2", "--resume"]) == 0
    assert all(torch.equal(weight, before[name]) for name, weight in weights(tmp_path / "seed_0").items())
    assert Run.open(tmp_path / "seed_1").meta.training.steps == 4


@pytest.mark.parametrize(
    "arguments",
    [["--seeds=5"], ["--seeds=4:4"], ["--seeds=a:b"], ["--seeds=0:2", "--seed=1"], ["--seeds=4294967295:4294967297"]],
)
def test_seeds_that_mean_nothing_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TINY, *arguments, f"--out={tmp_path / 'run'}"]) == 2
    assert "--seed" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def failing(monkeypatch: pytest.MonkeyPatch, seed: int, error: Exception) -> None:
    """Let the run of one seed fail."""
    real = training.train_with

    def train_with(settings: training.Settings, *given: Any, **more: Any) -> Run:
        if settings.train.seed == seed:
            raise error
        return real(settings, *given, **more)

    monkeypatch.setattr(training, "train_with", train_with)


def test_a_seed_whose_loss_is_not_finite_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, 1, NotFiniteError("update 2 gave loss = nan", "train again"))
    for more in ([], ["--resume"]):
        assert main([*TINY, "--seeds=0:3", f"--out={tmp_path}", *more]) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert lines[0] == "error: seed 1: update 2 gave loss = nan — train again"
        assert lines[1].startswith("error: these seeds failed: 1 — ")
        assert [Run.open(tmp_path / f"seed_{seed}").meta.training.steps for seed in (0, 2)] == [4, 4]
        assert not (tmp_path / "seed_1").exists()


def test_a_row_that_was_stopped_goes_on_with_the_command_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*TINY, "--seeds=0:3", "--out=my runs", "--data-root=my data"]
    with monkeypatch.context() as patch:
        failing(patch, 1, StoppedError("stopped", "", signal.SIGTERM))
        assert main(words) == 143
    printed = capsys.readouterr()
    assert "score it with: python -m submission evaluate 'my runs/seed_0' --data-root 'my data'" in printed.out
    assert (
        "seed 1 of 0:3: stopped — continue with python -m submission train --resume --seeds 0:3 --out 'my runs'"
        in printed.err
    )
    assert main(["train", *shlex.split(printed.err.partition("submission train ")[2])]) == 0
    seeds = [Run.open(f"my runs/seed_{seed}").meta.seed for seed in range(3)]
    assert seeds == [0, 1, 2]
