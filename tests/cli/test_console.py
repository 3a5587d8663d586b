"""What is printed where standard error is a log file and no terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from submission import progress
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
    monkeypatch.setattr(progress, "WORTH_A_LINE", 0.0)

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


def test_a_task_of_minutes_leaves_a_line_a_minute_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now, log = 0.0, io.StringIO()
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr(console, "ERR", Console(file=log, highlight=False, width=100, get_time=lambda: now))
    with console.Bars().task("trials", 10) as task:
        for number in range(1, 9):
            now += 40.0
            task.advance(1, f"trial {number}")
    lines = log.getvalue().splitlines()
    assert [line[line.index("%") - 2 :].split()[0] for line in lines] == ["20%", "40%", "60%", "80%", "80%"]
    assert all("trial" in line for line in lines)
    assert "05:20" in lines[0]
    assert "01:20" in lines[-1]


def test_a_long_title_is_not_folded_into_a_narrow_table(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=file, highlight=False, width=60))
    console.table(
        "runs/a_folder_with_a_long_name on a data set, preset challenge", ["score", "value"], [["mig", "0.1"]]
    )
    assert file.getvalue().splitlines()[0] == "runs/a_folder_with_a_long_name on a data set, preset challenge"


def shown(monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], **settings: Any) -> str:
    """A table as standard output shows it."""
    file = io.StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=file, highlight=False, color_system=None, **settings))
    console.table("title", ["run", "mig", "a[b]"], rows)
    return file.getvalue()


@pytest.mark.parametrize("name", ["[/red]x", "a[bold]b[3]", "run[a]", ":bug:"])
def test_cells_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = shown(monkeypatch, [[name, "0.1", "[i]2"]], width=60)
    for cell in (name, "a[b]", "[i]2"):
        assert cell in text


def test_a_file_has_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "/tmp/" + "a long folder/" * 20
    row = shown(monkeypatch, [[name, "0.1234 (1)", "2"]], width=40).splitlines()[4]
    assert [cell.strip() for cell in row.strip("│").split("│")] == [name, "0.1234 (1)", "2"]


def test_a_narrow_terminal_folds_names_and_cuts_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    width = 40
    name = "/tmp/" + "folder/" * 20
    lines = shown(monkeypatch, [[name, "0.1234 (1)", "2"]], width=width, force_terminal=True).splitlines()[4:-1]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert "".join(row[0] for row in cells) == name
    assert cells[0][1:] == ["0.1234 (1)", "2"]
    assert len(lines[0]) <= width


def test_a_very_narrow_terminal_shows_columns_below_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "/tmp/" + "folder/" * 20
    text = shown(monkeypatch, [[name, "0.1234 (1)", "2"]], width=10, force_terminal=True)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]
    assert "".join(row[0] for row in rows) == name * 2
    assert [row[1] for row in rows if row[1]] == ["0.1234 (1)", "2"]
