"""Convolutions in windows give what they give on whole images, and are used only where they do."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission.data import load
from submission.evaluation.encoding import first_layer
from submission.evaluation.encoding.convolution import Convolution, Window, black_maps, seeing, seen
from submission.evaluation.encoding.encoder import Encoder, untrained_convolutional
from submission.evaluation.encoding.fastest import fastest, for_black_ground, spots
from submission.evaluation.encoding.first_layer import FirstLayer
from submission.evaluation.encoding.layers import convolutions
from submission.evaluation.encoding.windows import Windowed
from submission.export.representation import PARTS
from submission.export.torchscript import export_torchscript, frozen, traced
from submission.latent import parse
from submission.models.vae import build
from submission.native import library

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit", "ignore:Lazy modules", "ignore::torch.jit.TracerWarning")
CPU = torch.device("cpu")
SHAPE = (1, 64, 64)


def standard() -> nn.Sequential:
    """The field's network."""
    return nn.Sequential(*untrained_convolutional((64, 64, 1), 5, 0).children())


def sequence(*layers: nn.Module) -> nn.Sequential:
    """The layers and a dense one to three codes."""
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "the field's": (standard, SHAPE),
    "stride one": (lambda: sequence(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 4, 5, 2, 2)), (1, 20, 20)),
    "colours": (lambda: sequence(nn.Conv2d(3, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 8, 4, 2, 1)), (3, 40, 32)),
    "no padding": (lambda: sequence(nn.Conv2d(1, 32, 4, 2), nn.ReLU(), nn.Conv2d(32, 8, 3)), (1, 31, 30)),
    "wide padding": (lambda: sequence(nn.Conv2d(1, 32, 3, 2, 3), nn.ReLU(), nn.Conv2d(32, 8, 3, 1, 2)), (1, 24, 24)),
    "odd strides": (lambda: sequence(nn.Conv2d(1, 32, (3, 5), (1, 3), (1, 0)), nn.ReLU()), (1, 24, 33)),
    "gaps": (lambda: sequence(nn.Conv2d(1, 32, 2, 3), nn.ReLU(), nn.Conv2d(32, 4, 1, 2)), (1, 32, 32)),
    "no bias": (lambda: sequence(nn.Conv2d(1, 32, 4, 2, 1, bias=False), nn.ReLU()), (1, 16, 16)),
    "seven filters": (lambda: sequence(nn.Conv2d(1, 7, 4, 2, 1), nn.ReLU(), nn.Conv2d(7, 5, 4, 2, 1)), (1, 32, 32)),
    "other activations": (
        lambda: sequence(nn.Conv2d(1, 32, 4, 2, 1), nn.Sigmoid(), nn.Conv2d(32, 6, 3, 1, 1), nn.LeakyReLU()),
        (1, 32, 32),
    ),
    "normalised": (
        lambda: sequence(nn.Conv2d(1, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 8, 3, 1, 1)),
        (1, 32, 32),
    ),
}


class Functional(nn.Module):
    """A network as many write it: functions between its layers, two outputs, of which one is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 16, 4, 2, 1)
        self.normalised = nn.BatchNorm2d(16)
        self.hidden, self.mean, self.spread = nn.Linear(16 * 16, 20), nn.Linear(20, 3), nn.Linear(20, 3)

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread (n, 3) each."""
        maps = F.relu(self.first(images))
        maps = F.leaky_relu(self.normalised(self.second(maps)), 0.2)
        features = F.relu(self.hidden(maps.view(maps.size(0), -1)))
        return self.mean(features), self.spread(features)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return self.both(images)[0]


NETWORKS["functions"] = (Functional, (1, 16, 16))


def started(make: Callable[[], nn.Module], shape: tuple[int, int, int]) -> nn.Module:
    """The network with weights, biases and running statistics that are none of them zero."""
    torch.manual_seed(0)
    module = make().eval()
    module(torch.zeros(2, *shape))
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.add_(0.3 * torch.rand_like(tensor))
    return module.requires_grad_(False)


