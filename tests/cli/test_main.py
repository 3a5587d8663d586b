"""Programs whose output goes nowhere: work is kept, and what went wrong is one line."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from submission.cli.main import SPINS, execute, main
from submission.run import Run

REPOSITORY = Path(__file__).resolve().parents[2]
CODES = ("evaluate", "--preset=fast", "--metrics=mig")


def program(*words: object, output: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """``python -m submission WORDS``; ``output`` is a file, or ``pipe`` for a pipe that nobody reads."""
    command = [sys.executable, "-m", "submission", *(os.fsencode(str(word)) for word in words)]
    variables = (
        os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""} | environment
    )
    if not output:
        return subprocess.run(command, env=variables, capture_output=True)
    target = broken_pipe() if output == "pipe" else os.open(output, os.O_WRONLY)
    try:
        return subprocess.run(command, env=variables, stdout=target, stderr=subprocess.PIPE)
    finally:
        os.close(target)


def broken_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize(
    ("environment", "spins"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, None)],
    ids=["none", "rounds", "policy"],
)
def test_waiting_threads_sleep_soon_unless_the_environment_says_otherwise(
    environment: dict[str, str], spins: str | None
) -> None:
    """GNU OpenMP reads the variable when PyTorch loads it."""
    code = (
        "import os, sys; from submission.cli.main import main; before = 'torch' in sys.modules\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(before, 'torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT'))"
    )
    variables = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    variables |= {"PYTHONPATH": str(REPOSITORY)} | environment
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"False False {spins}"


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """A table of codes."""
    path = tmp_path / "codes.npz"
    np.savez(path, codes=np.random.RandomState(0).randn(24, 3), factor_sizes=np.array([2, 3, 4]))
    return path


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A leaderboard of one run."""
    scores = {
        "format": 1,
        "preset": "challenge",
        "name": "a method ± 0",
        "data": {"name": "cars3d"},
        "metrics": {"mig": {"headline": "discrete_mig"}},
        "columns": {"codes": {"scores": {"mig": {"values": {"discrete_mig": 0.125}}}}},
    }
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    return tmp_path / "scores.json"


FULL = pytest.param("/dev/full", 1, marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device"))
OUTPUTS = [("pipe", 141), FULL]


@pytest.mark.system
@pytest.mark.parametrize(("output", "code"), OUTPUTS)
def test_scores_are_kept_when_they_cannot_be_shown(codes: Path, tmp_path: Path, output: str, code: int) -> None:
    kept = tmp_path / "scores.json"
    done = program(*CODES, f"--codes={codes}", f"--json={kept}", output=output)
    assert json.loads(kept.read_text())["columns"]["codes"]["scores"]["mig"]
    assert done.returncode == code


@pytest.mark.parametrize(("output", "code"), OUTPUTS)
def test_the_table_is_written_when_it_cannot_be_shown(board: Path, tmp_path: Path, output: str, code: int) -> None:
    kept = tmp_path / "board.csv"
    assert program("leaderboard", str(board), f"--csv={kept}", output=output).returncode == code
    assert "0.125" in kept.read_text()


@pytest.mark.system
@pytest.mark.parametrize(("output", "code"), OUTPUTS)
def test_every_seed_is_trained_when_the_output_is_closed(tmp_path: Path, output: str, code: int) -> None:
    words = ["train", "--config=demo", "--data=torus_pictures", "--bind=data.simple=True", "--bind=model.space='R^2'"]
    words += ["--bind=model.networks='mlp_small'", "--bind=train.steps=2", "--bind=train.batch_size=16"]
    done = program(*words, "--device=cpu", "--seeds=0:2", f"--out={tmp_path}", output=output)
    assert done.returncode == code
    for seed in (0, 1):
        assert Run.open(tmp_path / f"seed_{seed}").exported_file.is_file()


def test_a_closed_pipe_has_its_exit_code_and_no_message() -> None:
    for words in (["data", "list"], ["leaderboard", "--help"]):
        done = program(*words, output="pipe")
        assert (done.returncode, done.stderr) == (141, b"")


def told(done: subprocess.CompletedProcess[bytes], code: int) -> str:
    """The one line of a program that failed with ``code``."""
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == code
    assert line.startswith("error: ")
    assert " — " in line
    return line


@pytest.mark.parametrize("command", ["report", "compare"])
def test_what_the_system_refuses_is_one_line(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(tmp_path / ("n" * 300))]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "File name too long" in line
    assert f"{tmp_path}/{'n' * 300}" in line
    assert " — " in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device")
def test_a_full_disk_is_one_line() -> None:
    assert "No space left" in told(program("data", "list", output="/dev/full"), 1)


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_letters_that_the_terminal_lacks_are_question_marks(board: Path, environment: dict[str, str]) -> None:
    done = program("leaderboard", str(board), "--by=mig", **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"a method ? 0" in done.stdout


@pytest.mark.parametrize("command", ["export", "report", "evaluate", "check"])
def test_a_name_that_is_not_utf8_is_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, os.fsdecode(b"run\xff")]) == 2
    assert capsys.readouterr().err == "error: 'run\\udcff' is not valid UTF-8 — rename the file or folder\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "a/b"), "a/b: Permission denied — check the path"),
        (OSError("two\nlines"), "two lines — check the path"),
        (UnicodeEncodeError("utf-8", "/tmp/run\udcff/x", 8, 9, "surrogates not allowed"), "'/tmp/run\\udcff' is not"),
    ],
)
def test_other_errors_are_one_line(error: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=run)
    assert execute(parser, []) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"error: {line}")
    assert told.count("\n") == 1


def test_sigterm_ends_what_is_not_training_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def wait(arguments: object) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return 0

    monkeypatch.setattr("submission.cli.data.run", wait)
    assert main(["data", "list"]) == 143
    assert capsys.readouterr().err == "stopped by SIGTERM\n"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("break_", ["", "\n", "\r", "\u2028"])
def test_only_a_bad_latent_space_has_a_caret_below_it(
    break_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = f"S^2{break_}xT^3"
    given = ["train", "--config", "demo", "--bind", f"model.space = {spec!r}", "--out", str(tmp_path / "run")]
    assert main(given) == 2
    first, shown, caret = capsys.readouterr().err.splitlines()
    assert first.startswith("error: latent space: ")
    assert shown == f"  S^2{' ' * len(break_)}xT^3"
    assert caret.strip() == "^"
