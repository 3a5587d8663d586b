"""Updates replayed from a CUDA graph are the updates without one: weights, terms, random numbers; nothing waits."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.objectives import Linear, Objective, Terms, TrainingPosition, create
from submission.training.cuda_graph import Captured, GraphRecorder
from submission.training.mixed_step import make_step
from submission.training.multi_seed import GroupStep
from submission.training.randomness import Stream
from submission.training.step import EagerStep

UPDATES = 10
SETTINGS = TrainSettings(steps=UPDATES)
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gaussian": ("beta_vae", "R^5", {"beta": Linear(0.0, 2.0)}),
    "capacity": ("capacity", "R^5", {"beta": 5.0, "capacity": Linear(0.0, 9.0)}),
    "total correlation": ("beta_tcvae", "ISA(2x2; learn=true)", {"beta": 2.0}),
    "brownian": ("beta_vae", "S^2 x S^1", {}),
    "discriminator": ("factor_vae", "R^5", {"width": 32, "depth": 2}),
    "convolutional": ("beta_vae", "R^5", {}),
}


def parts(kind: str, device: torch.device, seed: int = 1) -> tuple[VAE, Objective]:
    """A model and its objective."""
    name, space, options = KINDS[kind]
    torch.manual_seed(seed)
    model = build("conv" if kind == "convolutional" else "mlp_small", parse(space), (16, 16, 1)).to(device)
    return model, create(name, model.space, 1000, **options).to(device)


def batches(device: torch.device, count: int = 64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [(torch.rand(count, 1, 16, 16, generator=generator) < 0.3).float().to(device) for _ in range(UPDATES)]


def train(
    kind: str, precision: str, device: torch.device, wrap: Callable[[EagerStep], Callable[..., Terms]]
) -> tuple[list[float], dict[str, Tensor], Tensor]:
    """Losses, final weights, and the generator's state after some updates."""
    model, objective = parts(kind, device)
    step = wrap(make_step(model, objective, SETTINGS, precision))
    torch.manual_seed(2)
    losses = []
    for number, images in enumerate(batches(device)):
        losses.append(float(step(images, objective.coefficients(TrainingPosition(number, UPDATES))).loss.detach()))
    return losses, model.state_dict(), torch.cuda.get_rng_state(device)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_step_is_the_eager_step(
    kind: str, precision: str, gpu: torch.device, caplog: pytest.LogCaptureFixture
) -> None:
    eager, weights, state = train(kind, precision, gpu, lambda step: step)
    losses, replayed, after = train(kind, precision, gpu, lambda step: Captured(step, GraphRecorder(gpu)))
    assert not caplog.messages
    assert losses == pytest.approx(eager, rel=1e-4 if precision == "float32" else 1e-2)
    assert torch.equal(state, after)
    for name, weight in replayed.items():
        assert (weight - weights[name]).abs().mean() < (1e-5 if precision == "float32" else 1e-3)


@contextlib.contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Whatever waits for the device raises."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Synchronization debug mode")  # PyTorch calls it a prototype
        try:
            torch.cuda.set_sync_debug_mode("error")
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_nothing_waits_for_the_device(gpu: torch.device) -> None:
    model, objective = parts("gaussian", gpu)
    step = Captured(make_step(model, objective, SETTINGS, "float32"), GraphRecorder(gpu))
    images = batches(gpu)
    for batch in images[:5]:
        step(batch, {"beta": 1.0})
    with waiting_is_an_error():
        for batch in images[5:]:
            step(batch, {"beta": 1.5})


@pytest.mark.parametrize("kind", ["gaussian", "total correlation", "brownian"])
def test_a_replayed_group_gives_each_model_its_own_updates(
    kind: str, gpu: torch.device, caplog: pytest.LogCaptureFixture
) -> None:
    alone = [own_losses(kind, seed, gpu) for seed in range(3)]
    members, streams = [], []
    for seed in range(3):
        members.append(make_step(*parts(kind, gpu, seed), SETTINGS, "float32"))
        torch.manual_seed(100 + seed)
        streams.append(Stream(gpu))
    group = Captured(GroupStep(members, streams, SETTINGS, "float32"), GraphRecorder(gpu, streams))
    for number, images in enumerate(batches(gpu)):
        position = TrainingPosition(number, UPDATES)
        terms = group(images.repeat(3, 1, 1, 1), *(member.objective.coefficients(position) for member in members))
        for own, each in zip(alone, terms, strict=True):
            assert float(each.loss.detach()) == pytest.approx(own[number], rel=1e-4)
    assert not caplog.messages


def own_losses(kind: str, seed: int, device: torch.device) -> list[float]:
    """Losses of one seed alone, without graphs."""
    model, objective = parts(kind, device, seed)
    step = make_step(model, objective, SETTINGS, "float32")
    torch.manual_seed(100 + seed)
    given = [objective.coefficients(TrainingPosition(number, UPDATES)) for number in range(UPDATES)]
    return [float(step(images, own).loss.detach()) for images, own in zip(batches(device), given, strict=True)]


def test_an_update_that_cannot_be_recorded_goes_on_without_a_graph(
    gpu: torch.device, caplog: pytest.LogCaptureFixture
) -> None:
    def reading(step: EagerStep) -> Callable[..., Terms]:
        objective: Any = step.objective
        loss_from = objective.loss_from

        def waiting(run: Any, *rest: Any) -> Any:
            assert float(run.kl.detach().sum()) >= 0  # waits for the device
            return loss_from(run, *rest)

        objective.loss_from = waiting
        return Captured(step, GraphRecorder(gpu))

    eager, _, state = train("gaussian", "float32", gpu, lambda step: step)
    losses, _, after = train("gaussian", "float32", gpu, reading)
    assert len(caplog.messages) == 1
    assert losses == pytest.approx(eager, rel=1e-4)
    assert torch.equal(state, after)


def test_a_scheduled_rate_and_an_average_are_part_of_the_graph(gpu: torch.device) -> None:
    """The recorded update reads rate and share anew at each replay."""
    settings = TrainSettings(steps=UPDATES, ema=0.9, learning_rate=Linear(1e-3, 1e-4))

    def run(wrap: Callable[[EagerStep], Callable[..., Terms]]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        model, objective = parts("gaussian", gpu)
        step = make_step(model, objective, settings, "float32")
        update = wrap(step)
        torch.manual_seed(2)
        for number, images in enumerate(batches(gpu)):
            position = TrainingPosition(number, UPDATES)
            changing = {"learning_rate": settings.rate(position), "ema_share": max(0.1, 1 / (number + 1))}
            update(images, {**objective.coefficients(position), **changing})
        assert step.average is not None
        return model.state_dict(), step.average.model.state_dict()

    for eager, replayed in zip(
        run(lambda step: step), run(lambda step: Captured(step, GraphRecorder(gpu))), strict=True
    ):
        for name, weight in eager.items():
            assert (weight - replayed[name]).abs().mean() < 1e-5
