"""Held-out images whose ELBO is not finite end a run like a loss that is not: in one line, with the batch saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from submission import checkpoint
from submission.run import Run
from submission.training import NotFiniteError, train, train_together
from submission.training.validation import Validation

Make = Callable[..., Any]


def failure(folder: Run) -> dict[str, Any]:
    """What is kept of the update that went wrong."""
    record: dict[str, Any] = json.loads(folder.failure_file.read_text())
    return record


def test_the_update_that_went_wrong_is_named_though_held_out_images_show_it_first(
    tmp_path: Path, settings: Make, dots: Make
) -> None:
    chosen = settings(learning_rate=1e30, steps=40, log_every=40, held_out=16)
    with pytest.raises(NotFiniteError, match=r"update 1 gave loss = (nan|inf), .*failure\.json.*another --out"):
        train(chosen, tmp_path, data=dots(), device="cpu")
    assert failure(Run(tmp_path))["step"] == 1
    assert checkpoint.read(tmp_path / "checkpoint.pt")["step"] == 0


def test_seeds_trained_together_do_the_same(tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = settings(learning_rate=1e30, steps=40, log_every=40, held_out=16)
    with pytest.raises(NotFiniteError, match=r"update 1 gave .*seed_3/failure\.json"):
        train_together(chosen, (3, 4), tmp_path, data=dots(), device="cpu")
    assert failure(Run(tmp_path / "seed_3"))["step"] == 1


@pytest.mark.parametrize(("broken", "steps"), [(4, 12), (5, 5)])
def test_held_out_images_alone_can_go_wrong(
    broken: int, steps: int, tmp_path: Path, settings: Make, dots: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Validation.measure

    def diverged(self: Validation, step: int) -> float:
        return float("-inf") if step == broken else measure(self, step)

    monkeypatch.setattr(Validation, "measure", diverged)
    with pytest.raises(NotFiniteError, match=rf"update {broken - 1} gave held-out ELBO = -inf; "):
        train(settings(held_out=16, steps=steps), tmp_path, data=dots(), device="cpu")
    kept = failure(Run(tmp_path))
    assert len(kept["indices"]) == 24
    assert kept["terms"] == {"held-out ELBO": "-inf"}
