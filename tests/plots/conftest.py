"""A small VAE per latent space, and posteriors of a data set with known factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch

from submission.data import load
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.plots import DARK, LIGHT, Encoded, Theme, encode_dataset, to_bytes
from submission.plots.recolouring import recolour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytest.importorskip("matplotlib")
Make = Callable[[str], tuple[VAE, Encoded]]


@pytest.fixture(scope="session")
def make() -> Make:
    """Spec of a latent space → an untrained VAE and the posteriors of some translations of a periodic picture."""
    dataset = load("torus_pictures", simple=True)
    known: dict[str, tuple[VAE, Encoded]] = {}

    def made(spec: str) -> tuple[VAE, Encoded]:
        if spec not in known:
            torch.manual_seed(0)
            model = build("mlp_small", parse(spec), dataset.image_shape).eval()
            known[spec] = model, encode_dataset(model, dataset, most=200)
        return known[spec]

    return made


def assert_recoloured(draw: Callable[[Theme], Figure], kind: str = "png") -> None:
    """Drawing in the dark theme gives the same file as recolouring; recolouring back gives the first one."""
    figure = draw(LIGHT)
    light = to_bytes(figure, kind, 60)
    recolour(figure, LIGHT, DARK)
    dark = to_bytes(figure, kind, 60)
    assert dark == to_bytes(draw(DARK), kind, 60) != light
    recolour(figure, DARK, LIGHT)
    assert to_bytes(figure, kind, 60) == light
