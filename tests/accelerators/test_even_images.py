"""A first layer that reads the changes of its images gives the codes of one that reads all of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.accelerators import encoders
from submission.accelerators.encoders import EvenImages, faster_encoder
from submission.accelerators.library import library
from submission.accelerators.sparse_kernel import changes_of, multiply
from submission.data import load
from submission.evaluation.encoding.encoder import Encoder
from submission.export.torchscript import export_torchscript, traced
from submission.export.verified import verified
from submission.latent import parse
from submission.models.vae import build

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit"),
    pytest.mark.skipif(library("sparse") is None, reason="the C kernel was not built"),
]
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


@pytest.mark.parametrize("form", ["plain", "file", "training file"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("bias", [True, False])
def test_codes_are_those_of_all_pixels(bias: bool, share: float, form: str) -> None:
    module: nn.Module = dense(bias)
    expected = module(pictures(share))
    if form != "plain":
        module = torch.jit.load(io.BytesIO(traced(module.train(form == "training file"), SHAPE)))
        assert module.training == (form == "training file")
    quick = faster_encoder(module, SHAPE)
    assert isinstance(quick, EvenImages)
    with torch.inference_mode():
        torch.testing.assert_close(quick(pictures(share)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("share", "calls"), [(0.02, 1), (0.5, 0)])
def test_the_kernel_is_used_where_images_are_mostly_black(
    share: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    monkeypatch.setattr(encoders, "multiply", lambda *given: (used.append(1), multiply(*given))[1])
    quick = faster_encoder(dense(), SHAPE)
    assert quick is not None
    with torch.inference_mode():
        quick(pictures(share))
    assert len(used) == calls


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 64, 32), (5, 65, 33), (3, 200, 70), (2, 129, 1)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_products_agree_with_float64(shape: tuple[int, int, int], density: float) -> None:
    rows, pixels, columns = shape
    images = torch.rand(rows, pixels) * (torch.rand(rows, pixels) < density)
    weight, bias = torch.randn(pixels, columns), torch.randn(columns)
    found = changes_of(images, 1.0)
    assert found is not None
    exact = images.double() @ weight.double() + bias.double()
    torch.testing.assert_close(multiply(found, weight, bias).double(), exact, rtol=1e-5, atol=1e-4)


def test_threads_change_no_bit() -> None:
    images, weight, products = pictures(0.05).flatten(1), torch.randn(256, 100), []
    for threads in (1, 3, 70):
        torch.set_num_threads(threads)
        found = changes_of(images, 1.0)
        assert found is not None
        products.append(multiply(found, weight))
    assert all(torch.equal(products[0], other) for other in products[1:])


def test_a_pixel_that_is_not_a_number_shows() -> None:
    images = torch.zeros(3, 128)
    images[1, 70] = float("nan")
    found = changes_of(images, 1.0)
    assert found is not None
    assert multiply(found, torch.ones(128, 2)).isnan().any(1).tolist() == [False, True, False]


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "turned": lambda: nn.Sequential(nn.Flatten(2), nn.Linear(256, 3), nn.Flatten()),
    "activated first": lambda: nn.Sequential(nn.Flatten(), nn.Sigmoid(), nn.Linear(256, 3)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_first_layers_give_their_own_codes(name: str) -> None:
    torch.manual_seed(0)
    module = OTHERS[name]().eval().requires_grad_(False)
    file = torch.jit.load(io.BytesIO(traced(module, SHAPE)))
    with torch.inference_mode():
        found = (verified(file, SHAPE, name) or file)(pictures(0.04))
    torch.testing.assert_close(found, module(pictures(0.04)), rtol=1e-5, atol=1e-6)


def test_a_trained_file_gives_its_own_codes(tmp_path: Path) -> None:
    dataset = load("dsprites_full")
    images = dataset.observations(np.random.RandomState(0).randint(0, len(dataset), 200))
    export_torchscript(build("mlp_small", parse("R^4"), (64, 64, 1)), "mean", tmp_path / "model.pt")
    encoder = Encoder.load(tmp_path / "model.pt", dataset.image_shape)
    assert any(isinstance(module, EvenImages) for module in encoder._module.modules())
    codes = torch.jit.load(tmp_path / "model.pt")(torch.from_numpy(images).movedim(3, 1)).detach().numpy()
    assert np.abs(encoder(images) - codes).max() <= 1e-5 * np.abs(codes).max()
