"""A small study, its records, and how tests wait for its trials."""

from __future__ import annotations

import time

from submission.studies.records import Record, read_records
from submission.studies.runner import Place
from submission.studies.study import Method, Study

PATIENCE = 240
"""Seconds after which a test gives up waiting."""
TINY = (
    "model.networks = 'mlp_small'",
    "train.epochs = 0",
    "train.precision = 'float32'",
    "train.checkpoint_every = 0.0",
)


def study_of(steps: int, seeds: int = 2, **bind: str) -> Study:
    torus = Method("delta_vae/periodic_flat_torus", "torus")
    more = (f"train.steps = {steps}", f"train.log_every = {max(1, steps // 20)}")
    return Study("small", methods=(torus,), bind=(*TINY, *more), seeds=seeds, likelihood=2, images=8)


def values(place: Place) -> dict[tuple[str, int], object]:
    return {record.key: record.values for record in read_records(place.records)}


def wait_for(condition, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def record(study: Study, number: int, **values: float) -> Record:
    trial = study.trials()[number]
    return Record(study.name, "", trial.name, trial.method, trial.choices, trial.seed, trial.bindings, values)
