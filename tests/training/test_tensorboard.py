"""TensorBoard shows every logged point once, also after a run was killed and resumed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from submission.errors import SubmissionError, UsageError
from submission.training import train
from submission.training.logs import TensorBoard

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
Make = Callable[..., Any]


def points(folder: Path, name: str) -> list[tuple[int, float]]:
    """The points that TensorBoard shows of one scalar."""
    events = accumulator.EventAccumulator(str(folder), purge_orphaned_data=True).Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_scalars_are_read_back_with_their_steps(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, 0)
    board.write(100, {"loss": 12.5, "kl/0": -1, "name": "text", "broken": float("nan")})
    board.write(300_000, {"loss": 2.25})
    board.close()
    assert points(tmp_path, "loss") == [(100, 12.5), (300_000, 2.25)]
    assert points(tmp_path, "kl/0") == [(100, -1.0)]


def test_an_interrupted_run_shows_each_point_once(tmp_path: Path, settings: Make, dots: Make) -> None:
    def lost(asked: int) -> None:
        if asked == 9:
            raise SubmissionError("gone")

    chosen = settings(tensorboard=True, checkpoint_every=1e6)  # resumed from update 0, after points up to 8
    with pytest.raises(SubmissionError, match="gone"):
        train(chosen, tmp_path / "run", data=dots(lost))
    assert [step for step, _ in points(tmp_path / "run" / "events", "loss")] == [2, 4, 6, 8]
    folder = train(chosen, tmp_path / "run", data=dots(), resume=True)
    whole = train(chosen, tmp_path / "whole", data=dots())
    assert points(folder.events_folder, "loss") == points(whole.events_folder, "loss")
    assert [step for step, _ in points(folder.events_folder, "loss")] == [2, 4, 6, 8, 10, 12]


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SubmissionError, match=r"cannot write .*file"):
        TensorBoard(tmp_path / "file" / "events", 0)


def test_without_tensorboard_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match=r"disentanglement-submission\[tensorboard\]"):
        TensorBoard(tmp_path, 0)
