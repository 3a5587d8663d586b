"""``benchmarks/gpu.py`` prints each of its parts; here with little to do."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.data import Factor, GroundTruthDataset
from submission.data.dataset import Images, Indices
from submission.evaluation import make_plan
from tests.script import load_script

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
LITTLE = {"BATCH": 64, "SEEDS": 2, "EPOCHS": 1, "WARM_UP": 4, "SHORT": 12, "NETWORKS": "mlp_small"}


class Shades(GroundTruthDataset):
    """Noise in 24 shades, 40 pictures of each."""

    def __init__(self) -> None:
        super().__init__("shades", (Factor("shade", 24), Factor("noise", 40)), (8, 8, 1))

    def images(self, indices: Indices) -> Images:
        """Pictures of the cells."""
        shades, seeds = self.factors(indices).T
        noise = [np.random.default_rng(seed).integers(0, 9, self.image_shape) for seed in seeds]
        return (10 * shades[:, None, None, None] + np.stack(noise)).astype(np.uint8)


@pytest.mark.system
def test_every_part_is_printed(
    gpu: torch.device, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = load_script(PROGRAM)
    for name, value in LITTLE.items():
        monkeypatch.setattr(program, name, value)
    monkeypatch.setattr(program, "load", lambda name: Shades())
    monkeypatch.setattr(program, "make_plan", lambda: make_plan(metrics=["mig"]))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--seconds", "0.01"])
    assert program.main() == 0
    printed = capsys.readouterr().out
    assert all(f"\n{part}. " in printed for part in range(1, 6))
    assert "Traceback" not in printed
    assert "not recorded" not in printed
