"""A checkpoint is read back whole, or it is refused, or the one before it is used; never silently wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.checkpoint import DamagedError, load, previous, read, save
from submission.errors import SubmissionError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two checkpoints, of steps 1 and 2."""
    for step in (1, 2):
        save(
            tmp_path / "checkpoint.pt", {"step": step, "model": {"weight": torch.randn(50)}, "text": "μ", "t": (1, 2.5)}
        )
    return tmp_path / "checkpoint.pt"


def test_it_comes_back_and_any_torch_program_can_read_it(path: Path) -> None:
    state, message = load(path)
    assert (state["step"], state["text"], state["t"], message) == (2, "μ", (1, 2.5), "")
    plain = torch.load(path, weights_only=True)
    assert torch.equal(plain["model"]["weight"], state["model"]["weight"])
    assert read(previous(path))["step"] == 1


def test_every_flipped_bit_and_every_truncation_is_seen(path: Path) -> None:
    good = path.read_bytes()
    random = np.random.default_rng(0)
    ends = [0, 1, len(good) - 72, len(good) - 1]
    for position in [*range(len(good) - 100, len(good)), *random.integers(0, len(good), 200)]:
        bad = bytearray(good)
        bad[position] ^= 1 << int(random.integers(8))
        path.write_bytes(bad)
        with pytest.raises(DamagedError, match="is damaged"):
            read(path)
    for length in [*ends, *random.integers(0, len(good), 50)]:
        path.write_bytes(good[:length])
        with pytest.raises(DamagedError):
            read(path)


def test_a_damaged_file_gives_way_to_the_one_before(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    state, message = load(path)
    assert state["step"] == 1
    assert "checkpoint.pt is damaged" in message
    path.unlink()
    assert load(path)[0]["step"] == 1
    path.write_bytes(b"")
    previous(path).write_bytes(b"PK")
    with pytest.raises(DamagedError, match=r"checkpoint\.pt is damaged.*checkpoint\.previous\.pt is damaged"):
        load(path)


def test_nothing_at_all_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "checkpoint.pt")


def test_a_write_that_fails_leaves_both_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes(), previous(path).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(SubmissionError, match="No space left on device"):
        save(path, {"step": 3})
    assert (path.read_bytes(), previous(path).read_bytes()) == before
    assert {file.name for file in path.parent.iterdir()} == {"checkpoint.pt", "checkpoint.previous.pt"}


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").mkdir()
    with pytest.raises(SubmissionError, match=r"cannot read .*checkpoint\.pt: Is a directory"):
        load(tmp_path / "checkpoint.pt")
