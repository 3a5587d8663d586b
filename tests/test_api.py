"""The public face: what ``import submission`` offers. ``tests/docs`` runs the examples of docs/api.md."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import submission
from submission.errors import SubmissionError, UsageError

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    """The Python examples of a page."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def test_every_public_name_has_an_example_and_a_docstring() -> None:
    examples = "\n".join(blocks("docs/api.md"))
    for name in submission.__all__:
        assert f"submission.{name}(" in examples, name
        assert inspect.getdoc(getattr(submission, name)), name
        assert "return" in getattr(submission, name).__annotations__, name


def test_no_public_name_hides_a_module() -> None:
    for name in submission.__all__:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"submission.{name}")


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "scipy", "rich")
    code = f"import submission, sys; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'teach'"):
        _ = submission.teach  # type: ignore[attr-defined]
    assert set(submission.__all__) <= set(dir(submission))


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="is not a run folder"):
        submission.load_run(tmp_path)
    with pytest.raises(UsageError, match="there is no data set named 'dsprite'"):
        submission.load_data("dsprite")
    with pytest.raises(UsageError, match="unknown format 'exe'"):
        submission.export_run(tmp_path, formats=["exe"])


@pytest.mark.system
def test_the_quick_start_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = str(ROOT / "examples" / "quickstart.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program, str(tmp_path / "out")])
    runpy.run_path(program, run_name="__main__")
    assert "seed_1: {'mig': " in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "curves.svg").is_file()
