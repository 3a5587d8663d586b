"""Damaged files of every class: one line or a result, never a traceback, a warning, a hang or a crash."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from submission.errors import SubmissionError
from tests.security.classes import CLASSES, Class
from tests.security.damage import mutated
from tests.security.trying import attack


@pytest.mark.parametrize("name", CLASSES)
def test_a_few_damaged_files_of_each_class(name: str, tmp_path: Path) -> None:
    most = 6 if "(.h5)" in name else 60  # HDF5 files are read by another process
    found = attack(name, tmp_path / "set", 120, most=most)
    assert found.others == ()
    assert found.tried == most
    assert found.refused + found.accepted == found.tried


def fail_at_commas(path: Path) -> None:
    """A reader with three faults."""
    content = path.read_bytes()
    if b"," not in content:
        raise ValueError("no comma")
    if content.startswith(b"\xff"):
        warnings.warn("an odd mark", stacklevel=2)
    if len(content) > 60:
        raise SubmissionError(f"{path.name}: \x1b[31m{len(content)} bytes", "take fewer")


@pytest.mark.parametrize("count", [1, 2, 20])
def test_faults_of_a_reader_are_found_and_made_small(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"abcde"[: 3 - count // 8] + b"," * count)

    monkeypatch.setitem(CLASSES, "faulty", Class("faulty.csv", (write,), fail_at_commas, mutated))
    found = attack("faulty", tmp_path / "set", 120, most=3000)
    assert len(found.others) == 1
    assert found.others[0].startswith(("ValueError: 'no comma'", "UserWarning: 'an odd mark'", "control characters: "))


def test_a_fault_that_is_found_last_is_made_small_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def fail_second(path: Path) -> None:
        read.append(path.read_bytes())
        if len(read) > 1 and len(read[-1]) > 1:
            raise ValueError("too much")

    monkeypatch.setitem(
        CLASSES, "faulty", Class("faulty.csv", (lambda path: path.write_bytes(b"a" * 40),), fail_second, mutated)
    )
    (found,) = attack("faulty", tmp_path / "set", 120, most=1).others
    assert found.startswith("ValueError: 'too much', e.g. ")


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_minute_of_damaged_files_of_each_class(name: str, tmp_path: Path) -> None:
    found = attack(name, tmp_path / "set", 60, start=int.from_bytes(os.urandom(4)))
    assert found.others == ()
    assert found.tried > 10
    assert found.refused or name == "training log"  # whose damaged lines are left out
