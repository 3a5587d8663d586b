"""What is printed where standard error is a log file and no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from submission.cli import console


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard error as a file."""
    file = io.StringIO()
    monkeypatch.setattr(console, "ERR", Console(file=file, highlight=False, width=100))
    return file


def test_short_tasks_leave_nothing_in_a_log(log: io.StringIO) -> None:
    with console.Bars().task("counting", 3) as task:
        task.advance(3)
    assert log.getvalue() == ""


def test_long_tasks_leave_one_line_even_when_they_fail(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.0)

    def count() -> None:
        with console.Bars().task("counting", 4) as task:
            task.advance(2, "two of four")
            raise ValueError("lost count")

    with pytest.raises(ValueError, match="lost"):
        count()
    (line,) = log.getvalue().splitlines()
    assert line.startswith("counting")
    assert "50%" in line
    assert "two of four" in line


def test_a_long_title_is_not_folded_into_a_narrow_table(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=file, highlight=False, width=60))
    console.table(
        "runs/a_folder_with_a_long_name on a data set, preset challenge", ["score", "value"], [["mig", "0.1"]]
    )
    assert file.getvalue().splitlines()[0] == "runs/a_folder_with_a_long_name on a data set, preset challenge"
