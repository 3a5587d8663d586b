"""Files that take memory, loop or would outlive their parent, against every command that loads a program; sweeps."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.export import engines
from submission.run import Run
from submission.studies import Study
from submission.training import train
from tests.security.attacks import ENDLESS, bodies, write_attack
from tests.security.commands import INSIDE, LOADING, Attack, children_that_name, isolating, untouched

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore:`torch.jit")]
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3
MEMORY = 2
"""GB."""
STUDY = """
study.methods = [{"config": "demo", "label": "mine"}]
study.bind = ["data.name = 'dsprites_small'", "model.space = 'S^1'", "model.networks = 'mlp_small'",
              "train.steps = 2", "train.batch_size = 8", "train.precision = 'float32'"]
study.evaluate = "fast"
study.metrics = ["mig"]
study.seeds = 1
"""


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory and time for every file."""
    monkeypatch.setitem(vars(engines.DEFAULT), "seconds", SECONDS)
    monkeypatch.setitem(vars(engines.DEFAULT), "memory", MEMORY << 30)


@isolating
@pytest.mark.parametrize("command", LOADING)
@pytest.mark.parametrize("name", ENDLESS)
def test_commands_end_where_a_file_takes_memory_or_loops(
    name: str, command: str, attack: Attack, limited: None, capfd: pytest.CaptureFixture[str]
) -> None:
    limits = ["--memory", str(MEMORY), "--seconds", str(SECONDS)] if command.startswith("check") else []
    started = time.monotonic()
    assert main([*LOADING[command](attack(name)), "--isolated", *limits]) == 1
    assert time.monotonic() - started < 300
    shown = "".join(capfd.readouterr())
    assert "isolat" in shown
    assert "Traceback" not in shown.replace("Traceback of TorchScript", "")


@isolating
@pytest.mark.parametrize("command", LOADING)
def test_nothing_outlives_a_command_that_was_killed(command: str, attack: Attack) -> None:
    words = [*LOADING[command](attack("loop")), "--isolated"]
    before = {*children_that_name(INSIDE)}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-m", "submission", *words], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len({*children_that_name(INSIDE)} - before) < 3 and time.monotonic() < deadline and parent.poll() is None:
        time.sleep(0.2)
    started = {*children_that_name(INSIDE)} - before
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert started
    while {*children_that_name(INSIDE)} & started and time.monotonic() < deadline + 30:
        time.sleep(0.2)
    assert not {*children_that_name(INSIDE)} & started


@pytest.mark.parametrize("isolated", [False, pytest.param(True, marks=isolating)])
def test_a_sweep_names_or_isolates_encoders_that_are_in_its_folder(
    isolated: bool, tmp_path: Path, user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The study's folder is a stranger's, and what is missing is only the record."""
    (tmp_path / "study.gin").write_text(STUDY)
    (trial,) = Study.read(str(tmp_path / "study.gin")).trials()
    run = Run(trial.folder(tmp_path / "out"))
    train(trial.settings, run.path)
    write_attack(bodies(user_file)["touch"], run.exported_file, tmp_path)
    shutil.copy(run.exported_file, run.untrained_file)
    words = ["--out", str(tmp_path / "out"), "--workers", "1", "--device", "cpu", "--retries", "0"]
    main(["sweep", str(tmp_path / "study.gin"), *words, *(["--isolated"] if isolated else [])])
    shown = "".join(capfd.readouterr())
    assert untouched(user_file)
    assert ("is a program and runs with your rights" in shown) == (not isolated)
