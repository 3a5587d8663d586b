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

ROOT = Path(__file__).resolve().parents[2]
ALONE = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]; "
"""An editable installation would find the folder in the repository."""
METRICS = ["--metrics", "mig,dci,factor_vae,sap,irs", "--preset", "fast"]


def run(folder: Path, code: str, **variables: str) -> str:
    """Output of Python code that imports the package of ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-c", ALONE + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program without the folder."""
    folder = tmp_path_factory.mktemp("without")
    ignored = shutil.ignore_patterns("accelerators", "__pycache__")
    shutil.copytree(ROOT / "submission", folder / "submission", ignore=ignored)
    shutil.copytree(ROOT / "gin", folder / "gin")
    return folder


def scored(folder: Path, codes: Path, **variables: str) -> dict[str, Any]:
    """Scores of a codes file by the program in ``folder``."""
    arguments = ["--codes", str(codes), *METRICS, "--json", "-"]
    code = f"from submission.cli.main import door; raise SystemExit(door('evaluate', {arguments!r}))"
    columns = json.loads(run(folder, code, **variables))["columns"]
    return {name: outcome["values"] for name, outcome in columns["codes"]["scores"].items()}


def test_there_are_no_accelerators_without_the_folder(without: Path) -> None:
    code = "from submission import acceleration; print(sorted(acceleration.accelerators()))"
    assert run(without, code).strip() == "[]"
    assert len(acceleration.accelerators()) == 4
    assert run(ROOT, code, SUBMISSION_ACCELERATORS="off").strip() == "[]"


def test_scores_are_the_same_with_and_without(without: Path, tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    factors = np.stack(np.meshgrid(range(3), range(4), range(5), indexing="ij"), -1).reshape(-1, 3)
    codes = (factors + 0.1 * random.randn(60, 3)).astype(np.float32)
    np.savez(tmp_path / "codes.npz", codes=codes, factor_sizes=np.array([3, 4, 5]))
    expected = scored(ROOT, tmp_path / "codes.npz")
    for found in (
        scored(without, tmp_path / "codes.npz"),
        scored(ROOT, tmp_path / "codes.npz", SUBMISSION_ACCELERATORS="off"),
    ):
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, abs=1e-9), name


TRAIN = """
from submission.cli.main import door, main
arguments = ["--config", "demo", "--out", "run", "--bind", "train.steps = 3", "--bind", "model.networks = 'conv'",
             "--bind", "objective.name = 'beta_tcvae'",
             "--bind", "model.space = 'R^3'", "--bind", "train.batch_size = 8"]
assert door("train", arguments) == 0
assert main(["check", "run"]) == 0
assert door("evaluate", ["run", "--preset", "fast", "--metrics", "mig", "--no-baselines"]) == 0
"""


def test_training_checking_and_scoring_work_without(without: Path) -> None:
    assert "The grader would accept this." in run(without, TRAIN)


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
