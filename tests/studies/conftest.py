"""A small study that trains for a moment on pictures made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission.studies.study import Study

STUDY = """# Two spaces on small pictures.
study.methods = [
    {"config": "delta_vae/periodic_flat_torus", "label": "torus"},
    {"config": "delta_vae/periodic_r2", "label": "plane", "grid": {"objective.beta": [1.0, 4.0]}}]
study.bind = [
    "model.networks = 'mlp_small'", "train.steps = 12", "train.epochs = 0", "train.log_every = 4",
    "train.checkpoint_every = 0.0", "train.precision = 'float32'"]
study.seeds = 2
study.likelihood = 2
study.images = 8
study.published = {"torus": {"elbo": (0.0, 1.0)}}
long/study.bind = [
    "model.networks = 'mlp_small'", "train.steps = 400", "train.epochs = 0", "train.log_every = 1",
    "train.checkpoint_every = 0.0", "train.precision = 'float32'"]
long/study.seeds = 1
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    file = tmp_path / "small.gin"
    file.write_text(STUDY, encoding="utf-8")
    return file


@pytest.fixture
def study(study_file: Path) -> Study:
    return Study.read(str(study_file))
