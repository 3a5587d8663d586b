"""The programs of a checkout: Ctrl-C while they are still importing, and commands in hints."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from submission.cli import main
from submission.errors import invocation
from submission.training import resume_command

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", ["train.py", "evaluate.py", "submission/__main__.py"])
def test_an_early_ctrl_c_has_its_exit_code(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "command", interrupted)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(TOP / file), run_name="__main__")
    assert caught.value.code == 130


@pytest.mark.parametrize(
    ("started", "hint"),
    [
        ("train.py", "python evaluate.py"),
        ("/a/evaluate.py", "python evaluate.py"),
        ("/usr/bin/submission", "submission evaluate"),
        ("/a/submission/__main__.py", "python -m submission evaluate"),
        ("", "python -m submission evaluate"),
    ],
)
def test_hints_name_commands_as_the_user_started_this_one(
    started: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [started])
    assert invocation("evaluate") == hint
    assert resume_command("x", None, "auto").startswith(hint.replace("evaluate", "train"))
