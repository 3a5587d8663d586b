"""Without the folder of the accelerators the program is complete, and gives the same scores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from submission import acceleration
from submission.cli.main import run_program

ROOT = Path(__file__).resolve().parents[2]
ALONE = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]; "
"""An editable installation would find the folder in the repository."""
SCORE = ["--metrics", "mig,dci", "--preset", "fast", "--json", "-"]
TRAIN = ["--config", "demo", "--out", "run", "--bind", "train.steps = 3", "--bind", "model.networks = 'conv'",
         "--bind", "objective.name = 'beta_tcvae'", "--bind", "model.space = 'R^3'",
         "--bind", "train.batch_size = 8"]  # fmt: skip
EVALUATE = ["run", "--preset", "fast", "--metrics", "mig", "--no-baselines"]
SESSION = f"""
from submission import acceleration
from submission.cli.main import run_program
from submission.cli.main import run_program, main
print(sorted(acceleration.accelerators()))
assert run_program("evaluate", ["--codes", "codes.npz", *{SCORE!r}]) == 0
print("end of scores")
assert run_program("train", {TRAIN!r}) == 0
assert main(["check", "run"]) == 0
assert run_program("evaluate", {EVALUATE!r}) == 0
"""


def run(folder: Path, code: str) -> str:
    """Output of Python code that imports the package of ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ALONE + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, Any]]:
    """Output, and scores of a table of codes, of a copy of the program that lacks the folder."""
    folder = tmp_path_factory.mktemp("without")
    ignored = shutil.ignore_patterns("accelerators", "__pycache__")
    shutil.copytree(ROOT / "submission", folder / "submission", ignore=ignored)
    shutil.copytree(ROOT / "gin", folder / "gin")
    write_codes(folder / "codes.npz")
    names, _, output = run(folder, SESSION).partition("\n")
    scores, _, rest = output.partition("end of scores\n")
    return [names, *rest.splitlines()], values_of(scores)


def write_codes(path: Path) -> None:
    """Noisy codes of a full grid of factors."""
    factors = np.stack(np.meshgrid(range(3), range(4), range(5), indexing="ij"), -1).reshape(-1, 3)
    codes = (factors + 0.1 * np.random.RandomState(0).randn(60, 3)).astype(np.float32)
    np.savez(path, codes=codes, factor_sizes=np.array([3, 4, 5]))


def values_of(scores: str) -> dict[str, Any]:
    """Metric → values, of a score file's text."""
    return {name: outcome["values"] for name, outcome in json.loads(scores)["columns"]["codes"]["scores"].items()}


@pytest.mark.system
def test_there_are_no_accelerators_without_the_folder(without: tuple[list[str], dict[str, Any]]) -> None:
    assert without[0][0] == "[]"


@pytest.mark.parametrize(("value", "expected"), [("off", 0), ("0", 0), ("", 4)])
def test_the_variable_switches_them_off(monkeypatch: pytest.MonkeyPatch, value: str, expected: int) -> None:
    monkeypatch.setenv(acceleration.SWITCH, value)
    assert len(acceleration.accelerators.__wrapped__()) == expected


@pytest.mark.system
def test_training_checking_and_scoring_work_without(without: tuple[list[str], dict[str, Any]]) -> None:
    assert "The grader would accept this." in without[0]


@pytest.mark.system
def test_scores_are_the_same_with_and_without(
    without: tuple[list[str], dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_codes(tmp_path / "codes.npz")
    command = ["--codes", str(tmp_path / "codes.npz"), *SCORE]
    assert run_program("evaluate", command) == 0
    expected = values_of(capsys.readouterr().out)
    monkeypatch.setattr(acceleration, "accelerators", dict)
    assert run_program("evaluate", command) == 0
    for found in (without[1], values_of(capsys.readouterr().out)):
        assert found.keys() == expected.keys() == {"mig", "dci"}
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, abs=1e-9), name


def test_a_replacement_that_declines_leaves_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    @acceleration.replaceable
    def double(number: int) -> int:
        """Twice the number."""
        return 2 * number

    name = f"{double.__module__}.{double.__qualname__}"

    def for_even_numbers(number: int) -> object:
        return number + number if number % 2 == 0 else NotImplemented

    monkeypatch.setattr(acceleration, "accelerators", lambda: {name: for_even_numbers})
    assert [double(3), double(4)] == [6, 8]
