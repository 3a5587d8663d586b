"""Recorded updates: what they read and give, and that a failure to record changes nothing but speed.

CUDA graphs themselves are tested by ``tests/gpu``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import Linear, TrainingPosition, create
from submission.training.captured import WARM_UP, Captured, CapturedStep
from submission.training.step import EagerStep

SETTINGS = TrainSettings(steps=10)


class Sum:
    """An update that adds up rate · mean(images), in place."""

    def __init__(self) -> None:
        self.total, self.discarded = torch.zeros(()), 0

    def __call__(self, images: Tensor, coefficients: Mapping[str, Tensor]) -> Tensor:
        return self.total.add_(coefficients["rate"] * images.mean())

    def discard(self) -> None:
        self.discarded += 1


class Replaying:
    """Records by running again; counts who ran what."""

    def __init__(self, result: Any) -> None:
        self.result, self.calls = result, {"aside": 0, "replay": 0}

    def aside(self, function: Callable[[], Any]) -> Any:
        self.calls["aside"] += 1
        return function()

    def record(self, function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        def replay() -> None:
            self.calls["replay"] += 1
            function()

        return replay, self.result


class Unable(Replaying):
    """Cannot record."""

    def record(self, function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        raise RuntimeError("operation not permitted when stream is capturing\nmore about it")


def test_replays_read_new_images_and_coefficients() -> None:
    update, said = Sum(), list[str]()
    recorder = Replaying(update.total)
    captured = Captured(update, recorder, said.append)
    expected = 0.0
    for number in range(8):
        total = captured(torch.full((2, 3), float(number)), {"rate": 0.5 * number})
        expected += 0.5 * number * number
        assert float(total) == expected
    assert recorder.calls == {"aside": WARM_UP, "replay": 8 - WARM_UP}
    assert not said


def test_what_cannot_be_recorded_goes_on_one_by_one_and_is_said_once() -> None:
    update, said = Sum(), list[str]()
    captured = Captured(update, Unable(None), said.append)
    for _ in range(6):
        total = captured(torch.ones(2), {"rate": 1.0})
    assert float(total) == 6
    assert update.discarded == 1
    assert len(said) == 1
    assert said[0].endswith("operation not permitted when stream is capturing")


@pytest.mark.parametrize("objective", ["capacity", "beta_tcvae", "factor_vae"])
def test_coefficients_in_memory_give_the_step_that_numbers_give(objective: str) -> None:
    options: dict[str, Any] = {"capacity": {"capacity": Linear(0.0, 9.0)}, "factor_vae": {"width": 8, "depth": 2}}
    batches = [(torch.rand(8, 1, 16, 16) < 0.3).float() for _ in range(5)]

    def losses(wrap: Callable[[EagerStep], Any]) -> list[float]:
        torch.manual_seed(1)
        model = build("mlp_small", parse("R^3"), (16, 16, 1))
        loss = create(objective, model.space, 100, **options.get(objective, {}))
        step = wrap(EagerStep(model, loss, SETTINGS))
        given = [loss.coefficients(TrainingPosition(number, 5)) for number in range(5)]
        return [float(step(batch, own).loss.detach()) for batch, own in zip(batches, given, strict=True)]

    plain = losses(lambda step: step)
    assert losses(lambda step: CapturedStep(step, Unable(None), lambda message: None)) == pytest.approx(plain, rel=1e-5)


def test_restored_weights_are_those_that_go_on() -> None:
    torch.manual_seed(1)
    model = build("mlp_small", parse("R^3"), (16, 16, 1))
    objective, images = create("beta_vae", model.space, 100), torch.rand(8, 1, 16, 16)
    recorder = Replaying(None)
    step = CapturedStep(EagerStep(model, objective, SETTINGS), recorder, lambda message: None)
    step(images, {"beta": 1.0})
    state = {key: {**value} for key, value in step.state().items()}
    state["model"] = {name: weight.clone() for name, weight in state["model"].items()}
    for _ in range(WARM_UP):
        step(images, {"beta": 1.0})
    assert recorder.calls["replay"] == 1
    step.restore(state)
    assert torch.equal(model.state_dict()["encoder.1.weight"], state["model"]["encoder.1.weight"])
    step(images, {"beta": 1.0})
    assert recorder.calls == {"aside": WARM_UP + 1, "replay": 1}
