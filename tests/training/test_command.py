"""``train.py``: what it prints, which exit codes it ends with, and that one line tells what was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission import progress
from submission.cli.main import run_program
from submission.configuration import configurations
from submission.run import Run

QUICK = ["model.space='R^2'", "model.networks='mlp_small'", "train.precision='float32'", "train.batch_size=16"]
BINDS = [word for bind in QUICK for word in ("--bind", bind)]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A run of four updates."""
    (tmp_path / "quick.gin").write_text(
        "# Quick.\ndata.name = 'dsprites_small'\ntrain.steps = 4\ntrain.log_every = 2\n"
    )
    return str(tmp_path / "quick.gin")


def test_it_trains_and_prints_the_paths(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "WORTH_A_LINE", 0.0)
    assert run_program("train", ["--config", config, *BINDS, "--seed", "5"]) == 0
    printed = capsys.readouterr()
    assert "trained 4 updates (64 images)" in printed.out
    assert "python -m submission evaluate runs/quick" in printed.out
    assert "images/s" in printed.err
    folder = Run.open("runs/quick")
    assert folder.meta.seed == 5
    assert "train.seed = 5\n" in folder.config_file.read_text()
    assert "model.space = 'R^2'\n" in folder.config_file.read_text()
    assert run_program("train", ["--resume", "--out", "runs/quick"]) == 0
    assert run_program("train", ["--config", "runs/quick/config.gin", "--out", "again"]) == 0
    assert Run.open("again").config_file.read_text() == folder.config_file.read_text()


def test_the_list_shows_every_run_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("train", ["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(configurations())
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--config is missing"),
        (["--resume"], "--resume needs a run folder — pass its folder"),
        (["--out", "x"], "--config is missing"),
        (["--out", "x", "--resume"], "x is not a run folder, so that it cannot be resumed"),
        (["--config", "dmeo"], "did you mean demo"),
        (["--config", "demo", "--bind", "train.stesp=3"], "did you mean train.steps"),
        (["--config", "demo", "--data", "dsprites_ful"], "did you mean dsprites_full"),
        (["--config", "demo", "--time-budget", "long"], "invalid duration 'long'"),
        (["--config", "demo", "--time-budget", ""], "invalid duration ''"),
        (["--config", "demo", "--together"], "--together has no effect without --seeds"),
        (["--config", "demo", "--no-together"], "--together has no effect without --seeds"),
        (["--config", "demo", "--seed", "-1"], "train.seed must be an integer in [0, 2**32 - 1], got -1"),
        (["--config", "demo", "--device", "abacus"], "device 'abacus' cannot be used"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_program("train", words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept")
    assert run_program("train", ["--config", config, *BINDS, "--out", str(tmp_path / "file" / "run")]) == 1
    assert "cannot write" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"
