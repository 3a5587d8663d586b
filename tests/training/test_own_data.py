"""A run on a file of the user's finds it again: from any folder, under any spelling of its path, and after it moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from submission import checkpoint
from submission.cli.main import run_program
from submission.run import Run

TINY = [
    *("--bind=model.space='R^2'", "--bind=model.networks='mlp_small'", "--bind=train.steps=4"),
    *("--bind=train.batch_size=16", "--precision=float32", "--device=cpu"),
]
SCORE = ["--metrics=mig", "--no-baselines"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a run in ``run`` on the file ``own.npz``, and an empty folder beside it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    cells = np.stack(np.unravel_index(np.arange(32), (4, 8)), 1)
    np.savez("own.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8) * 255, factors=cells)
    assert run_program("train", ["--config=demo", "--data=own.npz", *TINY, "--out=run"]) == 0
    return tmp_path


def test_another_folder_and_another_spelling(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = ["--config=demo", *TINY, "--out=run", "--resume"]
    assert run_program("train", [*again, "--data=../mine/own.npz"]) == 0
    assert run_program("evaluate", ["run", "--data=own.npz", *SCORE]) == 0
    monkeypatch.chdir(place / "elsewhere")
    run = str(place / "mine" / "run")
    assert run_program("train", ["--resume", "--out", run]) == 0
    assert run_program("evaluate", [run, *SCORE]) == 0
    assert [file.name for file in Run(Path(run)).scores_folder.iterdir()] == ["challenge-0-mig.json"]


def test_a_file_that_moved(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "mine" / "own.npz").rename(place / "elsewhere" / "own.npz")
    assert run_program("evaluate", ["run", *SCORE]) == 1
    assert f"error: there is no file {place}/mine/own.npz — check" in capsys.readouterr().err
    for words in (["evaluate", "run", *SCORE], ["train", "--resume", "--out=run"]):
        assert run_program(words[0], [*words[1:], "--data-root=../elsewhere"]) == 0
    np.savez("own.npz", images=np.zeros((32, 8, 8), np.uint8))
    assert run_program("train", ["--resume", "--out=run"]) == 2
    assert "data.checksum" in capsys.readouterr().err


def test_a_run_that_remembers_a_relative_path(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Run(place / "mine" / "run")
    meta, state = folder.meta, checkpoint.load(folder.checkpoint_file)[0]
    folder.write_meta(replace(meta, dataset=replace(meta.dataset, name="own.npz")))
    old = folder.config_text.replace(str(place / "mine" / "own.npz"), "own.npz")
    folder.config_file.write_text(old)
    checkpoint.save(folder.checkpoint_file, state | {"config": old, "data": state["data"] | {"data.name": "own.npz"}})
    assert run_program("train", ["--resume", "--out=run"]) == 0
    assert run_program("evaluate", ["run", *SCORE]) == 0
    monkeypatch.chdir(place / "elsewhere")
    run, root = str(folder.path), f"--data-root={place / 'mine'}"
    assert run_program("evaluate", [run, *SCORE]) == 1
    assert run_program("evaluate", [run, *SCORE, root]) == 0
    assert run_program("train", ["--resume", "--out", run, root]) == 0
