"""When bfloat16 is taken: units for it, faster, and as accurate in loss and in every layer's first update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from submission.configuration.settings import TrainSettings
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import create
from submission.training import precision, start
from submission.training.options import TrainOptions
from submission.training.precision import Trial, accurate, resolve, trial
from submission.training.setup import prepare

AUTO = TrainSettings(steps=10, precision="auto")
EXACT = Trial(1.0, 100.0, (torch.randn(50, 40, generator=torch.Generator().manual_seed(0)),))


def chosen(mixed: Trial, monkeypatch: pytest.MonkeyPatch, units: bool = True) -> str:
    """The decision, given what the trials find."""
    found = {"float32": EXACT, "bfloat16": mixed}
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: units)
    monkeypatch.setattr(precision, "trial", lambda model, objective, settings, images, name: found[name])
    model = build("mlp_small", parse("R^2"), (8, 8, 1))
    return resolve(model, create("beta_vae", model.space, 10), AUTO, torch.zeros(2, 1, 8, 8))


def test_it_has_to_be_possible_faster_and_as_accurate(monkeypatch: pytest.MonkeyPatch) -> None:
    good = replace(EXACT, seconds=0.8, loss=100.5)
    assert chosen(good, monkeypatch) == "bfloat16"
    assert chosen(good, monkeypatch, units=False) == "float32"
    assert chosen(replace(good, seconds=0.95), monkeypatch) == "float32"
    assert chosen(replace(good, loss=102.0), monkeypatch) == "float32"
    assert chosen(replace(good, loss=float("nan")), monkeypatch) == "float32"
    assert chosen(replace(good, moves=(EXACT.moves[0].t().reshape(50, 40),)), monkeypatch) == "float32"


@pytest.mark.parametrize(("objective", "count"), [("beta_vae", 24), ("factor_vae", 48)])
def test_the_trial_takes_the_first_update_s_images(
    dots: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, objective: str, count: int
) -> None:
    """FactorVAE takes two batches per update, also batches of one image."""
    tried = []
    monkeypatch.setattr(start, "resolve", lambda model, objective, settings, images: tried.append(images) or "float32")
    for size, images in ((24, count), (1, count // 24)):
        setup = prepare(settings(objective, held_out=8, batch_size=size), TrainOptions(dots(), device="cpu"))
        start.choose_precision(setup)
        assert torch.equal(tried[-1], setup.feed(setup.order().indices(0, images)))


def test_what_was_asked_for_is_not_tried() -> None:
    model = build("mlp_small", parse("R^2"), (8, 8, 1))
    for name in ("float32", "bfloat16"):
        settings = replace(AUTO, precision=name)  # type: ignore[arg-type]
        assert resolve(model, create("beta_vae", model.space, 10), settings, torch.zeros(2, 1, 8, 8)) == name


@pytest.mark.parametrize(("networks", "space"), [("conv", "S^2"), ("mlp_small", "ISA(2x2; learn=true)")])
def test_the_two_agree_on_real_networks(networks: str, space: str) -> None:
    torch.manual_seed(3)
    model = build(networks, parse(space), (16, 16, 1))
    objective, images = create("beta_vae", model.space, 100), (torch.rand(32, 1, 16, 16) < 0.3).float()
    before = [weight.clone() for weight in model.parameters()]
    exact, mixed = (trial(model, objective, AUTO, images, name) for name in ("float32", "bfloat16"))
    assert accurate(exact, mixed)
    assert len(exact.moves) >= 3
    assert all(torch.equal(weight, old) for weight, old in zip(model.parameters(), before, strict=True))
