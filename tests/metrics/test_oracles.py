"""Representations whose scores are known beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from submission.errors import SubmissionError
from submission.metrics import unsupervised
from submission.metrics.base import Scores
from submission.metrics.registry import REGISTRY, metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, true_factors

Score = Callable[..., Scores]
Range = tuple[float, float]
ONE, ZERO, REFUSED = (0.97, 1.0), (0.0, 1e-9), None
ORACLES = ("true", "permuted", "rotated", "duplicated", "dead", "constant", "noise")
KNOWN: dict[str, tuple[Range | None, ...]] = {
    # Bounds of the headline for the oracles in this order. "permuted" has other signs and scales, too; "dead" has a
    # constant fourth column; "noise" is fixed per cell, so that trees can learn sixty cells by heart.
    "mig": (ONE, ONE, (0, 0.2), ZERO, ONE, ZERO, (0, 0.12)),
    "factor_vae": (ONE, ONE, (0.4, 0.8), ONE, ONE, ZERO, (0.3, 0.6)),
    "dci": (ONE, ONE, (0, 0.3), ONE, ONE, ZERO, (0, 0.1)),
    "dci_fast": (ONE, ONE, (0, 0.3), ONE, ONE, ZERO, (0, 0.1)),
    # a linear machine cannot single out inner values of a factor: the truth is far from 1 and depends on the scale
    "sap": ((0.5, 0.8), (0.5, 0.8), (0, 0.1), ZERO, (0.5, 0.8), ZERO, (0, 0.1)),
    "irs": (ONE, ONE, (0.2, 0.6), ONE, ONE, ZERO, (0.1, 0.4)),
    # constants: the frequency of the commonest of three factors
    "beta_vae": (ONE, ONE, (0.5, 0.97), ONE, ONE, (0.25, 0.42), (0.3, 0.6)),
    "modularity": (ONE, ONE, (0.3, 0.7), ONE, (0.74, 0.75), ZERO, (0.2, 0.6)),
    # nats; nearly independent draws, and copies are infinitely dependent
    "unsupervised": ((0, 0.01), (0, 0.01), (0, 0.05), REFUSED, (0, 0.01), REFUSED, (0, 0.1)),
    "infomec": (ONE, ONE, (0, 0.3), ONE, ONE, ZERO, (0, 0.2)),
    "mig_sup": (ONE, ONE, (0, 0.2), ONE, (0.73, 0.75), ZERO, (0, 0.1)),
    # copies close the gap and constants know nothing: log 20 / (H + log 20) on average
    "jemmig": (ONE, ONE, (0.1, 0.4), (0.68, 0.70), ONE, (0.68, 0.70), (0.1, 0.4)),
    "dcimig": (ONE, ONE, (0, 0.2), ONE, ONE, ZERO, (0, 0.1)),
    "med": (ONE, ONE, (0, 0.1), ONE, ONE, ZERO, (0, 0.05)),
    "dci_es": (ONE, ONE, (0.7, 0.95), ONE, ONE, ZERO, (0.4, 0.8)),
    "downstream": (ONE, ONE, ONE, ONE, ONE, (0.2, 0.35), ONE),
    "downstream_logistic": (ONE, ONE, ONE, ONE, ONE, (0.2, 0.35), (0.3, 0.5)),
    # how much more a factor suffers from losing its own code than the others do; copies make up for the loss
    "downstream_reduced": ((0.6, 0.8), (0.6, 0.8), ZERO, ZERO, (0.6, 0.8), ZERO, ZERO),
    "downstream_strong": (ZERO, ZERO, (0.2, 0.9), ZERO, ZERO, ZERO, (0.4, 1.0)),
    "fairness": ((0, 1e-6),) * 7,  # factors that are predicted without error, or always alike, do not leak
    "periodic": (REFUSED,) * 7,  # this grid has no periodic factor
    "d_lsbd": (REFUSED,) * 7,
    "mig_chen": (REFUSED,) * 7,  # codes have no posteriors
}


def test_every_metric_has_known_scores() -> None:
    assert set(KNOWN) == set(REGISTRY)


@pytest.mark.parametrize("name", KNOWN)
def test_oracles(name: str, score: Score) -> None:
    for oracle, expected in zip(ORACLES, KNOWN[name], strict=True):
        if expected is REFUSED:
            with pytest.raises(SubmissionError, match=name):
                score(name, oracle)
            continue
        found = score(name, oracle).values[metric(name).headline]
        assert expected[0] - 1e-9 <= found <= expected[1] + 1e-9, (oracle, found)


TASKS = {"downstream", "downstream_logistic", "downstream_reduced", "downstream_strong", "fairness"}


@pytest.mark.parametrize("name", sorted(set(KNOWN) - TASKS - {"periodic", "d_lsbd", "mig_chen"}))
def test_dead_dimensions_are_named(name: str, score: Score) -> None:
    """Except in tasks, where a constant code is an input like any other."""
    assert re.search("(constant|inactive).*3", " ".join(score(name, "dead").notes))
    if KNOWN[name][ORACLES.index("constant")]:
        assert "constant" in " ".join(score(name, "constant").notes)


@pytest.mark.parametrize("name", ["mig", "factor_vae", "irs", "unsupervised", "beta_vae", "dcimig", "jemmig"])
def test_a_dead_dimension_changes_nothing(name: str, score: Score) -> None:
    dead, alive = score(name, "dead"), score(name, "true")
    for key in set(alive.values) - {"mutual_info_score"}:
        assert dead.values[key] == pytest.approx(alive.values[key], abs=1e-6), key
    if name == "unsupervised":
        # 3 of 6 pairs have both dimensions alive
        assert dead.values["mutual_info_score"] == pytest.approx(0.5 * alive.values["mutual_info_score"])


def test_explicitness_of_constant_codes_is_chance(score: Score) -> None:
    assert score("modularity", "constant").values["explicitness_score_test"] == pytest.approx(0.5)


def test_independent_codes_have_no_total_correlation() -> None:
    codes = np.random.RandomState(0).randn(20_000, 4).astype(np.float32)
    values = unsupervised(codes).values
    assert values["gaussian_total_correlation"] == pytest.approx(0, abs=1e-3)
    assert values["gaussian_wasserstein_correlation"] == pytest.approx(0, abs=1e-3)


def test_total_correlation_of_a_known_gaussian() -> None:
    """-½ log(1 - ρ²), and the Wasserstein distance by Monte-Carlo-free algebra: eigenvalues 1 ± ρ."""
    rho = 0.8
    normal = np.random.RandomState(0).randn(200_000, 2)
    codes = np.stack([normal[:, 0], rho * normal[:, 0] + np.sqrt(1 - rho**2) * normal[:, 1]], axis=1)
    values = unsupervised(codes.astype(np.float32)).values
    assert values["gaussian_total_correlation"] == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.01)
    expected = 4 - 2 * (np.sqrt(1 + rho) + np.sqrt(1 - rho))
    assert values["gaussian_wasserstein_correlation"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "era", "value", "tolerance"),
    [
        ("mig", None, 0.895302, 1e-3),
        ("sap", "installed", 0.243600, 1e-6),
        ("irs", None, 0.984309, 1e-4),
        ("factor_vae", None, 1.0, 0),
        ("beta_vae", "installed", 1.0, 0),
    ],
)
def test_values_recorded_from_the_reference(name: str, era: str | None, value: float, tolerance: float) -> None:
    """True factors and five dimensions of small noise on dSprites' grid at the challenge's settings.

    The recorded run drew other noise, which moves MIG and IRS in the fourth and fifth digit.
    """
    grid = CodeGrid.of("dsprites", (3, 6, 40, 32, 32))
    truth = true_factors(grid)
    small = (1e-3 * np.random.RandomState(1).randn(len(grid), 5)).astype(np.float32)
    source = IndexSource(grid, lambda cells: np.concatenate([truth(cells), small[cells]], axis=1))
    chosen = metric(name)
    found = chosen.score(GridSampler(source, 0), chosen.settings).values[chosen.headline]
    assert found == pytest.approx(value, abs=tolerance)
