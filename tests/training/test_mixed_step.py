"""bfloat16 products with float32 weights behind them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.objectives import TrainingPosition, create
from submission.training.mixed_step import MixedStep, make_step

SETTINGS = TrainSettings(steps=10)
SHAPE = (16, 16, 1)
DARK = 0.03
"""Share of lit pixels of images that are mostly black, as dSprites'."""


def model(networks: str = "mlp_small") -> VAE:
    torch.manual_seed(1)
    return build(networks, parse("R^3"), SHAPE)


def images(density: float = 0.3) -> Tensor:
    return (torch.rand(64, 1, 16, 16) < density).float()


def losses(precision: str, networks: str, updates: int, density: float) -> list[float]:
    vae = model(networks)
    objective = create("beta_vae", vae.space, 100)
    step = make_step(vae, objective, SETTINGS, precision)
    torch.manual_seed(2)
    batch = images(density)
    coefficients = objective.coefficients(TrainingPosition(0, 1))
    return [float(step(batch, coefficients).loss.detach()) for _ in range(updates)]


@pytest.mark.parametrize(
    ("networks", "updates", "density"), [("mlp_small", 30, 0.3), ("mlp_small", 30, DARK), ("conv", 6, 0.3)]
)
def test_losses_follow_the_float32_step(networks: str, updates: int, density: float) -> None:
    """The paths part slowly, as any two that round differently do; the convolutional one sooner."""
    exact, mixed = (losses(precision, networks, updates, density) for precision in ("float32", "bfloat16"))
    assert exact[-1] < exact[0]
    assert mixed == pytest.approx(exact, rel=0.01)
    assert mixed != exact


@pytest.mark.parametrize(("networks", "density"), [("mlp_small", 0.3), ("mlp_small", DARK), ("conv", 0.3)])
def test_every_layer_moves_as_in_float32(networks: str, density: float) -> None:
    """Adam's first update is the gradient's sign: a layer whose gradient is permuted would agree in every second."""
    moves = []
    for precision in ("float32", "bfloat16"):
        vae = model(networks)
        before = copy.deepcopy(dict(vae.named_parameters()))
        objective = create("beta_vae", vae.space, 100)
        torch.manual_seed(2)
        make_step(vae, objective, SETTINGS, precision)(images(density), objective.coefficients(TrainingPosition(0, 1)))
        moves.append({name: (weight - before[name]).sign() for name, weight in vae.named_parameters()})
    for name, move in moves[0].items():
        assert (move == moves[1][name]).float().mean() > 0.9, name


def test_weights_and_optimiser_stay_in_float32_and_copies_follow_them() -> None:
    vae = model()
    objective = create("beta_vae", vae.space, 100)
    step = MixedStep(vae, objective, SETTINGS)
    step(images(), objective.coefficients(TrainingPosition(0, 1)))
    assert all(weight.dtype == torch.float32 for weight in vae.parameters())
    moments = [value for state in step.optimizer.state.values() for value in state.values()]
    assert moments
    assert all(value.dtype == torch.float32 for value in moments)
    for master, weight in zip(step.masters, step.copies, strict=True):
        assert torch.equal(weight, master.bfloat16())


def test_small_updates_are_not_lost() -> None:
    """An update of a ten-thousandth of a weight vanishes in bfloat16 (8 bits); the float32 weights keep it."""
    vae = model()
    objective = create("beta_vae", vae.space, 100)
    step = MixedStep(vae, objective, TrainSettings(steps=10, learning_rate=1e-6))
    before = copy.deepcopy(vae.state_dict())
    step(images(), objective.coefficients(TrainingPosition(0, 1)))
    moved = (vae.state_dict()["decoder.0.weight"] - before["decoder.0.weight"]).abs()
    assert moved.max() == pytest.approx(1e-6, rel=0.05)


@pytest.mark.parametrize("density", [0.3, DARK])
def test_restored_state_continues_bit_for_bit(density: float) -> None:
    first, batch = model(), images(density)
    objective = create("beta_vae", first.space, 100)
    coefficients = objective.coefficients(TrainingPosition(0, 1))
    step = MixedStep(first, objective, SETTINGS)
    step(batch, coefficients)
    state = copy.deepcopy(step.state())
    second = MixedStep(model(), create("beta_vae", first.space, 100), SETTINGS)
    second.restore(state)
    torch.manual_seed(3)
    step(batch, coefficients)
    torch.manual_seed(3)
    second(batch, coefficients)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name])
