"""Our metrics and the real disentanglement_lib's, side by side: same codes, settings and seed, same number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from submission import reference
from submission.evaluation.representation import ScoredRepresentation, require_reference
from submission.metrics.registry import metric
from submission.progress import QUIET

REDUCED: dict[str, dict[str, Any]] = {
    "mig": {"num_train": 1500},
    "irs": {"num_train": 1500},
    "sap": {"num_train": 700, "num_test": 400},
    "factor_vae": {"num_train": 400, "num_eval": 200, "num_variance_estimate": 1500},
    "beta_vae": {"num_train": 400, "num_eval": 200},
    "modularity": {"num_train": 2500, "num_test": 2500},
    "unsupervised": {"num_train": 1500},
}
WRONG_THERE = {"num_active_dims"}  # counts all dimensions, or adds up the codes (docs/metrics.md)
CASES = [
    ("dsprites", "identity", 1.0, 0),
    ("dsprites", "rotated", 1.0, 1),
    ("dsprites", "rotated", 0.06, 2),
    ("mpi3d", "rotated", 300.0, 3),
    ("mpi3d", "noise", 1.0, 4),
    ("cars3d", "rotated", 1.0, 5),
]


def both(
    name: str, subject: ScoredRepresentation, changes: dict[str, Any], seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Our scores and the reference's."""
    ours = metric(name)
    settings = dataclasses.replace(ours.settings, **changes)
    given = require_reference(subject)
    named = {key: value for key, value in dataclasses.asdict(settings).items() if key != "era"}
    theirs = reference.score(name, given.dataset, given.encode, named, seed)
    return ours.score(subject.sampler(seed, QUIET), settings).values, theirs


def assert_same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    compared = set(theirs) - WRONG_THERE
    assert compared <= set(ours)
    for key in compared:
        assert ours[key] == pytest.approx(float(theirs[key]), abs=1e-6), key


@pytest.mark.parametrize("name", ["mig", "irs", "sap", "factor_vae", "beta_vae", "unsupervised"])
@pytest.mark.parametrize(("data", "representation", "scale", "seed"), CASES)
def test_the_same_number(
    name: str, data: str, representation: str, scale: float, seed: int, subject: Callable[..., ScoredRepresentation]
) -> None:
    changes = REDUCED[name]
    if name == "sap" and data == "cars3d":
        changes = {"num_train": 300, "num_test": 200}  # 183 classes, one machine each
    assert_same(*both(name, subject(data, representation, scale), changes, seed))


@pytest.mark.parametrize("offset", [5.0, 30.0, 1000.0])
def test_robustness_of_codes_far_from_zero(offset: float, subject: Callable[..., ScoredRepresentation]) -> None:
    assert_same(*both("irs", subject("dsprites", "rotated", 1.0, offset), REDUCED["irs"], 0))


@pytest.mark.parametrize(
    ("data", "representation", "scale"), [("dsprites", "identity", 1.0), ("mpi3d", "rotated", 300.0)]
)
def test_modularity_and_explicitness(
    data: str, representation: str, scale: float, subject: Callable[..., ScoredRepresentation]
) -> None:
    assert_same(*both("modularity", subject(data, representation, scale), REDUCED["modularity"], 0))


def test_duplicated_codes(subject: Callable[..., ScoredRepresentation]) -> None:
    for name in ("mig", "sap", "factor_vae", "irs"):
        assert_same(*both(name, subject("dsprites", "duplicated"), REDUCED[name], 0))


def test_continuous_sap(subject: Callable[..., ScoredRepresentation]) -> None:
    changes = REDUCED["sap"] | {"continuous_factors": True}
    assert_same(*both("sap", subject("dsprites", "rotated"), changes, 0))


def test_other_batch_sizes_and_settings(subject: Callable[..., ScoredRepresentation]) -> None:
    """A last batch that is not full, other bins, another quantile and no pruning."""
    rotated = subject("dsprites", "rotated", 0.01)
    assert_same(*both("mig", rotated, {"num_train": 1003, "batch_size": 64, "num_bins": 7}, 0))
    assert_same(*both("irs", rotated, {"num_train": 1003, "diff_quantile": 1.0, "num_bins": 5}, 0))
    changes = REDUCED["factor_vae"] | {"batch_size": 10, "prune_threshold": 0.0}
    assert_same(*both("factor_vae", rotated, changes, 0))
