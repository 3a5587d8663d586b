"""A run, a file of the user's, and run folders whose encoders attack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.export import engines
from submission.run import Run
from submission.training import Settings, train
from tests.security.attacks import SECRET, bodies, write_attack
from tests.security.commands import Attack


@pytest.fixture(params=["bubblewrap", "container"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Isolation by one of the two programs, where this machine has it."""
    other = {"bubblewrap": "container_engine", "container": "bubblewrap"}[request.param]
    if {"bubblewrap": engines.bubblewrap, "container": engines.container_engine}[request.param]() is None:
        missing = {"bubblewrap": "no bubblewrap that works", "container": "no engine with the image (make image)"}
        pytest.skip(missing[request.param])
    monkeypatch.setattr(engines, other, lambda: None)
    return str(request.param)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two updates, scored."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_settings = TrainSettings(steps=2, batch_size=8, precision="float32")
    train(Settings(train_settings, DataSettings("dsprites_small"), ModelSettings("S^1", "mlp_small")), folder)
    return folder


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """A file of the user's."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "notes.txt"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def attack(tmp_path: Path, user_file: Path, trained: Path) -> Attack:
    """``attack(name)``: a trained run whose exported encoder and untrained encoder are that attack."""

    def make(name: str) -> Path:
        run = Run(tmp_path / "run")
        shutil.copytree(trained, run.path)
        write_attack(bodies(user_file)[name], run.exported_file, tmp_path)
        shutil.copy(run.exported_file, run.untrained_file)
        return run.path

    return make
