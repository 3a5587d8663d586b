"""A ΔVAE finds the Klein bottle that pictures are parametrised by: winding numbers of the closed ways around it."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.data.synthetic.klein import pictures
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import TrainingPosition, create
from submission.training.step import EagerStep

COUNT, UPDATES, PIXELS = 20, 150, 16
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "winding_numbers.py"
winding_numbers = runpy.run_path(str(SCRIPT))["winding_numbers"]


def small_pictures() -> Tensor:
    """The Klein bottle's pictures (COUNT², 1, PIXELS, PIXELS) in [0, 1], blocks of pixels averaged."""
    block = 64 // PIXELS
    images = pictures(COUNT, bars=2.0).reshape(-1, PIXELS, block, PIXELS, block).mean((2, 4))
    return torch.from_numpy((1 + images) / 2).float()[:, None]


def embedding(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Points of the Klein bottle in R⁴ at coordinates of any shape."""
    wide, high = 2 + np.cos(v), np.sin(v)
    return np.stack([wide * np.cos(u), wide * np.sin(u), high * np.cos(u / 2), high * np.sin(u / 2)], -1)


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Directions in radians and phases (COUNT, COUNT)."""
    direction, phase = np.pi * np.arange(COUNT) / COUNT, 2 * np.pi * np.arange(COUNT) / COUNT
    return tuple(np.meshgrid(direction, phase, indexing="ij"))  # type: ignore[return-value]


def test_winding_numbers_of_maps_that_are_known() -> None:
    """The identity, its mirror image, a patch, and twice around."""
    direction, phase = grid()
    assert winding_numbers(embedding(2 * direction, phase)) == ((1, 0), (0, 1))
    assert winding_numbers(embedding(-2 * direction, phase)) == ((1, 0), (0, 1))
    assert winding_numbers(embedding(0.1 * np.sin(phase), 0.2 * np.cos(phase))) == ((0, 0), (0, 0))
    assert winding_numbers(embedding(2 * direction, 2 * phase))[1] == (0, 2)
    assert winding_numbers(embedding(6 * direction, phase))[0][0] == 3


@pytest.mark.system
@pytest.mark.parametrize("seed", [0, 1])
def test_a_delta_vae_learns_the_klein_bottle(seed: int) -> None:
    """Both closed ways go once around the latent bottle, neighbours stay neighbours, and nothing of it is left out."""
    torch.manual_seed(seed)
    images = small_pictures()
    model = build("mlp_coarse", parse("Klein(steps=5)"), (PIXELS, PIXELS, 1), "gaussian", 0.0125 / 16)
    objective = create("beta_vae", model.space, len(images), beta=50.0, warm_up=0)
    step = EagerStep(model, objective, TrainSettings(steps=UPDATES))
    for done in range(UPDATES):
        batch = images[torch.randint(len(images), (128,))]
        step(batch, objective.coefficients(TrainingPosition(done, UPDATES)))
    with torch.no_grad():
        codes = model.space.representation(model.encode(images), "mean").reshape(COUNT, COUNT, 4)
    assert winding_numbers(codes.numpy()) == ((1, 0), (0, 1))
    assert float((codes - codes.roll(1, 1)).norm(dim=-1).max()) < 1.2  # of a bottle that is 6 wide
    points = model.space.prior_sample((2000,))
    nearest = torch.cdist(points, codes.reshape(-1, 4)).amin(1)
    assert float((nearest < 0.7).float().mean()) > 0.98
