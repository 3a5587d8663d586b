"""Encoder and decoder networks of the papers, by name, for images of any size and number of channels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from submission.errors import UsageError
from submission.plugins import choices

ImageShape = tuple[int, int, int]
"""(height, width, channels)."""


@dataclass(frozen=True)
class Networks:
    """A pair of networks.

    Attributes:
        encoder: (image_shape, outputs) → module from images (n, C, H, W) to (n, outputs).
        decoder: (inputs, image_shape) → module from (n, inputs) to (n, C, H, W).
    """

    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[int, ImageShape], nn.Module]


def networks(name: str) -> Networks:
    """The pair called ``name``; UsageError for an unknown name."""
    if name not in NETWORKS:
        raise UsageError(f"unknown networks {name!r}", choices(NETWORKS))
    return NETWORKS[name]


def _mlp(widths: list[int], activation: type[nn.Module]) -> list[nn.Module]:
    """Linear layers through ``widths`` with an activation between them, none after the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return layers[:-1]


def _pixels(image_shape: ImageShape) -> int:
    height, width, channels = image_shape
    return height * width * channels


def channels_first(image_shape: ImageShape) -> tuple[int, int, int]:
    """(channels, height, width)."""
    height, width, channels = image_shape
    return channels, height, width


def _mlp_pair(encoder_widths: list[int], decoder_widths: list[int], activation: type[nn.Module] = nn.Tanh) -> Networks:
    """ReLU encoder and ``activation`` decoder with the given hidden widths."""

    def encoder(image_shape: ImageShape, outputs: int) -> nn.Module:
        widths = [_pixels(image_shape), *encoder_widths, outputs]
        return nn.Sequential(nn.Flatten(), *_mlp(widths, nn.ReLU))

    def decoder(inputs: int, image_shape: ImageShape) -> nn.Module:
        layers = _mlp([inputs, *decoder_widths, _pixels(image_shape)], activation)
        return nn.Sequential(*layers, nn.Unflatten(1, channels_first(image_shape)))

    return Networks(encoder, decoder)


class _Shift(nn.Module):
    """x → scale·x + offset."""

    def __init__(self, scale: float, offset: float) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape."""
        return self.scale * values + self.offset


COARSE = 16
"""Height and width at which ``mlp_coarse`` sees pictures, at most."""


def _coarse(image_shape: ImageShape) -> tuple[int, int]:
    """Height and width of the averaged picture."""
    return min(image_shape[0], COARSE), min(image_shape[1], COARSE)


def _coarse_encoder(image_shape: ImageShape, outputs: int) -> nn.Module:
    """Averages of blocks of pixels, from −1 to 1 with grey at 0, and two layers of 256 tanh units."""
    rows, columns = _coarse(image_shape)
    layers = _mlp([rows * columns * image_shape[2], 256, 256, outputs], nn.Tanh)
    return nn.Sequential(nn.AdaptiveAvgPool2d((rows, columns)), nn.Flatten(), _Shift(2, -1), *layers)


def _coarse_decoder(inputs: int, image_shape: ImageShape) -> nn.Module:
    """The same backwards, enlarged bilinearly: outputs of 0 are grey pixels, 0.5."""
    rows, columns = _coarse(image_shape)
    layers = _mlp([inputs, 256, 256, rows * columns * image_shape[2]], nn.Tanh)
    enlarged = nn.Upsample(image_shape[:2], mode="bilinear", align_corners=False)
    return nn.Sequential(*layers, _Shift(0.5, 0.5), nn.Unflatten(1, (image_shape[2], rows, columns)), enlarged)


class _Pad(nn.Module):
    """Zero padding on the right and at the bottom to (height, width)."""

    def __init__(self, right: int, bottom: int) -> None:
        super().__init__()
        self.amounts = (0, right, 0, bottom)

    def forward(self, images: Tensor) -> Tensor:
        """(n, C, H, W) → (n, C, H + bottom, W + right)."""
        return F.pad(images, self.amounts)


def _grid(image_shape: ImageShape) -> tuple[int, int]:
    """Height and width after four halvings, rounded up."""
    return -(-image_shape[0] // 16), -(-image_shape[1] // 16)


def _conv_encoder(image_shape: ImageShape, outputs: int) -> nn.Module:
    """Four strided convolutions and 256 hidden units; sizes that 16 does not divide are zero-padded."""
    height, width, channels = image_shape
    rows, columns = _grid(image_shape)
    padding = (16 * columns - width, 16 * rows - height)
    layers: list[nn.Module] = [_Pad(*padding)] if any(padding) else []
    plan = [(channels, 32, 4), (32, 32, 4), (32, 64, 2), (64, 64, 2)]
    for inputs, filters, kernel in plan:
        layers += [nn.Conv2d(inputs, filters, kernel, stride=2, padding=kernel // 2 - 1), nn.ReLU(inplace=True)]
    layers += [nn.Flatten(), *_mlp([64 * rows * columns, 256, outputs], nn.ReLU)]
    return _glorot(nn.Sequential(*layers))


def _conv_decoder(inputs: int, image_shape: ImageShape) -> nn.Module:
    """The mirror image: two dense layers and four transposed convolutions, cropped to the image."""
    height, width, channels = image_shape
    rows, columns = _grid(image_shape)
    layers = [*_mlp([inputs, 256, 64 * rows * columns], nn.ReLU), nn.ReLU(), nn.Unflatten(1, (64, rows, columns))]
    for before, after in [(64, 64), (64, 32), (32, 32)]:
        layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
    layers += [nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1)]
    crop = (width - 16 * columns, height - 16 * rows)
    return _glorot(nn.Sequential(*layers, *([_Pad(*crop)] if any(crop) else [])))


def _glorot(network: nn.Sequential) -> nn.Sequential:
    """TensorFlow's default start, which the reference's results rest on: Glorot-uniform weights, zero biases."""
    for layer in network:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return network


NETWORKS: dict[str, Networks] = {
    "mlp": _mlp_pair([1200, 1200], [1200, 1200, 1200]),  # Stühmer et al. (2020), A.4
    "mlp_small": _mlp_pair([256, 256], [256, 256]),  # for quick work
    "mlp_silu": _mlp_pair([256, 256], [256, 256], nn.SiLU),  # the same with a decoder that learns edges sooner
    "mlp_coarse": Networks(_coarse_encoder, _coarse_decoder),  # 256-256, for smooth pictures on a grey ground
    "mlp_sphere": _mlp_pair([256, 128], [128, 256], nn.ReLU),  # Davidson et al. (2019), after its [4]
    "mlp_diffusion": _mlp_pair([512, 256, 128], [256, 512], nn.ReLU),  # Pérez Rey et al. (2020), which prints no widths
    "mlp_512": _mlp_pair([512, 512, 512], [512, 512], nn.ReLU),  # of the program by the same authors
    "conv": Networks(_conv_encoder, _conv_decoder),  # disentanglement_lib's
}
