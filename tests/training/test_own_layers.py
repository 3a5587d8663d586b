"""Networks of a user's own: batch normalisation, dropout, buffers and weights that are not trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.configuration.settings import Settings
from submission.data.splits import held_out
from submission.errors import UsageError
from submission.export.torchscript import load_torchscript
from submission.latent import parse
from submission.models.networks import NETWORKS, Networks
from submission.models.vae import VAE
from submission.objectives.base import ForwardPass
from submission.training import train, train_together
from submission.training.multi_seed import require_stackable
from submission.training.setup import initial_model

Make = Callable[..., Any]
MOMENTUM = 0.25


def with_layer(layer: Callable[[], nn.Module]) -> Networks:
    """Networks for 8 by 8 pixels with ``layer`` after the first one of the encoder."""
    return Networks(
        lambda shape, outputs: nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), layer(), nn.ReLU(), nn.Linear(16, outputs)
        ),
        lambda inputs, shape: nn.Sequential(nn.Linear(inputs, 64), nn.Unflatten(1, (1, 8, 8))),
    )


@pytest.fixture(autouse=True)
def own_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "normalised", with_layer(lambda: nn.BatchNorm1d(16, momentum=MOMENTUM)))
    monkeypatch.setitem(NETWORKS, "dropout", with_layer(lambda: nn.Dropout(0.5)))


def of(chosen: Settings, networks: str) -> Settings:
    return replace(chosen, model=replace(chosen.model, networks=networks))


def by_hand(batches: list[Tensor], first: nn.Linear) -> tuple[Tensor, Tensor]:
    """Running mean and variance after ``batches`` through a layer that does not change."""
    mean, variance = torch.zeros(16), torch.ones(16)
    for batch in batches:
        values = first(batch.flatten(1))
        mean = (1 - MOMENTUM) * mean + MOMENTUM * values.mean(0)
        variance = (1 - MOMENTUM) * variance + MOMENTUM * values.var(0)
    return mean, variance


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("held", [0, 16])
def test_statistics_are_those_of_the_training_images(
    dots: Make, settings: Make, tmp_path: Path, precision: str, held: int
) -> None:
    """A learning rate of nearly 0 keeps the weights, so that the statistics follow from the batches alone."""
    chosen = settings(precision=precision, held_out=held, learning_rate=1e-30)
    data, seen = dots(), []
    images = type(data).images

    class Spied(type(data)):
        def images(self, indices: Any) -> Any:
            found = images(self, indices)
            if len(indices) == 24:
                seen.append(torch.from_numpy(found).float().movedim(3, 1))
            return found

    data.__class__ = Spied
    folder = train(of(chosen, "normalised"), tmp_path, data=data, device="cpu")
    state = torch.load(folder.checkpoint_file, weights_only=True)["model"]
    first = nn.Linear(64, 16)
    first.load_state_dict({name: state[f"encoder.1.{name}"] for name in ("weight", "bias")})
    with torch.no_grad():
        mean, variance = by_hand(seen[-12:], first)
    assert state["encoder.2.running_mean"] == pytest.approx(mean.numpy(), abs=2e-3)
    assert state["encoder.2.running_var"] == pytest.approx(variance.numpy(), abs=2e-3)
    assert int(state["encoder.2.num_batches_tracked"]) == 12


@pytest.mark.parametrize("networks", ["normalised", "dropout"])
def test_held_out_images_are_measured_as_the_export_sees_them(
    dots: Make, settings: Make, tmp_path: Path, networks: str
) -> None:
    folder = train(of(settings(held_out=16, steps=2), networks), tmp_path, data=dots(), device="cpu")
    measured = float(folder.validation_file.read_text().splitlines()[-1].split('"elbo": ')[1].split(",")[0])
    model, chosen = folder.model(), held_out(64, 16, 3)[1]
    assert not model.training
    pixels = torch.from_numpy(dots().images(chosen)).float().movedim(3, 1)
    with torch.no_grad():
        runs = [ForwardPass.of(model, pixels) for _ in range(400)]
        values = torch.stack([(run.log_likelihood - run.kl.sum(-1)).mean() for run in runs])
    assert abs(measured - float(values.mean())) < 5 * float(values.std())
    codes = load_torchscript(folder.exported_file, own=True)(pixels)
    assert np.allclose(codes.detach(), model.encode(pixels)[:, :2].detach(), atol=1e-6)


def test_layers_that_are_not_to_be_trained_keep_their_mode(
    dots: Make, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = with_layer(lambda: nn.BatchNorm1d(16).requires_grad_(False).eval())
    monkeypatch.setitem(NETWORKS, "fixed", fixed)
    chosen = of(settings(held_out=16), "fixed")
    folders = [train(chosen, tmp_path / "alone", data=dots(), device="cpu")]
    folders += train_together(chosen, [0, 1], tmp_path / "many", data=dots(), device="cpu")
    for folder in folders:
        state = folder.model().state_dict()
        assert int(state["encoder.2.num_batches_tracked"]) == 0
        assert torch.equal(state["encoder.2.running_var"], torch.ones(16))


@pytest.mark.parametrize("networks", ["normalised", "dropout"])
def test_several_seeds_at_once_are_refused(dots: Make, settings: Make, tmp_path: Path, networks: str) -> None:
    with pytest.raises(UsageError, match="cannot be trained for several seeds"):
        train_together(of(settings(), networks), [0, 1], tmp_path / "seeds", data=dots(), device="cpu")
    assert not (tmp_path / "seeds").exists()


def test_layers_without_statistics_may_be_trained_together() -> None:
    fixed = nn.BatchNorm2d(1).eval()
    encoder = nn.Sequential(fixed, nn.InstanceNorm2d(1), nn.Flatten(), nn.Linear(64, 4), nn.Dropout().eval())
    require_stackable(VAE(encoder, parse("R^2"), nn.Linear(2, 64), (8, 8, 1)))


class RandomFeatures(nn.Module):
    """cos(Wx) of a random W, a buffer that every seed draws anew, in front of a linear layer that is not trained."""

    frequencies: Tensor

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", 0.5 * torch.randn(64, 16))
        self.fixed, self.last = nn.Linear(16, 16).requires_grad_(False), nn.Linear(16, outputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.fixed(torch.cos(images.flatten(1) @ self.frequencies)))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_seeds_together_have_their_own_buffers_and_leave_frozen_weights(
    dots: Make, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    decoder = with_layer(nn.Identity).decoder
    monkeypatch.setitem(NETWORKS, "random", Networks(lambda shape, outputs: RandomFeatures(outputs), decoder))
    chosen = of(settings(precision=precision), "random")
    for folder in train_together(chosen, [3, 4], tmp_path / "many", data=dots(), device="cpu"):
        seed = folder.meta.seed
        own = replace(chosen, train=replace(chosen.train, seed=seed))
        alone = train(own, tmp_path / f"alone_{seed}", data=dots(), device="cpu").model().state_dict()
        together, first = folder.model().state_dict(), initial_model(own, (8, 8, 1)).state_dict()
        for name in ("encoder.frequencies", "encoder.fixed.weight", "encoder.fixed.bias"):
            assert torch.equal(together[name], first[name])
        tolerance = 1e-4 if precision == "float32" else 5e-3
        torch.testing.assert_close(together, alone, rtol=0, atol=tolerance)
        assert not torch.equal(together["encoder.last.weight"], first["encoder.last.weight"])
