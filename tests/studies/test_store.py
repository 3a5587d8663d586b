"""Many writers lose nothing, and a killed one leaves the file sound."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from submission.errors import SubmissionError
from submission.studies.store import Entry, entries, record

WRITER = """
import sys
from pathlib import Path
from submission.studies.store import Entry, record
path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    record(path, Entry(f"{name}-{number}", name, "dsprites_full", "challenge", number, {"mig": number / 1000}))
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    """A process that records ``count`` entries."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(count)])


def sound(path: Path) -> bool:
    """SQLite's own check of the whole file."""
    database = sqlite3.connect(path)
    try:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        database.close()


def test_eight_processes_write_two_hundred_entries_each(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.sqlite"
    writers = [writer(path, f"writer{number}", 200) for number in range(8)]
    assert [process.wait() for process in writers] == [0] * 8
    found = entries(path)
    assert len(found) == len({entry.run for entry in found}) == 1600
    assert all(entry.scores == {"mig": int(entry.run.partition("-")[2]) / 1000} for entry in found)
    assert sound(path)


def test_a_killed_writer_leaves_the_file_sound(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.sqlite"
    process = writer(path, "killed", 10**6)
    while not path.is_file() or len(entries_or_none(path)) < 20:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = len(entries(path))
    assert sound(path)
    assert [entry.run for entry in entries(path)] == [f"killed-{number}" for number in range(before)]
    record(path, Entry("after", "m", "dsprites_full", "challenge", None, {}))
    assert len(entries(path)) == before + 1


def entries_or_none(path: Path) -> list[Entry]:
    """Entries, or none while the writer has not made the table yet."""
    try:
        return entries(path)
    except SubmissionError:
        return []


def test_a_run_scored_again_replaces_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "leaderboard.sqlite"
    record(path, Entry("run", "m", "cars3d", "challenge", 1, {"mig": 0.1}))
    record(path, Entry("run", "m", "dsprites_full", "challenge", 1, {"mig": 0.2}))
    record(path, Entry("run", "m", "cars3d", "challenge", 1, {"mig": 0.3}))
    assert [entry.scores["mig"] for entry in entries(path)] == [0.3, 0.2]
    assert [entry.dataset for entry in entries(path, "cars3d")] == ["cars3d"]
    assert entries(path, "cars3d", "study") == []


def test_bad_files_and_scores_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("not a database, but long enough to be looked at " * 20)
    with pytest.raises(SubmissionError, match=r"bad: file is not a database"):
        record(tmp_path / "bad", Entry("r", "m", "d", "p", 0, {}))
    with pytest.raises(SubmissionError, match="does not exist"):
        entries(tmp_path / "missing")
    with pytest.raises(SubmissionError, match="not finite"):
        record(tmp_path / "new", Entry("r", "m", "d", "p", 0, {"mig": float("nan")}))
    assert not (tmp_path / "new").exists()


def test_a_leaderboard_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "board?#.sqlite"
    record(path, Entry("run", "m", "d", "p", 0, {"mig": 0.5}))
    (tmp_path / "board?#.sqlite-shm").mkdir()  # as good as a read-only disk, for root as well
    assert [entry.scores for entry in entries(path)] == [{"mig": 0.5}]


def test_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "board.sqlite"
    record(path, Entry("run", "m", "d", "p", 0, {"mig": 0.5}))
    entries(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_or_folder_that_is_no_leaderboard_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="is a folder — pass the file"):
        entries(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(SubmissionError, match="empty is no leaderboard"):
        entries(tmp_path / "empty")
    with contextlib.closing(sqlite3.connect(tmp_path / "other")) as database:
        database.execute("CREATE TABLE entries (name)")
    for use in (entries, lambda path: record(path, Entry("r", "m", "d", "p", 0, {}))):
        with pytest.raises(SubmissionError, match="other is no leaderboard"):
            use(tmp_path / "other")
