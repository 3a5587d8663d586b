"""A first layer that reads the changes of its images gives the codes of one that reads all of them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.data import load
from submission.evaluation.encoding.changes import OfChanges
from submission.evaluation.encoding.encoder import Encoder
from submission.evaluation.encoding.fastest import fastest
from submission.export.torchscript import export_torchscript, traced
from submission.latent import parse
from submission.models import sparse
from submission.models.vae import build

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
CPU = torch.device("cpu")
SHAPE = (1, 16, 16)


def dense(bias: bool = True) -> nn.Sequential:
    """A small network of all pixels."""
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(256, 40, bias), nn.Tanh(), nn.Linear(40, 3)
    return nn.Sequential(*layers).eval().requires_grad_(False)


def pictures(share: float, count: int = 80) -> Tensor:
    """Images with that share of pixels that are not black."""
    generator = torch.Generator().manual_seed(1)
    lit = torch.rand(count, *SHAPE, generator=generator) < share
    return lit * torch.rand(count, *SHAPE, generator=generator)


@pytest.mark.parametrize("form", ["plain", "file"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("bias", [True, False])
def test_codes_are_those_of_all_pixels(bias: bool, share: float, form: str) -> None:
    module: nn.Module = dense(bias)
    expected = module(pictures(share))
    if form == "file":
        module = torch.jit.load(io.BytesIO(traced(module, SHAPE)))
    quick, _ = fastest(module, SHAPE, CPU)
    assert any(isinstance(part, OfChanges) for part in quick.modules())
    with torch.inference_mode():
        torch.testing.assert_close(quick(pictures(share)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(sparse.library("sparse") is None, reason="the C kernel is not built")
@pytest.mark.parametrize(("share", "calls"), [(0.02, 1), (0.5, 0)])
def test_the_kernel_is_used_where_images_are_mostly_black(
    share: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    multiply = sparse.multiply
    monkeypatch.setattr(sparse, "multiply", lambda *given, **named: (used.append(1), multiply(*given, **named)))
    quick, _ = fastest(dense(), SHAPE, CPU)
    with torch.inference_mode():
        quick(pictures(share))
    assert len(used) == calls


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "turned": lambda: nn.Sequential(nn.Flatten(2), nn.Linear(256, 3), nn.Flatten()),
    "activated first": lambda: nn.Sequential(nn.Flatten(), nn.Sigmoid(), nn.Linear(256, 3)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_beginnings_give_their_own_codes(name: str) -> None:
    torch.manual_seed(0)
    module = OTHERS[name]().eval().requires_grad_(False)
    expected = module(pictures(0.04))
    quick, _ = fastest(torch.jit.load(io.BytesIO(traced(module, SHAPE))), SHAPE, CPU)
    with torch.inference_mode():
        torch.testing.assert_close(quick(pictures(0.04)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "least", "most"), [("float32", 0, 1e-5), ("bf16", 1e-5, 0.02)])
def test_a_trained_file_gives_its_own_codes(tmp_path, precision, least, most) -> None:  # type: ignore[no-untyped-def]
    dataset = load("dsprites_full")
    images = dataset.observations(np.random.RandomState(0).randint(0, len(dataset), 200))
    export_torchscript(build("mlp_small", parse("R^4"), (64, 64, 1)), "mean", tmp_path / "model.pt")
    encoder = Encoder.load(tmp_path / "model.pt", dataset.image_shape, precision=precision)
    assert any(isinstance(module, OfChanges) for module in encoder._module.modules())
    codes = torch.jit.load(tmp_path / "model.pt")(torch.from_numpy(images).movedim(3, 1)).detach().numpy()
    gap = np.abs(encoder(images) - codes).max() / np.abs(codes).max()
    assert least <= gap <= most
