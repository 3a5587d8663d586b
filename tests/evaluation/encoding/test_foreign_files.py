"""Files of many architectures, traced and scripted, in both modes: their own codes are scored, or they are refused."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission.evaluation.encoding.encoder import Encoder, RepresentationError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::torch.jit.TracerWarning", "ignore::UserWarning")
SIDE = 16
IMAGE_SHAPE = (SIDE, SIDE, 1)


class Function(nn.Module):
    """Layers called one after the other, with reshapes between them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)


class Rows(Function):
    """Each row of an image through a square linear layer and batch normalisation over as many channels."""

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 16)."""
        rows = images.squeeze(1)
        for layer in self.layers:
            rows = layer(rows)
        return rows.mean(1)


class Attention(nn.Module):
    """Rows of an image attend to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(SIDE, 2, batch_first=True)
        self.norm = nn.LayerNorm(SIDE)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 16)."""
        rows = images.squeeze(1)
        mixed, _ = self.attention(rows, rows, rows, need_weights=False)
        return self.norm(rows + mixed).mean(1)


class Dynamic(nn.Module):
    """Shapes are computed from the images."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        maps = self.convolution(images)
        return self.last(maps.reshape(maps.size(0), maps.size(1), -1).mean(2))


class Recurrent(nn.Module):
    """Rows of an image one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(SIDE, 5, batch_first=True, bidirectional=True)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 10)."""
        return self.rows(images.squeeze(1))[0][:, -1]


class Residual(nn.Module):
    """Two ways that meet again, normalised before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])
        self.last = nn.Linear(8, 8)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 8)."""
        maps = F.relu(self.norms[0](self.first(images)))
        maps = F.relu(maps + self.norms[1](self.second(maps)))
        return self.last(maps.mean((2, 3)))


class SeveralInputs(nn.Module):
    """An encoder that others call with a mask as well."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(SIDE * SIDE, 4)

    def forward(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        """Codes (n, 4)."""
        pixels = images.flatten(1)
        return self.linear(pixels if mask is None else pixels * mask)


class Complex(nn.Module):
    """The strongest frequencies of an image."""

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 8)."""
        return torch.fft.rfft2(images.squeeze(1)).abs().flatten(1)[:, :8].contiguous()


def dense(*layers: nn.Module) -> Callable[[], nn.Module]:
    """All pixels through a square linear layer and ``layers`` of its size."""
    return lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 64, bias=False), *copy.deepcopy(layers))


def convolved(*layers: nn.Module) -> Callable[[], nn.Module]:
    """A convolution with as many filters as rows, and ``layers``."""
    return lambda: nn.Sequential(
        nn.Conv2d(1, SIDE, 3, padding=1, bias=False), *copy.deepcopy(layers), nn.Flatten(), nn.Linear(4096, 3)
    )


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "linear, BatchNorm1d over rows": lambda: Rows(nn.Linear(SIDE, SIDE, bias=False), nn.BatchNorm1d(SIDE)),
    "linear with bias, BatchNorm1d over rows": lambda: Rows(nn.Linear(SIDE, SIDE), nn.BatchNorm1d(SIDE), nn.ReLU()),
    "BatchNorm1d over rows, linear": lambda: Rows(nn.BatchNorm1d(SIDE), nn.Linear(SIDE, SIDE)),
    "linear, BatchNorm1d without weights": lambda: Rows(nn.Linear(SIDE, SIDE), nn.BatchNorm1d(SIDE, affine=False)),
    "Conv1d, BatchNorm1d of rows": lambda: Rows(nn.Conv1d(SIDE, SIDE, 3, padding=1), nn.BatchNorm1d(SIDE)),
    "ConvTranspose1d, BatchNorm1d": lambda: Rows(nn.ConvTranspose1d(SIDE, SIDE, 3, padding=1), nn.BatchNorm1d(SIDE)),
    "dense, BatchNorm1d": dense(nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3)),
    "dense, dropout": dense(nn.Dropout(0.5), nn.Linear(64, 3)),
    "dense, BatchNorm1d and dropout": dense(nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 3)),
    "convolution, BatchNorm2d": convolved(nn.BatchNorm2d(SIDE), nn.ReLU()),
    "convolution, BatchNorm2d without statistics": convolved(nn.BatchNorm2d(SIDE, track_running_stats=False)),
    "convolution, GroupNorm": convolved(nn.GroupNorm(4, SIDE), nn.SiLU()),
    "convolution, InstanceNorm2d": convolved(nn.InstanceNorm2d(SIDE, affine=True), nn.ELU()),
    "convolution, LayerNorm": convolved(nn.LayerNorm([SIDE, SIDE, SIDE]), nn.GELU()),
    "transposed convolution, BatchNorm2d": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1),
        nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ),
    "grouped convolution, BatchNorm2d": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.AdaptiveMaxPool2d(2), nn.Flatten()
    ),
    "Conv3d, BatchNorm3d": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 1)), nn.Conv3d(1, 6, (1, 3, 3)), nn.BatchNorm3d(6), nn.AdaptiveAvgPool3d(1), nn.Flatten()
    ),
    "attention": Attention,
    "dynamic shapes": Dynamic,
    "recurrent": Recurrent,
    "residual": Residual,
    "an optional second input": SeveralInputs,
    "frequencies": Complex,
    "field's standard": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5)
    ),
    "all pixels": lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 40), nn.ReLU(), nn.Linear(40, 3)),
}


