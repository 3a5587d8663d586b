"""A run on images in memory has scores and pictures like any other, now and when it is opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import submission
from submission.errors import UsageError
from submission.progress import QUIET
from submission.run import Run

TINY = {"train.steps": 4, "train.batch_size": 16, "model.networks": "mlp_small", "model.space": "R^2"}
LABELS = np.stack(np.unravel_index(np.arange(32), (4, 8)), 1)
PICTURES = np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8, 1) * 255


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on a pair of arrays."""
    return submission.train("demo", tmp_path / "run", bind=TINY, data=(PICTURES, LABELS), device="cpu", progress=QUIET)


def test_the_run_that_training_returns_has_its_images(run: Run) -> None:
    results = submission.evaluate(run, preset="fast", metrics=["mig"], progress=QUIET)
    assert 0 <= results["mig"] <= 1
    assert "Traversals" in submission.write_report(run).read_text()


def test_a_run_that_is_opened_again_takes_them(run: Run) -> None:
    with pytest.raises(UsageError, match=r"images in memory .* load_run\(path, data=\(images, factors\)\)"):
        submission.evaluate(submission.load_run(run.path), preset="fast", metrics=["mig"], progress=QUIET)
    again = submission.load_run(run.path, data=(PICTURES, LABELS))
    assert again == run
    assert np.array_equal(again.dataset().images(np.arange(32)), PICTURES)


@pytest.mark.parametrize("data", [(PICTURES[:, :6], LABELS), (PICTURES, LABELS[:, :1]), PICTURES])
def test_other_images_or_factors_are_refused(run: Run, data: object) -> None:
    with pytest.raises(UsageError, match="was trained on images of shape"):
        submission.load_run(run.path, data=data)
