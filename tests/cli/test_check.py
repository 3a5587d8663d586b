"""Limits of ``check --isolated``."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission.cli.main import main

BAD = [f"--memory={value}" for value in ("0", "-1", "nan", "inf", "1e400", "1025")]
BAD += [f"--seconds={value}" for value in ("0", "-1", "99999999999999999999")]


@pytest.mark.parametrize("limit", BAD)
def test_limits_that_no_process_could_have(limit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path), "--isolated", limit]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {limit.partition('=')[0]} ")
    assert "is out of range — use " in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("limit", ["--memory=1", "--seconds=1"])
def test_limits_without_a_locked_up_process(limit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path), limit]) == 2
    assert "has no effect without --isolated — add --isolated" in capsys.readouterr().err
