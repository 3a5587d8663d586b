"""A compact space whose posteriors were made uniform, so that the decoder sees little of any centre, is used again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import create
from submission.training.step import EagerStep

pytestmark = pytest.mark.system
COUNT, HEAVY, MOST = 4000, 100, 2000
"""Images, updates with a weight of the KL that leaves no choice, and updates after which to give up."""
SPECS = ["R^2", "S^2", "S^6", "T^2", "RP^2", "SO(3)", "Torus", "S^3(posterior=vmf)", "S^3(posterior=power_spherical)"]


def pictures() -> Tensor:
    """Sixty pixels of three normal factors, a little stronger than the pixels' noise."""
    directions = torch.linalg.qr(torch.randn(60, 3))[0]
    return (2.5 * torch.randn(COUNT, 3) @ directions.t()).reshape(COUNT, 1, 60, 1)


@pytest.mark.parametrize("spec", SPECS)
def test_a_flattened_space_is_used_again(spec: str) -> None:
    torch.manual_seed(0)
    images = pictures()
    model = build("mlp_small", parse(spec), (60, 1, 1), "gaussian", 1.0)
    step = EagerStep(model, create("beta_vae", model.space, COUNT), TrainSettings(steps=MOST, learning_rate=0.001))
    kl: list[float] = []
    while len(kl) < MOST and (len(kl) < HEAVY + 20 or sum(kl[-20:]) < 20):
        batch = images[torch.randint(COUNT, (64,))]
        kl.append(float(step(batch, {"beta": 50.0 if len(kl) < HEAVY else 1.0}).scalars["kl"]))
    assert kl[HEAVY - 1] < 0.03
    assert len(kl) < MOST
