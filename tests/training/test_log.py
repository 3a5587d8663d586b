"""Windows of terms, and a log that fits its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from submission.errors import SubmissionError
from submission.latent import parse
from submission.objectives import Terms
from submission.training.logs import JsonLines, Window


def terms(loss: float) -> Terms:
    """Terms of an update."""
    posterior = parse("R^1").posterior(torch.zeros(1, 2))
    return Terms(torch.tensor(loss), {"loss": torch.tensor(loss), "kl": torch.tensor(1.0)}, torch.ones(1), posterior)


def test_a_window_gives_means_and_finds_the_first_update_that_is_not_finite() -> None:
    window = Window()
    for step, loss in enumerate([1.0, 3.0, 2.0]):
        window.add(step, terms(loss))
    assert window.close() == ({"loss": 2.0, "kl": 1.0}, None)
    assert window.close() == ({}, None)
    for step, loss in enumerate([1.0, float("inf"), float("nan")], start=3):
        window.add(step, terms(loss))
    assert window.close()[1] == 4
    assert window.terms(4) == {"loss": float("inf"), "kl": 1.0}


def test_a_log_is_cut_back_to_the_checkpoint_and_loses_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = JsonLines(path, 0)
    for step in (2, 4, 6):
        log.write({"step": step, "loss": 1.0})
    with path.open("ab") as file:
        file.write(b'{"step": 1, "loss": "\xff"}\n{"step": null}\n[3]\n{"step": 1e999}\n{"step": 8, "lo')
    JsonLines(path, 4).write({"step": 6, "loss": 2.0})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [2, 4, 1, 6]
    assert path.read_text().endswith('"loss": 2.0}\n')
    with pytest.raises(SubmissionError, match="cannot write"):
        JsonLines(tmp_path / "nowhere" / "metrics.jsonl", 0).write({"step": 1})
