"""Every shipped run says what its paper says, and becomes a model, a space and an objective that train."""

from __future__ import annotations

import pytest
import torch

from submission.configuration import configurations, gin_folder, load
from submission.data.registry import entry
from submission.latent import parse
from submission.models.networks import NETWORKS
from submission.models.vae import build
from submission.objectives import Linear, TrainingPosition, create
from submission.objectives.schedules import WARM_UP

RUNS = list(configurations())
TABLE_1 = [1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6]
TABLE_2 = [1, 1.5, 2, 2.5, 3, 4]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_takes_a_step(name: str) -> None:
    settings = load([name])
    assert settings.model.networks in NETWORKS
    space = parse(settings.model.space)
    assert parse(space.spec).spec == space.spec
    model = build("mlp_small", space, (8, 8, 1), settings.model.likelihood, settings.model.variance)
    objective = create(settings.objective.name, space, 1000, **settings.objective.options)
    images = torch.rand(4 * objective.batches, 1, 8, 8)
    terms = objective.terms(model, images, objective.coefficients(TrainingPosition(50, 100)))
    terms.loss.backward()
    assert terms.loss.isfinite()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())
    assert settings.export.mode in ("", *space.export_modes)


@pytest.mark.parametrize("name", RUNS)
def test_the_data_set_is_known_and_takes_the_options(name: str) -> None:
    data = load([name]).data
    allowed = entry(data.name).parameters()
    assert set(data.options) <= set(allowed)


def files(folder: str) -> list[str]:
    return [name for name in RUNS if name.startswith(f"{folder}/")]


@pytest.mark.parametrize("name", [name for name in files("isa_vae") if not name.endswith("cars3d")])
def test_isa_vae_has_the_values_of_tables_1_and_2(name: str) -> None:
    settings = load([name])
    train = settings.train
    dsprites = name.endswith("dsprites")
    assert (train.batch_size, train.learning_rate, train.beta1, train.beta2) == (2048, 1e-3, 0.9, 0.999)
    assert train.epochs == (20 if dsprites else 1500)
    assert parse(settings.model.space).ambient_size == (20 if dsprites else 10)
    assert (settings.model.networks, settings.model.likelihood) == ("mlp", "bernoulli")


@pytest.mark.parametrize("name", files("isa_vae"))
def test_isa_vae_can_be_run_at_every_weight_of_its_tables(name: str) -> None:
    weight = "gamma" if "factor" in name else "beta"
    values = range(1, 11) if weight == "gamma" else TABLE_1 if name.endswith("dsprites") else TABLE_2
    header = (gin_folder() / "runs" / f"{name}.gin").read_text().splitlines()[1]
    for value in values:
        assert load([name], [f"objective.{weight} = {value}"]).objective.options[weight] == value
        assert f" {value}," in header or f" {value};" in header or "learned" in name


@pytest.mark.parametrize("name", [name for name in files("product_svae") if "gaussian" not in name])
def test_product_svae_has_the_shells_of_its_name(name: str) -> None:
    settings = load([name])
    space = parse(settings.model.space)
    sizes = [part.stop - part.start for part in space.components]
    total, shells = (
        {"ambient41": 41, "freedom40": 40}.get(name.split("/")[1].partition("_")[0]),
        name.split("/")[1].split("_"),
    )
    assert total is None or len(sizes) == int(shells[1])
    assert sum(sizes) == (41 if total != 40 else 40 + len(sizes))
    if name.endswith("_balanced"):
        assert max(sizes) - min(sizes) <= 1
    if name.endswith("_unbalanced"):
        assert sorted(sizes)[:-1] == [2] * (len(sizes) - 1)
    if name.endswith("_leveled"):
        assert max(sizes) - min(sizes) > 1
        assert max(sizes) <= sum(sizes) / 2
    assert "vmf" in settings.model.space


@pytest.mark.parametrize("name", files("product_svae"))
def test_product_svae_trains_as_the_paper(name: str) -> None:
    train = load([name]).train
    assert (train.epochs, train.patience, train.validation_split) == (300, 50, "valid")
    assert load([name]).objective.options["beta"] == Linear(0.0, 1.0, fraction=1 / 3)
    assert load([name]).objective.options["warm_up"] == 0


@pytest.mark.parametrize("data", ["mnist_static", "omniglot", "caltech101"])
def test_product_svae_runs_on_each_of_its_data_sets(data: str) -> None:
    chosen = load(["product_svae/ambient41_4_balanced", f"data/{data}"]).data
    allowed = entry(chosen.name).parameters()
    assert set(chosen.options) <= set(allowed)


@pytest.mark.parametrize("name", files("delta_vae"))
def test_delta_vae_has_identity_covariance_in_its_own_range_and_no_weights(name: str) -> None:
    settings = load([name])
    assert settings.model.likelihood == "gaussian"
    assert settings.model.variance == (1.0 if "mnist" in name else 0.25)  # [-1, 1] is twice as wide as [0, 1]
    short = settings.data.options.get("simple")  # Table 2, see docs/results/studies.md
    assert settings.objective.options == {"beta": 1.0, "factor_betas": (), "warm_up": 0 if short else WARM_UP}
    assert settings.data.name == ("mnist_grey" if "mnist" in name else "torus_pictures")
