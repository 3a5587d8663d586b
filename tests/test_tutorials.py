"""Tutorials and the notebook are followed word for word; figures of the pages are made by scripts."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.plots.charts import CHARTS
from tests.test_docs import ROOT, commands

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FOLLOWED = ("first-run", "own-data", "own-space", "score-an-encoder")


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_tutorial_works_as_it_is_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python blocks run in one namespace, command blocks one by one, all in one empty folder."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("submission.plots.charts.CHARTS", dict(CHARTS))
    space: dict[str, object] = {}
    page = (ROOT / "docs" / "tutorials" / f"{name}.md").read_text()
    followed = 0
    for language, block in FENCE.findall(page):
        if language == "python":
            exec(compile(block, f"{name}.md", "exec"), space)
            followed += 1
        for words in commands(block):
            assert main(words) == 0, words
            followed += 1
    assert followed >= 3


def test_the_notebook_draws_the_torus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The code cells run in order in one namespace, as in a notebook; the last one shows a picture."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("IPython")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cells = json.loads((ROOT / "docs" / "notebooks" / "torus.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    space: dict[str, object] = {}
    for source in code[:-1]:
        exec(compile(source, "torus.ipynb", "exec"), space)
    *statements, last = ast.parse(code[-1]).body
    exec(compile(ast.Module(statements, []), "torus.ipynb", "exec"), space)
    assert isinstance(last, ast.Expr)
    picture = eval(compile(ast.Expression(last.value), "torus.ipynb", "eval"), space)  # noqa: S307 - our own notebook
    assert picture.data.startswith(b"\x89PNG")
