"""Names of methods and settings: readable, unique, and equal for repetitions."""

from __future__ import annotations

import pytest

from submission.configuration import load
from submission.configuration.catalogue import configurations
from submission.objectives.schedules import Linear
from submission.run.naming import identity, name_methods, read_settings

DEMO = {"objective.name": "beta_vae", "objective.beta": 1.0, "model.space": "R^10", "train.seed": 0}


def names(*changes: dict[str, object]) -> list[str]:
    """Names of runs that differ from each other by ``changes``."""
    return [str(name) for name in name_methods([{**DEMO, **change} for change in changes])]


def test_methods_are_called_by_what_differs() -> None:
    assert names({"objective.beta": 1.0}, {"objective.beta": 4.0}) == ["β-VAE, β = 1", "β-VAE, β = 4"]
    assert names({}) == ["β-VAE"]
    assert names({"model.space": "R^10"}, {"model.space": "R^20"}) == ["β-VAE, R^10", "β-VAE, R^20"]
    both = names({"objective.beta": 2}, {"objective.beta": 2, "train.batch_size": 64})
    assert both == ["β-VAE", "β-VAE, batch size = 64"]


def test_seeds_and_how_often_to_report_make_no_other_method() -> None:
    changes = [{"train.seed": 1}, {"train.log_every": 7}, {"train.checkpoint_every": 1.0}, {"train.tensorboard": True}]
    assert names({}, *changes) == ["β-VAE"] * 5


@pytest.mark.parametrize(
    ("objective", "space", "method"),
    [
        ("beta_vae", "R^10", "β-VAE"),
        ("beta_vae", "S^10", "ΔVAE"),
        ("beta_vae", "S^6(posterior=vmf) x S^8(posterior=vmf)", "S-VAE"),
        ("beta_vae", "S^10(posterior=power_spherical)", "S-VAE"),
        ("beta_vae", "ISA(5x4; p0=2.1, p=2.2)", "ISA-VAE"),
        ("beta_vae", "R^2 x R^3", "β-VAE"),
        ("beta_vae", "T^2 x R^6", "ΔVAE"),
        ("capacity", "SO(3)", "annealed ΔVAE"),
        ("capacity", "R^10", "annealed VAE"),
        ("beta_tcvae", "ISA(5x4; p0=2.1, p=2.2)", "ISA-TCVAE"),
        ("beta_tcvae", "R^10", "β-TCVAE"),
        ("factor_vae", "R^10", "FactorVAE"),
        ("mine", "R^10", "mine"),
    ],
)
def test_objective_and_space_make_the_method(objective: str, space: str, method: str) -> None:
    assert names({"objective.name": objective, "model.space": space}) == [method]


def test_settings_of_one_short_name_are_written_out() -> None:
    found = names({"data.size": 1}, {"data.size": 2, "model.size": 3})
    assert found == ["β-VAE, data.size = 1", "β-VAE, model.size = 3, data.size = 2"]


def test_different_settings_never_share_a_name() -> None:
    values = [
        "",
        "none",
        None,
        "None",
        1.5,
        "1.5",
        (1.5,),
        "(1.5)",
        Linear(0, 1),
        Linear(0, 1, 0.5),
        Linear(0, 1, steps=9),
    ]
    found = names(*({"data.option": value} for value in values))
    assert len(set(found)) == len(values)


def test_a_configuration_file_gives_the_names_that_its_settings_give() -> None:
    """Every shipped configuration, read from its operative text and as typed settings."""
    shipped = [load([name]) for name in configurations()]
    typed = [str(name) for name in name_methods([settings.bindings() for settings in shipped])]
    read = [str(name) for name in name_methods([read_settings(settings.gin()) for settings in shipped])]
    assert typed == read
    assert len(set(typed)) == len({identity(settings.bindings()) for settings in shipped}) > 20


def test_schedules_are_named_by_their_course() -> None:
    found = names(
        {"objective.name": "capacity", "objective.capacity": Linear(0, 15)},
        {"objective.name": "capacity", "objective.capacity": Linear(0, 25, steps=2000)},
        {"objective.name": "capacity", "objective.capacity": 5.0},
    )
    assert found == ["annealed VAE, C = 0 to 15", "annealed VAE, C = 0 to 25 in 2,000 updates", "annealed VAE, C = 5"]


def test_a_damaged_configuration_still_has_settings() -> None:
    text = "objective.name = 'beta_vae'\nobjective.beta = @x/Linear()\nmodel.space = [[[\nnot gin at all\n"
    settings = read_settings(text)
    assert settings["model.space"] == "[[["
    assert str(settings["objective.beta"]) == "Linear()"
    assert str(name_methods([settings])[0]).startswith("ΔVAE")
