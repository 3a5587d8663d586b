"""Losses on a device without values: nothing is read back, and nothing that was made lies on another device.

What a GPU would wait for raises here: ``.item()``, a condition on a tensor, an index by a mask. So does a constant that
was left on the CPU.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch

from submission.distributions import von_mises_fisher, wood
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.objectives import Objective, TrainingPosition, aggregate, create
from submission.training.mixed_step import _replica

SPACES = (
    "R^5",
    "S^1",
    "S^2",
    "S^3",
    "S^10",
    "T^3",
    "RP^3",
    "SO(3)",
    "Torus",
    "S^4(posterior=power_spherical)",
    "ISA(2x2)",
    "ISA(2x2; learn=true, components=subspaces)",
    "S^2 x T^2 x R^2",
)
OBJECTIVES = ("beta_vae", "capacity", "beta_tcvae", "factor_vae")
READS_VALUES = {("Torus", "beta_tcvae")}
"""Needs the shortest time of the batch to know how many modes of the heat kernel count."""


@pytest.fixture(autouse=True)
def without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch has no autocast for the meta device, and our tables no size."""
    monkeypatch.setattr(torch, "autocast", lambda *given, **named: contextlib.nullcontext())
    monkeypatch.setitem(aggregate.TABLE_ENTRIES, "meta", 2**8)


def parts(space: str, objective: str) -> tuple[VAE, Objective]:
    """A model and its objective."""
    model = build("mlp_small", parse(space), (8, 8, 1))
    return model.to("meta"), create(objective, model.space, 100).to("meta")


def loss(model: Any, objective: Objective) -> torch.Tensor:
    """Of one batch."""
    images = torch.empty(6 * objective.batches, 1, 8, 8, device="meta")
    return objective.terms(model, images, objective.coefficients(TrainingPosition(3, 10))).loss


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("space", SPACES)
def test_an_update_reads_nothing_back(space: str, objective: str) -> None:
    model, made = parts(space, objective)
    if (space, objective) in READS_VALUES:
        with pytest.raises((RuntimeError, NotImplementedError)):
            loss(model, made)
        return
    loss(model, made).backward()
    assert all(weight.grad is None or weight.grad.device.type == "meta" for weight in model.parameters())
    assert sum(weight.grad is not None for weight in model.parameters()) > 4


@pytest.mark.parametrize("space", ["S^1(posterior=vmf)", "S^2(posterior=vmf)", "S^7(posterior=vmf)"])
def test_nor_does_von_mises_fisher_in_a_graph(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def recorded(kappa: torch.Tensor, m: int) -> torch.Tensor:
        return wood.first_accepted(kappa, m, sum(wood.ROUNDS))[0]

    monkeypatch.setattr(von_mises_fisher, "sample_gap", recorded)
    for objective in OBJECTIVES:
        loss(*parts(space, objective)).backward()


@pytest.mark.parametrize("space", ["R^5", "S^2 x T^2 x R^2"])
def test_nor_does_one_in_bfloat16(space: str) -> None:
    model, made = parts(space, "beta_vae")
    replica = _replica(model)
    loss(replica, made).backward()
    assert all(weight.grad.dtype == torch.bfloat16 for weight in replica.encoder.parameters())


def test_a_value_that_is_read_back_is_found() -> None:
    model, made = parts("R^5", "beta_vae")
    with pytest.raises(RuntimeError):
        loss(model, made).item()
