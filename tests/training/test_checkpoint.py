"""A checkpoint is read back whole, or it is refused, or the one before it is used; never silently wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.checkpoint import DamagedError, exported_weights, load, previous, read, save
from submission.errors import SubmissionError

ABSENT = object()


def training_state(number: int, /, **changes: Any) -> dict[str, Any]:
    """A training state after ``number`` updates."""
    state = {
        "step": number,
        "fraction": 0.5,
        "reserve": 1.0,
        "ahead": 0.0,
        "seconds": 2,
        "precision": "float32",
        "config": "model.space = 'μ'\n",
        "versions": {"torch": "2"},
        "data": {"data.name": "dots"},
        "model": {"weight": torch.randn(50)},
        "objective": {},
        "optimizer": {"state": {}, "param_groups": []},
        "random": {"python": (1, (2, 3), None)},
    }
    return {name: value for name, value in (state | changes).items() if value is not ABSENT}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two checkpoints, of steps 1 and 2."""
    for step in (1, 2):
        save(tmp_path / "checkpoint.pt", training_state(step))
    return tmp_path / "checkpoint.pt"


def test_it_comes_back_and_any_torch_program_can_read_it(path: Path) -> None:
    state, message = load(path)
    assert (state["step"], state["config"], message) == (2, "model.space = 'μ'\n", "")
    assert state["random"] == {"python": (1, (2, 3), None)}
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


def test_a_missing_checkpoint_is_not_damaged(tmp_path: Path) -> None:
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
    with pytest.raises(SubmissionError, match=r"cannot read .*checkpoint\.pt: it is not a regular file"):
        load(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": "two"}, "step is 'two'"),
        ({"step": True}, "step is True"),
        ({"step": -1}, "step -1"),
        ({"step": ABSENT}, "step is missing"),
        ({"fraction": float("nan")}, "fraction nan"),
        ({"fraction": 7.0}, "fraction 7.0"),
        ({"model": [1]}, r"model is \[1\]"),
        ({"model": {"weight": 3}}, "model contains values that are not Tensor"),
        ({"model": {3: torch.zeros(1)}}, "model contains values that are not Tensor"),
        ({"config": b"x"}, "config is b'x'"),
        ({"versions": {"torch": 2}}, "versions contains values that are not str"),
        ({"random": None}, "random is missing"),
        ({"validation": {"best": 1.0, "best_step": 9}}, "validation is"),
        ({"validation": {"best": "x", "best_step": 1}}, "validation is"),
        ({"validation": {}}, "validation is"),
        ({"best_model": {"weight": "x"}}, "best_model contains values that are not Tensor"),
        ({"average": 5}, "average is 5"),
    ],
)
def test_a_whole_file_with_other_contents_gives_way_to_the_one_before(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    save(path, training_state(3, **changes))
    state, problem = load(path)
    assert state["step"] == 2
    with pytest.raises(DamagedError, match=message):
        checkpoint.read_training(path)
    assert "is not a checkpoint of a training run" in problem


@pytest.mark.parametrize("content", [3, [1, 2], "text", torch.zeros(3)])
def test_an_archive_of_something_else_is_damaged(path: Path, content: object) -> None:
    torch.save(content, path)
    archive = path.read_bytes()[:-2]
    path.write_bytes(archive + checkpoint.comment(archive))
    with pytest.raises(DamagedError, match="not a checkpoint"):
        read(path)


def test_the_best_weights_are_those_of_the_checkpoint(tmp_path: Path) -> None:
    path, best = tmp_path / "checkpoint.pt", tmp_path / "best.pt"
    first, second, average = (torch.full((2,), value) for value in (1.0, 2.0, 3.0))
    held = {"validation": {"best": -5.0, "best_step": 3}}
    state = training_state(4, model={"weight": second})
    save(path, state)
    assert torch.equal(exported_weights(path, best)["weight"], second)
    save(path, state | {"average": {"weight": average}})
    assert torch.equal(exported_weights(path, best)["weight"], average)
    save(path, state | held | {"best_model": {"weight": first}, "average": {"weight": average}})
    assert torch.equal(exported_weights(path, best)["weight"], first)


def test_separate_best_weights_of_another_moment_are_refused(tmp_path: Path) -> None:
    path, best = tmp_path / "checkpoint.pt", tmp_path / "best.pt"
    held = {"validation": {"best": -5.0, "best_step": 3}}
    save(path, training_state(4) | held)
    with pytest.raises(SubmissionError, match=r"best\.pt is missing"):
        exported_weights(path, best)
    save(best, {"model": {"weight": torch.ones(2)}, **held})
    assert torch.equal(exported_weights(path, best)["weight"], torch.ones(2))
    save(best, {"model": {"weight": torch.ones(2)}, "validation": {"best": -4.0, "best_step": 4}})
    with pytest.raises(SubmissionError, match="does not hold the best weights of its checkpoint"):
        exported_weights(path, best)
    best.write_bytes(best.read_bytes()[:-1])
    with pytest.raises(SubmissionError, match=r"best\.pt is damaged"):
        exported_weights(path, best)


def test_a_missing_checkpoint_with_one_before_it_can_be_resumed(path: Path) -> None:
    path.unlink()
    message = (
        r"checkpoint\.pt is missing — .*submission train --resume --out .* continues from checkpoint\.previous\.pt"
    )
    with pytest.raises(SubmissionError, match=message):
        exported_weights(path, path.with_name("best.pt"))
    previous(path).unlink()
    with pytest.raises(SubmissionError, match=r"checkpoint\.pt is missing — train it"):
        exported_weights(path, path.with_name("best.pt"))