def images(count: int) -> Tensor:
    """Objects of many sizes on black."""
    generator = torch.Generator().manual_seed(3)
    pictures = torch.zeros(count, 1, SIDE, SIDE)
    for number, picture in enumerate(pictures):
        size = 1 + number % SIDE
        picture[:, number % 5 : number % 5 + size, number % 7 : number % 7 + size] = torch.rand(1, generator=generator)
    return pictures


def file(name: str, form: str, training: bool) -> torch.jit.ScriptModule:
    """The architecture as it is read from its file, with weights and statistics that are none of them trivial."""
    torch.manual_seed(0)
    module = ARCHITECTURES[name]().eval()
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data.add_(0.3 * torch.rand_like(tensor))
    module.requires_grad_(False).train(training)
    script = torch.jit.trace(module, images(8), check_trace=False) if form == "traced" else torch.jit.script(module)
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    return torch.jit.load(io.BytesIO(buffer.getvalue()))


def depends_on_its_batch(module: torch.jit.ScriptModule) -> bool:
    """Whether an image's codes change with the other images of its batch, all else equal."""
    noise, codes = torch.rand(7, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2)), []
    for batch in (noise[:4], torch.cat([noise[:1], noise[4:]])):
        torch.manual_seed(1)
        codes.append(module(batch)[0])
    return not torch.allclose(*codes, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("form", ["traced", "scripted"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_file_s_own_codes_are_scored_or_it_is_refused(name: str, form: str, training: bool) -> None:
    with torch.no_grad():
        refused = depends_on_its_batch(file(name, form, training))
        if refused:
            with pytest.raises(RepresentationError, match=r"depend on the other images in its batch|fails on"):
                Encoder(file(name, form, training), name, IMAGE_SHAPE)
            return
        encoder = Encoder(file(name, form, training), name, IMAGE_SHAPE)
        batch, own = images(300), file(name, form, training)
        torch.manual_seed(5)
        expected = own(batch).numpy()
        assert encoder.deterministic == np.array_equal(expected, own(batch).numpy())
        torch.manual_seed(5)
        found = encoder(batch.movedim(1, 3).numpy())
        assert np.abs(found - expected).max() <= 1e-5 * max(1.0, float(np.abs(expected).max()))


def test_there_are_refused_random_and_plain_files_among_them() -> None:
    """Batch statistics in training mode are refused in both forms; dropout alone makes random codes."""
    for form in ("traced", "scripted"):
        for name in ("dense, BatchNorm1d", "convolution, BatchNorm2d", "dense, BatchNorm1d and dropout"):
            with pytest.raises(RepresentationError, match="depend on the other images in its batch"):
                Encoder(file(name, form, True), name, IMAGE_SHAPE)
            assert Encoder(file(name, form, False), name, IMAGE_SHAPE).deterministic
        assert not Encoder(file("dense, dropout", form, True), "dropout", IMAGE_SHAPE).deterministic


def test_square_linear_layers_and_batch_normalisation_score_as_the_file_does() -> None:
    """PyTorch's frozen graph folds this pair on the wrong axis: half of the codes would be other rows' sums."""
    size = 64
    linear, norm = nn.Linear(size, size, bias=False), nn.BatchNorm1d(size)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(size))
        norm.weight[size // 2 :] = 0
    module = Rows(linear, norm).eval().requires_grad_(False)
    script = torch.jit.trace(module, torch.rand(2, 1, size, size), check_trace=False)
    pictures = torch.rand(50, size, size, 1)
    found = Encoder(script, "file", (size, size, 1))(pictures.numpy())
    np.testing.assert_allclose(found, script(pictures.movedim(3, 1)).numpy(), rtol=1e-5, atol=1e-6)
