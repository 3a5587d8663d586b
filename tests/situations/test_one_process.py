"""Training and scoring in one Python process: its own file is no stranger's, every other one is."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch

import submission
from submission.progress import QUIET
from submission.run import Run

WARNING = "is a program and runs with your rights"
SMALL = ["train.steps = 2", "train.batch_size = 8", "data.simple = True", "model.networks = 'mlp_small'"]
SCORED = {"metrics": ["mig"], "preset": "fast", "baselines": False, "progress": QUIET}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that this process trained."""
    bind = [*SMALL, "data.name = 'torus_pictures'", "model.space = 'R^3'", "export.mode = ''"]
    return submission.train("demo", tmp_path / "run", bind=bind, device="cpu", progress=QUIET)


def test_own_runs_are_scored_without_a_warning(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    submission.evaluate(run, **SCORED)
    submission.evaluate(run, metrics=["mig"], preset="fast", progress=QUIET)  # the untrained encoder, too
    moved = shutil.copytree(run.path, tmp_path / "elsewhere")
    submission.evaluate(moved, **SCORED)
    assert WARNING not in caplog.text


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_file_that_is_not_the_one_written_here_is_a_program(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """The same folder with the same encoder, saved by somebody else."""
    caplog.set_level(logging.WARNING)
    content = run.exported_file.read_bytes()
    module = torch.jit.load(run.exported_file)
    torch.jit.save(module, run.exported_file)
    assert run.exported_file.read_bytes() != content
    submission.evaluate(run, **SCORED)
    assert WARNING in caplog.text
