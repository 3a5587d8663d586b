"""bfloat16 evaluation: features are rounded, codes are not, wherever the file lets them be told apart."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.data import GroundTruthDataset, load
from submission.evaluation import make_plan
from submission.evaluation.encoding.encoder import Encoder, untrained_convolutional
from submission.evaluation.encoding.precision import Mixed, Rounded, in_bfloat16
from submission.evaluation.representation import from_encoder
from submission.evaluation.scoring import score_all
from submission.export.representation import PARTS, without_last_layer
from submission.export.torchscript import export_torchscript, traced
from submission.latent import parse
from submission.metrics.sampling import true_factors
from submission.models.networks import networks
from submission.models.vae import build

SHAPE = (64, 64, 1)


def pictures(count: int) -> np.ndarray:
    """Random rectangles (count, 64, 64, 1)."""
    random = np.random.RandomState(0)
    images = np.zeros((count, *SHAPE), np.float32)
    for image, (top, left, height, width) in zip(images, random.randint(4, 32, (count, 4)), strict=True):
        image[top : top + height, left : left + width] = 1
    return images


def rounded_to_bfloat16(codes: np.ndarray) -> bool:
    """Whether every code is a bfloat16 number."""
    return bool((torch.from_numpy(codes).bfloat16().float().numpy() == codes).all())


@pytest.mark.parametrize("network", ["conv", "mlp_small"])
@pytest.mark.parametrize("spec", ["R^4", "T^3", "S^5"])
def test_an_export_keeps_the_codes_resolution(tmp_path: Path, network: str, spec: str) -> None:
    torch.manual_seed(0)
    export_torchscript(build(network, parse(spec), SHAPE), "mean", tmp_path / "model.pt")
    images = pictures(128)
    exact = Encoder.load(tmp_path / "model.pt", SHAPE)
    quick = Encoder.load(tmp_path / "model.pt", SHAPE, precision="bf16")
    assert quick.resolution == "float32"
    assert quick.deterministic
    expected, found = exact(images), quick(images)
    assert not np.array_equal(expected, found)
    assert not rounded_to_bfloat16(found)
    assert np.median(np.abs(expected - found)) < 0.02 * expected.std(axis=0).max()


def test_a_file_without_parts_runs_as_a_whole_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(traced(networks("conv").encoder(SHAPE, 4).requires_grad_(False), (1, 64, 64)))
    encoder = Encoder.load(tmp_path / "model.pt", SHAPE, precision="bf16")
    assert encoder.resolution == "bfloat16"
    codes = encoder(pictures(16))
    assert codes.dtype == np.float32
    assert rounded_to_bfloat16(codes)


class Elsewise(nn.Module):
    """A body and a head that something else stands between."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Flatten(), nn.Linear(64 * 64, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.head(self.body(images).square())


def test_parts_are_used_only_where_they_make_the_whole() -> None:
    probe = torch.rand(3, 1, 64, 64)
    assert isinstance(in_bfloat16(Elsewise().eval(), probe), Rounded)
    parts = without_last_layer(networks("mlp_small").encoder(SHAPE, 4))
    assert isinstance(in_bfloat16(nn.Sequential(OrderedDict(zip(PARTS, parts, strict=True))), probe), Mixed)


def test_the_untrained_encoder_is_the_field_standard_network_in_two_parts() -> None:
    module = untrained_convolutional(SHAPE, 4, seed=3)
    torch.manual_seed(3)
    plain = networks("conv").encoder(SHAPE, 4)
    images = torch.from_numpy(pictures(2)).movedim(3, 1)
    assert torch.equal(module(images), plain(images))
    assert isinstance(in_bfloat16(module, images), Mixed)


def regressed(dataset: GroundTruthDataset, steps: int) -> nn.Module:
    """A network that was taught the factors, as far as that goes in ``steps`` updates, mixed into eight codes."""
    torch.manual_seed(0)
    body, last = without_last_layer(networks("mlp_small").encoder(SHAPE, 8))
    module = nn.Sequential(OrderedDict(body=body, head=last))
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    truth = true_factors(dataset)
    mixing = torch.linalg.qr(torch.randn(8, 8))[0][: dataset.num_factors]
    cells = np.random.RandomState(0).randint(0, len(dataset), (steps, 128))
    for batch in cells:
        images = torch.from_numpy(dataset.observations(batch)).movedim(3, 1)
        loss = (module(images) - torch.from_numpy(truth(batch)) @ mixing).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module.eval().requires_grad_(False)


@pytest.mark.system
def test_scores_of_a_trained_network_are_those_of_float32(tmp_path: Path) -> None:
    dataset = load("dsprites_small", tmp_path)
    assert isinstance(dataset, GroundTruthDataset)
    (tmp_path / "model.pt").write_bytes(traced(regressed(dataset, 200), (1, 64, 64)))
    found = []
    for precision in ("float32", "bf16"):
        encoder = Encoder.load(tmp_path / "model.pt", SHAPE, precision=precision)
        subject = from_encoder("trained", dataset, encoder)
        columns = score_all(make_plan(metrics=("mig", "irs", "sap")), [subject])
        found.append([result.runs[0].values[result.metric.headline] for result in columns[0].results])
    assert min(found[0]) > 0.01
    assert found[0] != found[1]
    assert max(abs(exact - quick) for exact, quick in zip(*found, strict=True)) < 0.005
