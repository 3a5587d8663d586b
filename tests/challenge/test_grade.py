"""The grader's variables in, a submission that its evaluator accepts out, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.challenge import behaviour
from submission.challenge.grade import grade
from submission.errors import SubmissionError, UsageError
from submission.export.parity import difference, evaluator_images
from submission.export.torchscript import load_torchscript

ROOT = Path(__file__).resolve().parents[2]


def variables(tmp_path: Path, **more: str) -> dict[str, str]:
    """A quick run on a small data set that needs no files."""
    return {
        "AICROWD_OUTPUT_PATH": str(tmp_path / "shared"),
        "AICROWD_EVALUATION_NAME": "mine",
        "AICROWD_DATASET_NAME": "dsprites_small",
        "DISENTANGLEMENT_LIB_DATA": str(tmp_path / "data"),
        "AICROWD_CUDA": "False",
        "SUBMISSION_BIND": "train.steps = 3; train.batch_size = 8; model.networks = 'mlp_small'",
        **more,
    }


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_entry_point_writes_what_the_evaluator_reads(tmp_path: Path) -> None:
    """run.sh by itself, as the image starts it; then the evaluator's own way of loading and calling."""
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**variables(tmp_path), "PATH": paths, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [str(ROOT / "run.sh")], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Training Start...", "Training Progress : 0.0"]
    assert lines[-3:-1] == ["Training Progress : 1.0", "AIcrowd Submit"]
    folder = tmp_path / "shared" / "mine" / "representation"
    assert sorted(path.name for path in folder.iterdir()) == ["pytorch_model.pt", "results"]
    images = np.random.RandomState(0).rand(5, 64, 64, 1)
    model = torch.jit.load(str(folder / "pytorch_model.pt")).cpu()
    codes = model(torch.from_numpy(np.moveaxis(images, 3, 1)).float()).cpu().numpy()
    assert codes.ndim == 2
    assert len(codes) == 5


@pytest.mark.usefixtures("quick")
def test_a_second_start_continues(tmp_path: Path) -> None:
    lines: list[str] = []
    first = grade(variables(tmp_path), lines.append)
    assert first.meta.training.steps == 3
    before = load_torchscript(first.exported_file)
    again = grade(variables(tmp_path), lines.append)
    assert difference(before, load_torchscript(again.exported_file), evaluator_images(3, (1, 64, 64))) == 0
    assert again.meta.training.steps == 3
    assert lines.count("AIcrowd Submit") == 2


@pytest.mark.usefixtures("quick")
def test_a_time_budget_ends_the_run(tmp_path: Path) -> None:
    bind = "train.steps = 100000000; train.batch_size = 8; model.networks = 'mlp_small'"
    folder = grade(variables(tmp_path, SUBMISSION_BIND=bind, SUBMISSION_TIME_BUDGET="4s"), lambda line: None)
    assert folder.meta.training.ended_by == "time budget"
    assert folder.exported_file.is_file()


def test_failures_are_events_and_errors(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(SubmissionError, match="cars"):
        grade(variables(tmp_path, AICROWD_DATASET_NAME="cars3d"), lines.append)
    assert lines[-1].startswith("Execution Error : ")
    assert "AIcrowd Submit" not in lines
    with pytest.raises(UsageError, match="AICROWD_CUDA"):
        grade(variables(tmp_path, AICROWD_CUDA="perhaps"), lines.append)
    (tmp_path / "file").touch()
    with pytest.raises(SubmissionError, match="file"):
        grade(variables(tmp_path, AICROWD_OUTPUT_PATH=str(tmp_path / "file")), lines.append)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure speed for a moment only."""
    monkeypatch.setattr(behaviour, "TIMED_SECONDS", 0.05)
