"""The programs at the top: Ctrl-C while they are still importing ends them without a traceback."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from submission.cli import main

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", ["train.py", "evaluate.py", "submission/__main__.py"])
def test_an_early_ctrl_c_has_its_exit_code(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "command", interrupted)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(TOP / file), run_name="__main__")
    assert caught.value.code == 130
