"""The six runs of Rey (2020) hold every value of its Table 1."""

from __future__ import annotations

import itertools

import pytest

from submission.configuration import configurations, load
from submission.latent import parse
from submission.objectives import Linear

TABLE_1 = {"d": (10, 20), "beta": ("1", "2.5", "10"), "L": 5, "C_min": 0.0, "C_max": 15.0}


@pytest.mark.parametrize(("d", "beta"), list(itertools.product(TABLE_1["d"], TABLE_1["beta"])))
def test_every_value_of_table_1(d: int, beta: str) -> None:
    settings = load([f"delta_vae_challenge/d{d}_beta{beta}"])
    assert settings.objective.name == "capacity"
    assert settings.objective.options == {
        "beta": float(beta),
        "capacity": Linear(TABLE_1["C_min"], TABLE_1["C_max"]),
        "factor_betas": (),
        "per_image": False,
    }
    assert f"steps={TABLE_1['L']}" in settings.model.space
    assert "sampler=walk" in settings.model.space
    assert "kl=short_time" in settings.model.space
    space = parse(settings.model.space)
    assert space.components[0].topology == "sphere"
    assert space.ambient_size == d + 1
    assert (settings.model.likelihood, settings.model.variance) == ("gaussian", 1.0)


def test_table_1_is_complete() -> None:
    runs = {name for name in configurations() if name.startswith("delta_vae_challenge/")}
    assert runs == {
        f"delta_vae_challenge/d{d}_beta{beta}" for d, beta in itertools.product(TABLE_1["d"], TABLE_1["beta"])
    }
