"""Modules of any kind give their own codes, or the error that they give on whole images."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from submission.evaluation.encoding.encoder import Encoder, RepresentationError
from submission.export.torchscript import traced

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::torch.jit.TracerWarning")
SHAPE = (1, 32, 32)
IMAGE_SHAPE = (32, 32, 1)
LIMIT = 0.05


def convolved() -> list[nn.Module]:
    """Layers up to 2,048 features."""
    return [nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(), nn.Flatten()]


class Then(nn.Module):
    """A network and a function of images and codes."""

    def __init__(self, function: Callable[[Tensor, Tensor], object], layers: list[nn.Module] | None = None) -> None:
        super().__init__()
        self.network = nn.Sequential(*(layers or [*convolved(), nn.Linear(2048, 3)]))
        self.unused = nn.ModuleList([nn.Linear(4, 4), nn.MSELoss()])
        self.function = function

    def forward(self, images: Tensor) -> object:
        """Codes (n, 3)."""
        return self.function(images, self.network(images))


class Bounded(nn.Module):
    """Parts as an export has them, and a function after them."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(*convolved()), nn.Linear(2048, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.head(self.body(images)).clamp(-LIMIT, LIMIT)


class Conv2d(nn.Module):
    """Called like a layer of PyTorch's, and none."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1024, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.linear(images.flatten(1))


class Recurrent(nn.Module):
    """Rows of a map, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.rows = nn.Conv2d(1, 1, 3, padding=1), nn.GRU(32, 3, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.rows(self.first(images).squeeze(1))[0][:, -1]


def dense() -> list[nn.Module]:
    """A network of all pixels."""
    return [nn.Flatten(), nn.Linear(1024, 40), nn.ReLU(), nn.Linear(40, 3)]


MODULES: dict[str, Callable[[], nn.Module]] = {
    "unused children": lambda: Then(lambda _, codes: codes),
    "unused children, dense": lambda: Then(lambda _, codes: codes, dense()),
    "clamped": lambda: Then(lambda _, codes: codes.clamp(-LIMIT, LIMIT)),
    "clamped, dense": lambda: Then(lambda _, codes: codes.clamp(-LIMIT, LIMIT), dense()),
    "images again": lambda: Then(lambda images, codes: codes + images.mean((1, 2, 3))[:, None]),
    "branching": lambda: Then(lambda images, codes: -codes if images.sum() > 3000 else codes),
    "normalised weights": lambda: nn.Sequential(
        weight_norm(nn.Conv2d(1, 32, 4, 2, 1)), nn.ReLU(), nn.Flatten(), nn.Linear(8192, 3)
    ),
    "bounded after parts": Bounded,
    "another Conv2d": Conv2d,
    "recurrent": Recurrent,
    "pooled": lambda: nn.Sequential(*convolved()[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten()),
}


def pictures(count: int = 80, side: int = 32) -> Tensor:
    """White squares of many sizes, some of them as large as the image."""
    images = torch.zeros(count, 1, side, side)
    for number, image in enumerate(images):
        size = 2 + number % (side - 1)
        image[:, number % 5 : number % 5 + size, number % 7 : number % 7 + size] = 0.5 + 0.5 * (number % 2)
    return images


def made(name: str) -> nn.Module:
    """The module, in evaluation mode."""
    torch.manual_seed(0)
    return MODULES[name]().eval().requires_grad_(False)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("form", ["plain", "file"])
def test_codes_are_the_module_s_own(name: str, form: str) -> None:
    module = made(name)
    if form == "file":
        if name == "branching":
            pytest.skip("tracing drops the branch from the file itself")
        module = torch.jit.load(io.BytesIO(traced(module, SHAPE)))
    expected = module(pictures())
    assert not name.startswith(("clamped", "bounded")) or expected.abs().max() == np.float32(LIMIT)
    encoder = Encoder(module, name, IMAGE_SHAPE)
    found = encoder(pictures().movedim(1, 3).numpy())
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


REFUSED: dict[str, Callable[[Tensor], object]] = {
    "whole numbers": lambda codes: (100 * codes).long(),
    "yes or no": lambda codes: codes > 0,
    "nothing": lambda codes: codes[:, :0],
    "sparse": lambda codes: codes.to_sparse(),
    "not a number": lambda codes: codes * float("nan"),
    "three axes": lambda codes: codes[:, None],
}


@pytest.mark.parametrize("layers", [None, dense()])
@pytest.mark.parametrize("name", REFUSED)
def test_outputs_other_than_codes_are_refused(name: str, layers: list[nn.Module] | None) -> None:
    module = Then(lambda _, codes: REFUSED[name](codes), layers).eval().requires_grad_(False)
    with pytest.raises(RepresentationError):
        Encoder(torch.jit.load(io.BytesIO(traced(module, SHAPE))), name, IMAGE_SHAPE)


@pytest.mark.parametrize("layers", [[*convolved(), nn.Linear(2048, 3)], dense()])
@pytest.mark.parametrize("shape", [(16, 16, 1), (64, 64, 1), (32, 64, 1), (32, 32, 3)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...], layers: list[nn.Module]) -> None:
    module = nn.Sequential(*layers).eval().requires_grad_(False)
    encoder = Encoder(torch.jit.load(io.BytesIO(traced(module, SHAPE))), "file", IMAGE_SHAPE)
    images = np.zeros((70, *shape), np.float32)
    images[:, 3:5, 3:5] = 1
    with pytest.raises(RepresentationError, match="fails on images of shape"):
        encoder(images)


def test_a_module_that_takes_any_shape_goes_on_to() -> None:
    module = made("pooled")
    encoder = Encoder(torch.jit.load(io.BytesIO(traced(module, SHAPE))), "file", IMAGE_SHAPE)
    images = pictures(70, 48)
    np.testing.assert_allclose(encoder(images.movedim(1, 3).numpy()), module(images).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [[*convolved(), nn.Linear(2048, 3)], dense()])
def test_negative_pixels_are_not_black(layers: list[nn.Module]) -> None:
    module = nn.Sequential(*layers).eval().requires_grad_(False)
    images = torch.zeros(70, *SHAPE)
    images[:, :, 2:4, 2:4] = -0.5
    found = Encoder(module, "network", IMAGE_SHAPE)(images.movedim(1, 3).numpy())
    np.testing.assert_allclose(found, module(images).numpy(), rtol=1e-4, atol=1e-5)


class Replicated(nn.Module):
    """Convolutions with a border that is no zeros, and codes far from zero."""

    def __init__(self) -> None:
        super().__init__()
        second = nn.Conv2d(32, 32, 4, 2, 1, padding_mode="replicate")
        third = nn.Conv2d(32, 32, 3, 2, 1)
        self.body = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), second, nn.ReLU(), third, nn.Flatten())
        self.head = nn.Linear(512, 3)
        self.head.bias.data += 3

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.head(self.body(images))


def test_borders_other_than_zeros_stay_so_in_bfloat16() -> None:
    torch.manual_seed(0)
    content = traced(Replicated().eval().requires_grad_(False), SHAPE)
    codes = [
        Encoder(torch.jit.load(io.BytesIO(content)), "file", IMAGE_SHAPE, precision=precision)(
            pictures().movedim(1, 3).numpy()
        )
        for precision in ("float32", "bf16")
    ]
    errors = np.sqrt(np.square(codes[1] - codes[0]).mean(0)) / codes[0].std(0)
    assert errors.max() < 0.05