def objects(shape: tuple[int, int, int], count: int = 60) -> Tensor:
    """Images with one object each, anywhere, of any size, and one that is black."""
    generator = np.random.RandomState(0)
    images = torch.zeros(count, *shape)
    for image in images[1:]:
        sizes = [generator.randint(1, 1 + size // generator.randint(1, 6)) for size in shape[1:]]
        top, left = (generator.randint(0, 1 + whole - part) for whole, part in zip(shape[1:], sizes, strict=True))
        image[:, top : top + sizes[0], left : left + sizes[1]] = torch.from_numpy(generator.rand(shape[0], *sizes))
    return images


def layers_of(module: nn.Module) -> list[Convolution]:
    """The convolutions that it begins with."""
    script = frozen(module.eval().requires_grad_(False), torch.rand(2, *SHAPE))
    assert script is not None
    return convolutions(script.graph)[0]


@pytest.fixture(params=["kernel", "twin"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the C kernel and without."""
    if request.param == "kernel" and library("window") is None:
        pytest.skip("the C kernel is not built")
    if request.param == "twin":
        monkeypatch.setattr(first_layer, "library", lambda _: None)
    return str(request.param)


def as_file(module: nn.Module, shape: tuple[int, int, int]) -> nn.Module:
    """The module as it is read from a TorchScript file."""
    return torch.jit.load(io.BytesIO(traced(module, shape)))


FORMS: dict[str, Callable[[nn.Module, tuple[int, int, int]], nn.Module]] = {
    "plain": lambda module, _: module,
    "traced": as_file,
    "scripted": lambda module, _: torch.jit.script(module),
    "frozen": lambda module, shape: torch.jit.freeze(as_file(module, shape)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_codes_are_those_of_whole_images(name: str, form: str, kernel: str) -> None:
    make, shape = NETWORKS[name]
    module = started(make, shape)
    expected = module(objects(shape))
    quick, _ = fastest(FORMS[form](module, shape), shape, CPU)
    seen_through = form != "plain" or name != "functions"  # what its author's Python does is not looked into
    assert any(isinstance(part, Windowed) for part in quick.modules()) == seen_through
    with torch.inference_mode():
        found = quick(objects(shape))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


class Beside(nn.Module):
    """The second convolution is added to what it is made of, so that windows end with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Linear(4 * 16 * 16, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        maps = self.first(images)
        return self.last((maps + self.second(maps)).flatten(1))


UNSUITABLE: dict[str, Callable[[], nn.Module]] = {
    "wrapped around": lambda: sequence(nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular"), nn.ReLU()),
    "dilated": lambda: sequence(nn.Conv2d(1, 8, 3, dilation=2), nn.ReLU()),
    "in groups": lambda: sequence(nn.Conv2d(2, 8, 3, groups=2), nn.ReLU()),
    "padded alike": lambda: sequence(nn.Conv2d(1, 8, 3, padding="same"), nn.ReLU()),
    "no sequence": Beside,
    "the whole map at once": lambda: sequence(nn.Conv2d(1, 8, 3), nn.GroupNorm(1, 8), nn.ReLU()),
    "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 3)),
}


@pytest.mark.parametrize("form", ["plain", "traced"])
@pytest.mark.parametrize("name", UNSUITABLE)
def test_other_layers_are_left_alone_or_right(name: str, form: str) -> None:
    shape = (2, 16, 16) if name == "in groups" else (1, 16, 16)
    module = started(UNSUITABLE[name], shape)
    expected = module(objects(shape))
    with torch.inference_mode():
        found = fastest(FORMS[form](module, shape), shape, CPU)[0](objects(shape))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_file_that_was_optimised_before_gives_its_own_codes() -> None:
    module = started(standard, SHAPE)
    optimised = torch.jit.optimize_for_inference(torch.jit.freeze(as_file(module, SHAPE)))
    with torch.inference_mode():
        found = fastest(optimised, SHAPE, CPU)[0](objects(SHAPE))
    torch.testing.assert_close(found, module(objects(SHAPE)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["wrapped around", "dilated", "in groups", "dense"])
def test_no_windows_for_what_they_cannot_do(name: str) -> None:
    shape = (2, 16, 16) if name == "in groups" else (1, 16, 16)
    quick = fastest(as_file(started(UNSUITABLE[name], shape), shape), shape, CPU)[0]
    assert not any(isinstance(module, Windowed) for module in quick.modules())


class Moody(nn.Module):
    """A sequence of layers, but for images that are brighter than any it is tried on."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        codes = self.layers(images)
        if images.sum() > 10_000.0:
            codes = -codes
        return codes


def test_no_windows_where_the_layers_are_not_the_whole_story() -> None:
    module = torch.jit.script(Moody().eval().requires_grad_(False))
    quick = fastest(module, (1, 16, 16), CPU)[0]
    bright = torch.ones(100, 1, 16, 16)
    bright[:, :, :, 8:] = 0
    torch.testing.assert_close(quick(bright), module(bright))
    assert not any(isinstance(part, Windowed) for part in quick.modules())


def test_only_windows_are_evaluated() -> None:
    quick = fastest(started(standard, SHAPE), SHAPE, CPU)[0]
    windowed = quick[0]  # type: ignore[index]
    asked = []
    windowed.whole.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    small, large = torch.zeros(3, *SHAPE), torch.rand(2, *SHAPE)
    small[:, :, 20:30, 20:30] = 1
    with torch.inference_mode():
        quick(small)
        assert asked == []
        quick(torch.cat([small, large]))
    assert asked == [2]


def test_windows_hold_all_that_a_pixel_changes() -> None:
    layers = layers_of(started(standard, SHAPE))
    ground = black_maps(layers, SHAPE)
    sizes = [(maps.shape[2], maps.shape[3]) for maps in ground]
    rows = torch.arange(64)
    maps = torch.zeros(64, *SHAPE)
    maps[rows, :, rows, 5] = 1
    for layer in layers:
        maps = layer(maps, layer.padding)
    changed = ((maps - ground[-1]).abs() > 1e-5 * ground[-1].max()).any(3).any(1)
    first, last = seeing(layers, sizes, rows, rows, 0)
    places = torch.arange(sizes[-1][0])
    inside = (places >= first[:, None]) & (places <= last[:, None])
    assert changed.any(1).all()
    assert (changed <= inside).all()
    assert inside.sum(1).max() == 2


def test_what_a_window_sees() -> None:
    layers = layers_of(standard())
    chain = seen(layers, Window((torch.tensor([3]), torch.tensor([0])), (1, 4)))
    assert [int(place.start[0]) for place in chain] == [45, 23, 12, 6, 3]
    assert [int(place.start[1]) for place in chain] == [-3, -1, 0, 0, 0]
    assert [place.size for place in chain] == [(22, 70), (10, 34), (4, 16), (2, 8), (1, 4)]


@pytest.mark.skipif(library("window") is None, reason="the C kernel is not built")
def test_threads_change_no_bit() -> None:
    layer = layers_of(standard())[0]
    first = FirstLayer(layer, (64, 64), (32, 32))
    images = objects(SHAPE)
    window = Window((torch.arange(60) % 25 - 2, torch.arange(60) % 23 - 1), (11, 13))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(first(images, torch.arange(60), window))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    torch.testing.assert_close(found[0], first.cropped(images, torch.arange(60), window), rtol=1e-5, atol=1e-6)


def test_a_trained_file_is_encoded_in_windows_with_its_own_codes(tmp_path: Path) -> None:
    dataset = load("dsprites_full")
    images = dataset.observations(np.random.RandomState(0).randint(0, len(dataset), 300))
    export_torchscript(build("conv", parse("S^2 x R^3"), (64, 64, 1)), "mean", tmp_path / "model.pt")
    encoder = Encoder.load(tmp_path / "model.pt", dataset.image_shape)
    assert any(isinstance(module, Windowed) for module in encoder._module.modules())
    codes = torch.jit.load(tmp_path / "model.pt")(torch.from_numpy(images).movedim(3, 1)).detach().numpy()
    np.testing.assert_allclose(encoder(images), codes, atol=1e-5 * np.abs(codes).max())


def test_bfloat16_rounds_the_features_and_not_the_codes() -> None:
    images = objects(SHAPE, 20).movedim(1, 3).numpy()
    codes = []
    for precision in ("float32", "bf16"):
        encoder = Encoder(untrained_convolutional((64, 64, 1), 5, 0), "fresh", (64, 64, 1), precision=precision)
        assert isinstance(encoder._module[0], Windowed)  # type: ignore[index]
        codes.append(encoder(images))
    gap = np.abs(codes[0] - codes[1]).max() / np.abs(codes[0]).max()
    assert 1e-5 < gap < 0.02


def test_no_windows_in_a_module_that_does_not_take_such_images() -> None:
    colours = nn.Sequential(OrderedDict(zip(PARTS, (nn.Conv2d(3, 4, 3), nn.Flatten()), strict=True)))
    assert for_black_ground(colours, spots(SHAPE)) is None
