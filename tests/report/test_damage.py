"""What is damaged in a run folder is named in one line, and nothing good is replaced by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.cli.main import main, run_program
from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.run import Run
from submission.training import Settings, train


@pytest.fixture
def folder(tmp_path: Path) -> Run:
    """A run of two updates."""
    settings = Settings(
        TrainSettings(steps=2, batch_size=8, precision="float32"),
        DataSettings("dsprites_small"),
        ModelSettings("R^2", "mlp_small"),
    )
    return train(settings, tmp_path / "run")


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def complaint(run: Callable[[], int], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails."""
    assert run() != 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def test_a_damaged_checkpoint_is_neither_exported_nor_reported(folder: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = folder.exported_file.read_bytes()
    flip(folder.checkpoint_file)
    for arguments in (["export", str(folder.path), "--formats", "pt"], ["report", str(folder.path)]):
        line = complaint(lambda arguments=arguments: main(arguments), capsys)  # type: ignore[misc]
        assert "checkpoint.pt is damaged (its checksum is wrong)" in line
        assert "--resume" in line
    assert folder.exported_file.read_bytes() == before
    folder.checkpoint_file.unlink()
    assert "checkpoint.pt is missing" in complaint(lambda: main(["report", str(folder.path)]), capsys)


def test_changed_bits_of_an_export_are_seen(folder: Run, capsys: pytest.CaptureFixture[str]) -> None:
    flip(folder.exported_file)
    line = complaint(
        lambda: run_program("evaluate", [str(folder.path), "--preset", "fast", "--metrics", "mig"]), capsys
    )
    assert "pytorch_model.pt is damaged: a member has a wrong checksum" in line


def test_a_run_that_lost_its_checkpoints_is_not_trained_over(folder: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = folder.exported_file.read_bytes()
    for checkpoint in folder.path.glob("checkpoint*.pt"):
        checkpoint.unlink()
    line = complaint(lambda: run_program("train", ["--resume", "--out", str(folder.path)]), capsys)
    assert "has no checkpoint, so that its run cannot be resumed" in line
    assert folder.exported_file.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "dsprites"}, "dataset in"),
        ({"representation": []}, "representation in"),
        ({"seed": "x"}, "seed in"),
        ({"training": None}, "training in"),
        ({"space": ...}, "lacks 'space'"),
        ({"model": {}}, "lacks 'model.networks'"),
        ({"format": 2}, "has format 2, this version reads 1"),
    ],
)
def test_a_meta_file_that_is_none_is_named(
    changes: dict[str, object], words: str, folder: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    meta = {key: value for key, value in (json.loads(folder.meta_file.read_text()) | changes).items() if value != ...}
    folder.meta_file.write_text(json.dumps(meta))
    line = complaint(lambda: main(["report", str(folder.path)]), capsys)
    assert words in line
    assert "meta.json" in line


def test_blocks_that_are_none_are_named(folder: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for blocks in ("abc", [{}], [{"name": "a", "start": 0, "stop": "1"}]):
        meta = json.loads(folder.meta_file.read_text())
        folder.meta_file.write_text(json.dumps(meta | {"representation": {"blocks": blocks}}))
        line = complaint(
            lambda: run_program("evaluate", [str(folder.path), "--preset", "fast", "--metrics", "mig"]), capsys
        )
        assert "representation.blocks" in line
        assert "meta.json" in line


@pytest.mark.usefixtures("blank_pictures")
def test_a_report_ignores_lines_that_are_not_log_rows(folder: Run) -> None:
    folder.config_file.unlink()
    folder.log_file.write_bytes(b'null\n\xff\xfe\n{"step": 1, "loss": 2.0}\n')
    assert main(["report", str(folder.path)]) == 0


def test_scores_of_other_data_or_precision_have_files_of_their_own(folder: Run) -> None:
    base = [str(folder.path), "--preset", "fast", "--metrics", "mig", "--no-baselines"]
    assert run_program("evaluate", base) == 0
    assert run_program("evaluate", [*base, "--data", "dsprites_small"]) == 0
    assert run_program("evaluate", [*base, "--data", "sprites_torus"]) == 0
    names = sorted(path.name for path in folder.scores_folder.iterdir())
    assert names == ["fast-0-mig-sprites_torus.json", "fast-0-mig.json"]
