"""What is replaced, what is followed, and what is written to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.errors import SubmissionError
from submission.files import atomic, output, output_json, read_json, write_json

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = """
import sys
from pathlib import Path
from submission.files import output_json
output_json(Path(sys.argv[1]), {"a": 1})
print("after")
"""
WRITTEN = b'{\n  "a": 1\n}\nafter\n'


def left(folder: Path) -> set[str]:
    """Names in a folder; temporary files would be among them."""
    return {path.name for path in folder.iterdir()}


def fail() -> None:
    """What stops a writer."""
    raise ValueError("half way")


def write_after(path: Path, happens: Callable[[], None]) -> None:
    """Write words after something has happened to the open file."""
    with output(path) as file:
        happens()
        file.write(b"words")


@pytest.mark.parametrize("there", [True, False])
def test_a_named_link_is_followed_and_stays(there: bool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "scores.json", tmp_path / "link.json"
    if there:
        target.write_text("old")
    link.symlink_to("elsewhere/scores.json")
    output_json(link, {"a": 1})
    assert link.is_symlink()
    assert read_json(target) == {"a": 1}
    assert left(tmp_path) == {"elsewhere", "link.json"}
    assert left(tmp_path / "elsewhere") == {"scores.json"}


def test_a_failure_leaves_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    with pytest.raises(ValueError, match="half way"):
        write_after(tmp_path / "link", fail)
    assert (tmp_path / "link").read_text() == "old"
    assert left(tmp_path) == {"old", "link"}


def test_a_link_among_the_package_s_own_files_is_replaced(tmp_path: Path) -> None:
    """A copy of a run made of links must not write into the original."""
    (tmp_path / "original.json").write_text("{}")
    (tmp_path / "meta.json").symlink_to("original.json")
    write_json(tmp_path / "meta.json", [])
    assert not (tmp_path / "meta.json").is_symlink()
    assert (tmp_path / "original.json").read_text() == "{}"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    output_json(tmp_path / "pipe", [1])
    reader.join()
    assert read == [b"[\n  1\n]\n"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_terminal_is_written_to() -> None:
    ours, theirs = os.openpty()
    try:
        output_json(Path(os.ttyname(theirs)), [])
        assert os.read(ours, 100) == b"[]\r\n"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_reader_that_goes_away_is_not_called_a_full_disk(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(BrokenPipeError):
        write_after(tmp_path / "pipe", lambda: os.close(reader))


def test_standard_output_by_name_goes_on_where_it_is(tmp_path: Path) -> None:
    """In a pipe, and in a file, where a second opening would begin at its start."""
    command = [sys.executable, "-c", PROGRAM, "/dev/stdout"]
    assert subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True).stdout == WRITTEN
    with (tmp_path / "out").open("wb") as file:
        subprocess.run(command, cwd=REPOSITORY, stdout=file, check=True)
    assert (tmp_path / "out").read_bytes() == WRITTEN


def test_what_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"is a folder — name a file"), output(Path()):
        pass
    with pytest.raises(SubmissionError, match=r"is a folder — name a file"), atomic(tmp_path):
        pass
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SubmissionError, match="loop: Too many levels"), output(tmp_path / "loop"):
        pass
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(SubmissionError, match="is a disk or a socket"), output(tmp_path / "socket"):
            pass
    assert left(tmp_path) == {"loop", "socket"}
