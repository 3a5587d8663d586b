"""Scores and likelihoods computed on a GPU are those of the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from submission.cli.main import main
from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.run import Run
from submission.training import Settings, train

SETTINGS = Settings(
    TrainSettings(steps=6, batch_size=16, held_out=60, log_every=2),
    DataSettings("dsprites_small"),
    ModelSettings("S^2 x R^2", "mlp_small"),
)


@pytest.fixture
def folder(gpu: torch.device, tmp_path: Path) -> Run:
    """A run, with held-out images."""
    return train(SETTINGS, tmp_path / "run", device=str(gpu))


def on_both(folder: Run, out: Path, *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``evaluate.py`` writes from the GPU and from the CPU."""
    records = []
    for device in ("cuda", "cpu"):
        assert main(["evaluate", str(folder.path), "--json", str(out), "--device", device, *options]) == 0
        records.append(json.loads(out.read_text()))
    return records[0], records[1]


def test_scores(folder: Run, tmp_path: Path) -> None:
    there, here = on_both(folder, tmp_path / "scores.json", "--metrics", "mig,sap", "--no-baselines")
    assert there["representation"]["device"].startswith("cuda")
    for metric, result in here["columns"]["trained"]["scores"].items():
        expected = there["columns"]["trained"]["scores"][metric]["values"]
        assert result["values"] == pytest.approx(expected, abs=0.01), metric


def test_likelihoods(folder: Run, tmp_path: Path) -> None:
    options = ["--likelihood", "--images", "40", "--samples", "50"]
    there, here = on_both(folder, tmp_path / "likelihood.json", *options)
    assert there["device"].startswith("cuda")
    for name in ("log_likelihood", "elbo", "kl", "reconstruction", "mse"):
        ours, theirs = there["likelihood"][name], here["likelihood"][name]
        assert abs(ours["mean"] - theirs["mean"]) <= theirs["standard_error"], name
