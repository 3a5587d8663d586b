"""Text of unknown origin cannot steer a terminal or run in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from submission.cli import console
from submission.cli.main import print_error
from submission.text import csv_text, printable

ESCAPES = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "a\rb",
    "back\bspace",
    "\x9b2J",
    "\u202egnp.exe",
    "\u2066x",
    "\x7f",
    "\ud800",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_a_terminal_obeys_is_written_as_an_escape(text: str) -> None:
    shown = printable(text)
    assert "\\" in shown
    assert all(letter.isprintable() for letter in shown)


@pytest.mark.parametrize("text", ["S^10 × R²", "µ ± σ", "日本語", "naïve – “quoted”", "a b"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_line_breaks_stay_only_where_they_are_asked_for() -> None:
    assert printable("a\n\tb") == "a\\n\\tb"
    assert printable("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_reaches_the_terminal_raw(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.say(text)
    console.warn(text)
    console.table(text, ["name", text], [[text, "1"]])
    print_error(f"error: {text}")
    with console.Bars().task(text, 2) as task:
        task.advance(1, text)
    written = "".join(capsys.readouterr())
    assert not set(written) & set("\x1b\x07\r\b\x9b\u202e\u2066\x7f\ud800")


def test_cells_that_a_spreadsheet_would_run_begin_with_an_apostrophe() -> None:
    cells = ["=HYPERLINK(1)", "+1", "-1", "@sum", "\tx", "\rx", "a=b"]
    (row,) = csv.reader(io.StringIO(csv_text([[*cells, -1.5, 2]]), newline=""))
    assert row == [*(f"'{cell}" for cell in cells[:5]), "\\rx", "a=b", "-1.5", "2"]
