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

from submission.accelerators import encoders
from submission.accelerators.encoders import Windowed, faster_encoder
from submission.accelerators.window_kernel import MAX_LAYERS, Convolution, Convolutions, boxes_of, lanes
from submission.data import load
from submission.evaluation.encoding.encoder import Encoder, untrained_convolutional
from submission.export.representation import PARTS
from submission.export.torchscript import export_torchscript, traced
from submission.export.verified import verified
from submission.latent import parse
from submission.models.vae import build

built = pytest.mark.skipif(not lanes(), reason="the C kernel is not built")
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit", "ignore:Lazy modules", "ignore::torch.jit.TracerWarning")
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
        lambda: sequence(
            nn.Conv2d(1, 20, 4, 2, 1),
            nn.LeakyReLU(0.3),
            nn.Dropout(),
            nn.Conv2d(20, 6, 3),
            nn.Conv2d(6, 9, 1),
            nn.Tanh(),
        ),
        (1, 32, 32),
    ),
    "in place": (
        lambda: sequence(
            nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(32, 8, 3), nn.LeakyReLU(0.2, True)
        ),
        (1, 20, 20),
    ),
    "one pixel": (lambda: sequence(nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Conv2d(3, 2, 1)), (1, 1, 1)),
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
        sizes = [1 + generator.randint(0, max(1, size // generator.randint(1, 6))) for size in shape[1:]]
        top, left = (generator.randint(0, 1 + whole - part) for whole, part in zip(shape[1:], sizes, strict=True))
        image[:, top : top + sizes[0], left : left + sizes[1]] = torch.from_numpy(generator.rand(shape[0], *sizes))
    return images


WIDTHS = [width for width in (4, 8, 16) if width <= lanes()]
"""Vectors that the kernel has here, by the floats in them."""


@pytest.fixture(params=WIDTHS or [pytest.param(0, marks=pytest.mark.skip("the C kernel is not built"))])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Each of them."""
    monkeypatch.setattr(encoders, "lanes", lambda: request.param)
    return int(request.param)


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
def test_codes_are_those_of_whole_images(name: str, form: str, width: int) -> None:
    make, shape = NETWORKS[name]
    module = FORMS[form](started(make, shape), shape)
    faster = faster_encoder(module, shape)
    seen_through = form == "frozen" or name != "normalised"  # freezing folds what stands between convolutions
    seen_through &= form != "plain" or name != "functions"  # what its author's Python does is not read
    assert isinstance(faster, Windowed) == seen_through
    with torch.inference_mode():
        expected = module(objects(shape))
        found = (faster or module)(objects(shape))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


class Beside(nn.Module):
    """The second convolution is added to what it is made of."""

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
    "turned around": lambda: sequence(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 4, 3, groups=2)),
    "another activation": lambda: sequence(nn.Conv2d(1, 8, 3), nn.ELU(), nn.Conv2d(8, 4, 3)),
    "steeper below zero": lambda: sequence(nn.Conv2d(1, 8, 3), nn.LeakyReLU(1.5), nn.Conv2d(8, 4, 3)),
    "deep": lambda: sequence(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(MAX_LAYERS + 1))),
    "too large": lambda: sequence(nn.Conv2d(1, 9000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
}
LEFT_ALONE = {*UNSUITABLE} - {"the whole map at once", "turned around", "dense"}


@pytest.mark.parametrize("form", ["plain", "traced"])
@pytest.mark.parametrize("name", UNSUITABLE)
def test_other_layers_are_left_alone_or_right(name: str, form: str) -> None:
    shape = (2, 16, 16) if name == "in groups" else (1, 16, 16)
    module = FORMS[form](started(UNSUITABLE[name], shape), shape)
    images = objects(shape, 4 if name == "too large" else 60)
    with torch.inference_mode():
        expected = module(images)
        found = (verified(module, shape, name) or module)(images)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_file_that_was_optimised_before_gives_its_own_codes() -> None:
    module = started(standard, SHAPE)
    optimised = torch.jit.optimize_for_inference(torch.jit.freeze(as_file(module, SHAPE)))
    with torch.inference_mode():
        found = (verified(optimised, SHAPE, "file") or optimised)(objects(SHAPE))
    torch.testing.assert_close(found, module(objects(SHAPE)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", sorted(LEFT_ALONE))
def test_no_windows_for_what_they_cannot_do(name: str) -> None:
    shape = (2, 16, 16) if name == "in groups" else (1, 16, 16)
    assert faster_encoder(as_file(started(UNSUITABLE[name], shape), shape), shape) is None


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
    assert faster_encoder(module, (1, 16, 16)) is None


@built
def test_narrow_vectors_are_not_used_for_large_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "lanes", lambda: 4)
    module, asked = started(standard, SHAPE), []
    quick = faster_encoder(module, SHAPE)
    assert quick is not None
    module.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    small, large = torch.zeros(3, *SHAPE), torch.rand(2, *SHAPE)
    small[:, :, 20:30, 20:30] = 1
    with torch.inference_mode():
        quick(small)
        assert asked == []
        quick(torch.cat([small, large]))
    assert len(asked) == 1


def drawn_layers(random: np.random.RandomState, shape: tuple[int, int, int]) -> list[Convolution]:
    """One to four convolutions of any size that images of this shape are large enough for."""
    layers: list[Convolution] = []
    channels, *sizes = shape
    while len(layers) < 4:
        filters, kernel, stride, padding = random.randint(1, 40), *random.randint((1, 1, 0), (6, 5, 4), (2, 3)).T
        if min(size + 2 * border for size, border in zip(sizes, padding, strict=True)) < max(kernel):
            break
        weight = torch.from_numpy(random.randn(filters, channels, *kernel) / np.sqrt(channels * kernel.prod())).float()
        bias = torch.from_numpy(random.rand(filters)).float() if random.rand() < 0.8 else None
        pairs = ((int(stride[0]), int(stride[1])), (int(padding[0]), int(padding[1])))
        layers.append(Convolution(weight, bias, *pairs, float(random.choice([0.0, 0.1, 1.0]))))
        channels, sizes = filters, list(layers[-1].maps(*sizes))
    return layers


def on_whole_maps(layers: list[Convolution], images: Tensor) -> Tensor:
    """The same by PyTorch, in float64."""
    maps = images.double()
    for layer in layers:
        bias = None if layer.bias is None else layer.bias.double()
        maps = F.leaky_relu(F.conv2d(maps, layer.weight.double(), bias, layer.stride, layer.padding), layer.slope)
    return maps


def three_layers(shape: tuple[int, int, int]) -> list[Convolution]:
    """The first three such convolutions whose last maps see the images."""
    images = torch.stack([torch.zeros(shape), torch.ones(shape)])
    for seed in range(100):
        layers = [layer._replace(slope=0.1) for layer in drawn_layers(np.random.RandomState(seed), shape)[:3]]
        if len(layers) == 3 and on_whole_maps(layers, images).diff(dim=0).abs().amin() > 1e-3:
            return layers
    raise AssertionError(shape)


@pytest.mark.parametrize("seed", range(60))
def test_any_convolutions_give_what_they_give_on_whole_maps(seed: int, width: int) -> None:
    random = np.random.RandomState(seed)
    shape = (random.randint(1, 4), random.randint(1, 40), random.randint(1, 40))
    layers = drawn_layers(random, shape)
    images = objects(shape, 23)
    if not layers:
        pytest.skip("the image is smaller than the kernel")
    found = Convolutions(layers, shape, width)(images, boxes_of(images))
    torch.testing.assert_close(found.double(), on_whole_maps(layers, images), rtol=1e-5, atol=1e-5)


@built
def test_each_pixel_changes_what_it_changes_on_whole_maps() -> None:
    layers = three_layers((1, 24, 17))
    images = torch.zeros(24 * 17, 1, 24, 17)
    images.view(len(images), -1).fill_diagonal_(1)
    found = Convolutions(layers, (1, 24, 17), lanes())(images, boxes_of(images))
    torch.testing.assert_close(found.double(), on_whole_maps(layers, images), rtol=1e-5, atol=1e-5)


@built
def test_nothing_is_read_or_computed_outside_of_the_boxes() -> None:
    layers = three_layers((1, 24, 17))
    images = torch.rand(5, 1, 24, 17)
    found = Convolutions(layers, (1, 24, 17), lanes())(images, torch.tensor([[24, -1, 17, -1]]).repeat(5, 1))
    black = on_whole_maps(layers, torch.zeros(5, 1, 24, 17))
    torch.testing.assert_close(found.double(), black, rtol=1e-5, atol=1e-5)
    assert (on_whole_maps(layers, images) - black).abs().max() > 0.1


@built
def test_boxes_are_where_images_are_not_black() -> None:
    images = torch.zeros(5, 2, 6, 9)
    images[1, 1, 2, 3] = 1
    images[2, 0, 0, 8], images[2, 1, 5, 0] = 1e-30, -1
    images[3] = 1
    images[4, 0, 3, 4:6] = float("nan")
    boxes = boxes_of(images).tolist()
    assert boxes[1:] == [[2, 2, 3, 3], [0, 5, 0, 8], [0, 5, 0, 8], [3, 3, 4, 5]]
    top, bottom, left, right = boxes[0]
    assert bottom < top
    assert right < left


@built
def test_threads_change_no_bit() -> None:
    layers = three_layers(SHAPE)
    images = objects(SHAPE)
    kernel = Convolutions(layers, SHAPE, lanes())
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 70):
            torch.set_num_threads(threads)
            found.append(kernel(images, boxes_of(images)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


@built
def test_company_changes_no_bit() -> None:
    images = objects(SHAPE)
    kernel = Convolutions(three_layers(SHAPE), SHAPE, lanes())
    together = kernel(images, boxes_of(images))
    alone = torch.cat([kernel(image, boxes_of(image)) for image in images.split(1)])
    assert torch.equal(together, alone)


def test_a_trained_file_is_encoded_in_windows_with_its_own_codes(tmp_path: Path) -> None:
    dataset = load("dsprites_full")
    images = dataset.observations(np.random.RandomState(0).randint(0, len(dataset), 300))
    export_torchscript(build("conv", parse("S^2 x R^3"), (64, 64, 1)), "mean", tmp_path / "model.pt")
    encoder = Encoder.load(tmp_path / "model.pt", dataset.image_shape)
    if lanes():
        assert any(isinstance(module, Windowed) for module in encoder._module.modules())
    codes = torch.jit.load(tmp_path / "model.pt")(torch.from_numpy(images).movedim(3, 1)).detach().numpy()
    np.testing.assert_allclose(encoder(images), codes, atol=1e-5 * np.abs(codes).max())


def test_no_windows_in_a_module_that_does_not_take_such_images() -> None:
    colours = nn.Sequential(OrderedDict(zip(PARTS, (nn.Conv2d(3, 4, 3), nn.Flatten()), strict=True)))
    assert faster_encoder(colours, SHAPE) is None
