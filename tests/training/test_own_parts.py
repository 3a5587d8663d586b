"""Networks and objectives of one's own are imported only when asked for; images come from arrays and torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from submission import plugins
from submission.cli.main import main, run_program
from submission.errors import UsageError
from submission.run import Run
from submission.training import train, train_together
from tests import own_parts
from tests.registries import put_back

Make = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
PARTS = f"{own_parts.NETWORK_AND_OBJECTIVE}\n\n__import__('pathlib').Path('imported').touch()\n"
TRAIN = [
    *own_parts.TRAIN,
    *(
        "--data=torus_pictures",
        "--bind=data.simple=True",
        "--bind=model.space='R^2'",
        "--bind=train.steps=4",
        "--out=run",
    ),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run with parts of its own, opened by a process that does not know them."""
    monkeypatch.chdir(tmp_path)
    Path("own_parts.py").write_text(PARTS)
    with put_back():
        assert run_program("train", ["--import=own_parts", *TRAIN]) == 0
    Path("imported").unlink()
    return Run(Path("run"))


@pytest.mark.parametrize(
    "words", [["train", "--resume", "--out=run"], ["report", "run"], ["export", "run", "--mode=mean", "--formats=pt"]]
)
@pytest.mark.usefixtures("blank_pictures")
def test_a_run_names_its_modules_and_imports_none_unasked(
    run: Run, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.meta.imports == ("own_parts",)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "uses parts of own_parts, whose code would be run — pass --import own_parts if you trust it" in error
    assert not Path("imported").exists()
    assert main([*words, "--import=own_parts"]) == 0
    assert Path("imported").exists()


def test_from_python_an_import_is_enough(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--import own_parts"):
        run.model()
    monkeypatch.syspath_prepend(str(Path().resolve()))
    __import__("own_parts")
    model = run.model()
    assert model.encode(torch.zeros(1, 1, 64, 64)).shape == (1, 4)


def test_a_module_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken_parts.py").write_text("raise RuntimeError('two\\nlines')\n")
    for name, message in [("broken_parts", "RuntimeError: two lines"), ("no_such_parts", "ModuleNotFoundError")]:
        assert run_program("train", [f"--import={name}", "--list"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_entry_points_that_fail_are_left_out_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Point:
        name = "theirs"

        def load(self) -> None:
            raise ImportError("gone")

    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: [Point()] if group == plugins.GROUP else [])
    plugins.load_entry_points()
    assert caplog.messages == ["the plugin theirs of an installed package cannot be loaded: gone"]


@pytest.mark.system
def test_a_plugin_s_parts_are_there_in_every_new_process(tmp_path: Path) -> None:
    """An installed package with an entry point: nothing has to be imported, by name or otherwise."""
    (tmp_path / "theirs.py").write_text(own_parts.NETWORK_AND_OBJECTIVE)
    about = tmp_path / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{plugins.GROUP}]\ntheirs = theirs\n")
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    for words in (["train", *TRAIN], ["train", "--resume", "--out=run", "--bind=train.steps=6"], ["export", "run"]):
        program = [sys.executable, "-m", "submission", *words]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "run")
    assert run.meta.model.objective == "squared_kl"
    assert run.meta.imports == ()


class Pairs(Dataset[Any]):
    """Images with their factors, as torch has them."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.zeros(1, 8, 8)
        image.view(-1)[index] = 1.0
        return image, torch.tensor([index // 8, index % 8])


IMAGES = np.eye(64, dtype=np.uint8).reshape(64, 8, 8)
CELLS = np.stack(np.unravel_index(np.arange(64), (8, 8)), 1)


@pytest.mark.parametrize("data", [IMAGES, (IMAGES, CELLS), Pairs()], ids=["array", "pair", "torch"])
def test_images_from_memory_are_trained_on(data: Any, tmp_path: Path, settings: Make) -> None:
    folder = train(settings(steps=4), tmp_path / "run", data=data, device="cpu")
    about = folder.meta.dataset
    assert about.image_shape == (8, 8, 1)
    assert about.factor_sizes == (() if data is IMAGES else (8, 8))
    assert folder.settings.data.name == about.name
    train(settings(steps=6), folder.path, data=data, device="cpu", resume=True)
    assert [row["step"] for row in folder.log()] == [2, 4, 6]
    (other,) = train_together(settings(steps=4), [3], tmp_path / "many", data=data, device="cpu")
    assert json.loads(other.log_file.read_text().splitlines()[0])["loss"] == pytest.approx(folder.log()[0]["loss"])


def test_other_images_at_resume_are_refused(tmp_path: Path, settings: Make) -> None:
    train(settings(steps=4), tmp_path, data=IMAGES, device="cpu")
    with pytest.raises(UsageError, match=r"data\.checksum"):
        train(settings(steps=4), tmp_path, data=IMAGES[::-1].copy(), device="cpu", resume=True)
