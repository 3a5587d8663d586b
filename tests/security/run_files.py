"""Valid files of a run and around it: encoders, codes, checkpoints, metadata, scores, logs, records, configurations."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from submission import checkpoint
from submission.export.torchscript import traced
from submission.studies.records import Record
from tests.security.data_files import ROWS


def write_script(path: Path) -> None:
    """A small TorchScript file."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()
    path.write_bytes(traced(module, (1, 8, 8)))


def write_codes(path: Path) -> None:
    """A table of codes on a full grid."""
    np.savez(path, codes=np.random.RandomState(0).rand(12, 3).astype(np.float32), factor_sizes=np.array([3, 4]))


def write_csv_codes(path: Path) -> None:
    """A table of codes as text, with factors in a file beside it."""
    np.savetxt(path.with_name("factors.csv"), ROWS, delimiter=",")
    np.savetxt(path, np.random.RandomState(0).rand(12, 3), delimiter=",", header="a,b,c", comments="")


def training_state() -> dict[str, Any]:
    """Everything that a checkpoint has."""
    weights = {"encoder.weight": torch.ones(3, 4), "encoder.bias": torch.zeros(3)}
    return {
        "step": 3,
        "fraction": 0.5,
        "reserve": 1.0,
        "ahead": 0.0,
        "seconds": 2.0,
        "config": "train.steps = 6\n",
        "precision": "float32",
        "versions": {"torch": "2.13"},
        "data": {"data.name": "d"},
        "model": weights,
        "objective": {},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3, 4)}}, "param_groups": []},
        "random": {"torch": torch.zeros(8, dtype=torch.uint8)},
        "average": weights,
        "validation": {"best": -3.5, "best_step": 2},
        "best_model": weights,
    }


def write_checkpoint(path: Path) -> None:
    """A checkpoint of a run with held-out images."""
    checkpoint.save(path, training_state())
    checkpoint.previous(path).unlink(missing_ok=True)


def write_meta(path: Path) -> None:
    """A whole ``meta.json``."""
    block = {"name": "S^2", "start": 0, "stop": 3, "topology": "sphere"}
    data = {"name": "dsprites_full", "options": {}, "factor_names": ["shape"], "factor_sizes": [3], "periodic": [False]}
    meta = {
        "format": 1,
        "created": "",
        "versions": {"torch": "2"},
        "seed": 0,
        "space": "S^2",
        "dataset": {**data, "image_shape": [8, 8, 1]},
        "model": {"networks": "mlp_small", "weights": 3, "likelihood": "bernoulli", "variance": 1.0},
        "representation": {"mode": "mean", "scale": 1.0, "width": 3, "blocks": [block]},
        "training": {"steps": 1, "finished": True, "best_elbo": -3.5},
    }
    path.write_text(json.dumps(meta))


def scores() -> dict[str, Any]:
    """A whole score file."""
    outcome = {"values": {"mig": 0.5}, "per_seed": [{"mig": 0.5}], "notes": ["n"], "details": {}, "seconds": 0.1}
    repeated = {"mig": {"mean": 0.5, "sd": 0.1, "low": 0.4, "high": 0.6, "count": 3, "level": 0.95}}
    column = {"scores": {"mig": outcome | {"summary": repeated}}, "blocks": {"S^2": [0]}, "standard_deviations": [1.0]}
    about = {"headline": "mig", "range": [0.0, 1.0], "shown": ["mig"], "settings": {"bins": 20}}
    return {
        "format": 1,
        "preset": "challenge",
        "era": "installed",
        "seeds": [0],
        "name": "mine",
        "created": "2026",
        "data": {"name": "dsprites_full", "periodic": [False], "factors": ["shape"]},
        "representation": {"file": "f", "width": 3},
        "metrics": {"mig": about},
        "columns": {"trained": column, "untrained": copy.deepcopy(column)},
    }


def write_scores(path: Path) -> None:
    """A score file."""
    path.write_text(json.dumps(scores()))


def write_log(path: Path) -> None:
    """A training log."""
    rows = ({"step": step, "loss": 1.0 / step, "kl": [0.1, 0.2], "images_per_second": 10.0} for step in range(1, 9))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_records(path: Path) -> None:
    """Records of a study."""
    how: dict[str, Any] = {"config": {"train.steps": "3"}, "values": {"elbo": -3.0}, "training": {"seconds": 1.0}}
    records = [Record("s", "smoke", f"t{seed}", "β-VAE", {"β": 4}, seed, **how) for seed in range(4)]
    path.write_text("".join(f"{record.line()}\n" for record in records), encoding="utf-8")


def write_gin(path: Path) -> None:
    """A configuration."""
    path.write_text(
        'train.steps = 10\nmodel.space = "R^3 x S^1"\ndata.name = "dsprites_small"\nobjective.name = "beta_vae"\n'
    )
