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
from submission.training.cuda_graph import EAGER_UPDATES, Captured
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
        self.result, self.calls = result, {"eager": 0, "replay": 0}

    def run_on_side_stream(self, function: Callable[[], Any]) -> Any:
        self.calls["eager"] += 1
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


def test_replays_read_new_images_and_coefficients(caplog: pytest.LogCaptureFixture) -> None:
    update = Sum()
    recorder = Replaying(update.total)
    captured = Captured(update, recorder)
    expected = 0.0
    for number in range(8):
        total = captured(torch.full((2, 3), float(number)), {"rate": 0.5 * number})
        expected += 0.5 * number * number
        assert float(total) == expected
    assert recorder.calls == {"eager": EAGER_UPDATES, "replay": 8 - EAGER_UPDATES}
    assert not caplog.messages


def test_what_cannot_be_recorded_goes_on_one_by_one_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    update = Sum()
    captured = Captured(update, Unable(None))
    for _ in range(6):
        total = captured(torch.ones(2), {"rate": 1.0})
    assert float(total) == 6
    assert update.discarded == 1
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("operation not permitted when stream is capturing")


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
    assert losses(lambda step: Captured(step, Unable(None))) == pytest.approx(plain, rel=1e-5)
