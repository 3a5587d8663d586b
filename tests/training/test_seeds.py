"""``train.py --seeds``: each run is, bit for bit, what it would be alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from submission import checkpoint
from submission.cli.main import main
from submission.run_folder import RunFolder

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
    assert [RunFolder.open(folder).meta()["seed"] for folder in folders] == [3, 4]
    alone, first, second = (weights(folder) for folder in (tmp_path / "alone", *folders))
    assert all(torch.equal(second[name], weight) for name, weight in alone.items())
    assert any(not torch.equal(first[name], weight) for name, weight in alone.items())


def test_several_seeds_can_be_resumed(tmp_path: Path) -> None:
    chosen = [*TINY, "--precision=float32", f"--out={tmp_path}"]
    assert main([*chosen, "--seeds=0:1"]) == 0
    before = weights(tmp_path / "seed_0")
    assert main([*chosen, "--seeds=0:2", "--resume"]) == 0
    assert all(torch.equal(weight, before[name]) for name, weight in weights(tmp_path / "seed_0").items())
    assert RunFolder.open(tmp_path / "seed_1").meta()["training"]["steps"] == 4


@pytest.mark.parametrize("arguments", [["--seeds=5"], ["--seeds=4:4"], ["--seeds=a:b"], ["--seeds=0:2", "--seed=1"]])
def test_seeds_that_mean_nothing_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TINY, *arguments, f"--out={tmp_path / 'run'}"]) == 2
    assert "--seed" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
