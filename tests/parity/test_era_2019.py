"""``--era 2019``: the real disentanglement_lib with the estimators that scikit-learn 0.20 gave it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from submission import reference
from submission.evaluation.representation import ScoredRepresentation, require_reference
from submission.metrics.registry import metric
from submission.progress import QUIET


def old_logistic(random_state: np.random.RandomState | None = None) -> Any:
    """One-vs-rest with liblinear; like the old solver it takes a seed from the generator when it is fitted."""
    seed = None if random_state is None else random_state.randint(2**31 - 1)
    return OneVsRestClassifier(LogisticRegression(solver="liblinear", random_state=seed))


def old_machine(**settings: Any) -> LinearSVC:
    """The dual solver, from numpy's global generator."""
    return LinearSVC(dual=True, **settings)


@pytest.mark.parametrize(
    ("name", "attribute", "estimators", "changes"),
    [
        ("beta_vae", "linear_model", {"LogisticRegression": old_logistic}, {"num_train": 400, "num_eval": 200}),
        ("modularity", "linear_model", {"LogisticRegression": old_logistic}, {"num_train": 1500, "num_test": 1500}),
        ("sap", "svm", {"LinearSVC": old_machine}, {"num_train": 400, "num_test": 200}),
    ],
)
def test_the_numbers_of_2019(
    name: str,
    attribute: str,
    estimators: dict[str, Any],
    changes: dict[str, int],
    subject: Callable[..., ScoredRepresentation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs_module = reference.module(f"evaluation.metrics.{reference.METRICS[name].module}")
    monkeypatch.setattr(theirs_module, attribute, SimpleNamespace(**estimators))
    rotated = subject("dsprites", "rotated", 3.0)
    given = require_reference(rotated)
    theirs = reference.score(name, given.dataset, given.encode, settings_of(name, changes, "installed"), 0)
    settings = dataclasses.replace(metric(name).settings, **changes, era="2019")
    ours = metric(name).score(rotated.sampler(0, QUIET), settings).values
    today = metric(name).score(rotated.sampler(0, QUIET), dataclasses.replace(settings, era="installed")).values
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(float(value), abs=1e-6), key
    assert name == "sap" or ours != today  # the two solvers of SAP usually agree


def settings_of(name: str, changes: dict[str, int], era: str) -> dict[str, Any]:
    """Arguments for the reference."""
    settings = dataclasses.replace(metric(name).settings, **changes, era=era)
    return {key: value for key, value in dataclasses.asdict(settings).items() if key != "era"}
