"""Damaged files of every class: one line or a result, never a traceback, a warning, a hang or a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.security.classes import CLASSES
from tests.security.trying import attack


@pytest.mark.parametrize("name", CLASSES)
def test_a_few_damaged_files_of_each_class(name: str, tmp_path: Path) -> None:
    most = 6 if "(.h5)" in name else 60  # HDF5 files are read by another process
    found = attack(name, tmp_path / "set", 120, most=most)
    assert found.others == ()
    assert found.tried == most
    assert found.refused + found.accepted == found.tried


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_minute_of_damaged_files_of_each_class(name: str, tmp_path: Path) -> None:
    found = attack(name, tmp_path / "set", 60, seed=int.from_bytes(os.urandom(4)))
    assert found.others == ()
    assert found.tried > 10
    assert found.refused or name == "training log"  # whose damaged lines are left out
