"""Runs on a GPU: complete folders, exact noise after resumption, seeds together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.configuration.settings import DataSettings, ModelSettings, ObjectiveSettings, TrainSettings
from submission.data import load
from submission.data.batches import ImageBatches
from submission.errors import SubmissionError
from submission.evaluation.encoding.encoder import Encoder, untrained_convolutional
from submission.export.torchscript import load_torchscript
from submission.training import Settings, train, train_together

SETTINGS = Settings(
    TrainSettings(steps=12, batch_size=32, seed=3, precision="float32", log_every=2, checkpoint_every=0.0),
    DataSettings("dsprites_small"),
    ModelSettings("R^4", "mlp_small"),
    ObjectiveSettings("beta_vae"),
)


def test_images_on_the_gpu_are_those_of_the_cpu(gpu: torch.device) -> None:
    data = load("dsprites_small")
    indices = torch.arange(0, len(data), max(1, len(data) // 100))
    assert torch.equal(ImageBatches(data, gpu)(indices).cpu(), ImageBatches(data, torch.device("cpu"))(indices))


def test_codes_of_cells_are_those_of_their_images(gpu: torch.device) -> None:
    data = load("dsprites_small")
    encoder = Encoder(untrained_convolutional(data.image_shape, 5, 0), "fresh", data.image_shape, str(gpu))
    rows, cells = encoder.rows(data), np.arange(0, len(data), max(1, len(data) // 100))
    assert rows is not None
    np.testing.assert_allclose(rows(cells), encoder(data.observations(cells)), atol=1e-5)


@pytest.mark.system
def test_a_run_that_was_interrupted_ends_like_one_that_was_not(
    tmp_path: Path, gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkpoint.read(train(SETTINGS, tmp_path / "whole").checkpoint_file)
    fetch, fetched = ImageBatches.__call__, []

    def lost(feed: ImageBatches, indices: torch.Tensor) -> torch.Tensor:
        fetched.append(1)
        if len(fetched) == 8:
            raise OSError(5, "Input/output error")
        return fetch(feed, indices)

    monkeypatch.setattr(ImageBatches, "__call__", lost)
    with pytest.raises(SubmissionError, match="cannot be read"):
        train(SETTINGS, tmp_path / "broken")
    monkeypatch.undo()
    folder = train(SETTINGS, tmp_path / "broken", resume=True)
    state = checkpoint.read(folder.checkpoint_file)
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(state["random"]["cuda"], whole["random"]["cuda"], strict=True)
    )
    for name, weight in state["model"].items():
        assert (weight - whole["model"][name]).abs().max() < 1e-4
    assert load_torchscript(folder.exported_file)(torch.zeros(2, 1, 64, 64)).shape == (2, 4)


@pytest.mark.system
def test_seeds_together_are_the_seeds_alone(tmp_path: Path, gpu: torch.device) -> None:
    folders = train_together(SETTINGS, (3, 4), tmp_path / "many")
    for seed, folder in zip((3, 4), folders, strict=True):
        alone = train(replace(SETTINGS, train=replace(SETTINGS.train, seed=seed)), tmp_path / f"alone_{seed}")
        first, second = checkpoint.read(folder.checkpoint_file), checkpoint.read(alone.checkpoint_file)
        for name, weight in first["model"].items():
            assert (weight - second["model"][name]).abs().max() < 5e-3  # Adam makes steps of 1e-3 of rounding errors
            assert (weight - second["model"][name]).abs().mean() < 1e-5
        pairs = zip(first["random"]["cuda"], second["random"]["cuda"], strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
