"""Several models' update on a device without values reads nothing back (see tests/objectives/test_device.py)."""

from __future__ import annotations

import contextlib

import pytest
import torch

from submission.latent import parse
from submission.models.vae import build
from submission.objectives import TrainingPosition, aggregate, create
from submission.training import group_step, step
from submission.training.group_step import GroupStep
from submission.training.settings import TrainSettings
from submission.training.step import EagerStep

SETTINGS = TrainSettings(steps=10)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("objective", ["beta_vae", "beta_tcvae"])
@pytest.mark.parametrize("space", ["R^5", "S^2 x T^2 x R^2", "ISA(2x2; learn=true)"])
def test_a_group_reads_nothing_back(
    space: str, objective: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *given, **named: contextlib.nullcontext())
    monkeypatch.setitem(aggregate.TABLE_ENTRIES, "meta", 2**8)
    for module in (step, group_step):  # fused Adam does not know the meta device
        monkeypatch.setattr(module, "adam", lambda weights, settings: torch.optim.Adam(weights))
    members = []
    for _ in range(3):
        model = build("mlp_small", parse(space), (8, 8, 1)).to("meta")
        members.append(EagerStep(model, create(objective, model.space, 100).to("meta"), SETTINGS))
    group = GroupStep(members, [contextlib.nullcontext()] * 3, SETTINGS, precision)  # type: ignore[list-item]
    given = [member.objective.coefficients(TrainingPosition(0, 10)) for member in members]
    for _ in range(2):
        terms = group(torch.empty(3, 6, 1, 8, 8, device="meta"), *given)
    assert all(each.loss.device.type == "meta" for each in terms)
