"""Tutorials and the notebook are followed word for word; figures of the pages are made by scripts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.plots.charts import CHARTS
from tests.test_docs import ROOT, commands

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TUTORIALS = sorted(path.stem for path in (ROOT / "docs" / "tutorials").glob("*.md"))
ENGINE = "--on"
"""An option of commands that need a cluster; tests/studies starts the same engines."""


@pytest.mark.system
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_works_as_it_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python blocks run in one namespace, commands one by one, files are saved, all in one small clone.

    What a page says that a command prints must have been printed, but for the numbers.
    """
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    monkeypatch.chdir(clone(tmp_path, monkeypatch))
    monkeypatch.setattr("submission.plots.charts.CHARTS", dict(CHARTS))
    monkeypatch.setattr("sys.argv", ["train.py"])  # hints of commands name them as the pages do
    space: dict[str, object] = {}
    page = (ROOT / "docs" / "tutorials" / f"{name}.md").read_text()
    printed, followed = "", 0
    for language, block in FENCE.findall(page):
        own = [words for words in commands(block) if ENGINE not in words]
        if language == "python":
            exec(compile(block, f"{name}.md", "exec"), space)
        elif language == "sh":
            subprocess.run(["bash", "-e", "-c", block], check=True, timeout=60)
        elif language == "text":
            Path("mystudy.gin").write_text(block, encoding="utf-8")
        elif language == "" and not list(commands(block)):
            assert [line for line in shape(block).splitlines() if line.strip() and line not in shape(printed)] == []
        for words in own:
            assert main(words) == 0, words
        followed += len(own) + (language == "python")
        printed += capsys.readouterr().out
    assert followed >= 3


def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that commands read, committed."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "t")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "t@example.org")
    folder = tmp_path / "clone"
    folder.mkdir()
    for file in ("aicrowd.json", "Dockerfile", "run.sh", ".gitignore"):
        shutil.copy(ROOT / file, folder)
    start = "git init -q -b main && git add . && git commit -q -m Start"
    subprocess.run(["bash", "-e", "-c", start], cwd=folder, check=True, timeout=60)
    return folder


def shape(text: str) -> str:
    """Lines without their numbers and repeated blanks."""
    return "\n".join(" ".join(re.sub(r"[\d.,:]*\d", "0", line).split()) for line in text.splitlines())


@pytest.mark.system
def test_the_notebook_draws_the_torus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook runs in a kernel of its own, from nothing to a picture."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.reads((ROOT / "docs" / "notebooks" / "torus.ipynb").read_text(), as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's own libraries
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert "image/png" in outputs[-1].data


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads((ROOT / "docs" / "notebooks" / "torus.ipynb").read_text())["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
