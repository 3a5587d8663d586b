"""The quickest module that gives a representation's codes, and how many images to hand it at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.convolution import AXES, Convolution, Pair, Shape, Window, black_maps, seeing, seen
from submission.evaluation.encoding.layers import SAME, branches, convolutions, kind, leaves, parts, same_codes
from submission.evaluation.encoding.nonzeros import OfNonzeros
from submission.evaluation.encoding.precision import Mixed
from submission.evaluation.encoding.windows import Windowed
from submission.export.torchscript import optimised

CONVOLUTIONAL, DENSE, ACCELERATOR = 64, 512, 4096
"""Images per call: on a processor, what a convolution writes should stay in the caches, while a dense layer reads all
of its weights at every call."""
SORTED = 64 << 20
"""Bytes of images that are looked at together, where windows of equal size are wanted or weights are rearranged."""
CORNER = (torch.tensor(0), torch.tensor(0))
STEPS = 48
SPOTS = ((0.4, 0.4, 0.25), (0.0, 0.3, 0.3), (0.75, 0.75, 0.25), (0.5, 0.0, 0.1), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
"""Top, left and size of what is not black in the images that a module is tried on, as shares of the image."""


def fastest(module: nn.Module, shape: Shape, device: torch.device, tolerance: float = SAME) -> tuple[nn.Module, int]:
    """``module`` in the form in which it runs fastest, and the number of images per call that suits it.

    Args:
        module: images (n, C, H, W) in [0, 1] → codes (n, D), on ``device``, in evaluation mode.
        shape: (C, H, W).
        device: where it runs.
        tolerance: by which codes may differ, relative to the largest.
    """
    if device.type != "cpu":
        return optimised(module), ACCELERATOR
    probe = spots(shape)
    for candidate in (in_windows(module, probe), of_nonzeros(module, probe)):
        if candidate is not None and same_codes(module, candidate, probe, tolerance):
            return candidate, max(CONVOLUTIONAL, SORTED // (4 * math.prod(shape)))
    dimensions = [weight.dim() for weight in module.parameters()]
    return optimised(module), DENSE if dimensions and max(dimensions) <= 2 else CONVOLUTIONAL


class Whole(nn.Module):
    """A convolution of whole maps, as a module."""

    def __init__(self, layer: Convolution) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, filters, H', W') of ``maps`` (n, channels, H, W)."""
        return self.layer(maps, self.layer.padding)


def in_windows(module: nn.Module, probe: Tensor) -> nn.Module | None:
    """What ``module`` seems to be, its first convolutions in windows; None where it does not begin with one."""
    body, head = _split(module, probe)
    whole = optimised(body)
    if branches(whole):
        return None
    layers = list(leaves(body))
    found = convolutions(layers)
    shape: Shape = (probe.shape[1], probe.shape[2], probe.shape[3])
    try:
        sizes = [(maps.shape[2], maps.shape[3]) for maps in black_maps(found, shape)]
    except (RuntimeError, IndexError):
        return None
    count = min(range(1, len(found) + 1), key=lambda number: products(found, sizes, number))
    others = optimised(nn.Sequential(*layers[sum(1 + len(layer.pointwise) for layer in found) :]))
    rest = nn.Sequential(*map(Whole, found[count:]), others)
    return nn.Sequential(Windowed(found[:count], rest, whole, shape), head)


def of_nonzeros(module: nn.Module, probe: Tensor) -> nn.Module | None:
    """What ``module`` seems to be, its first layer for non-zeros alone; None where that is not one of all pixels."""
    body, head = _split(module, probe)
    layers = list(leaves(body))
    if branches(optimised(body)) or [kind(layer) for layer in layers[:2]] != ["Flatten", "Linear"]:
        return None
    weights = layers[1].state_dict()
    rest = optimised(nn.Sequential(*layers[2:]))
    return nn.Sequential(OfNonzeros(weights["weight"], weights.get("bias"), rest), head)


def _split(module: nn.Module, probe: Tensor) -> tuple[nn.Module, nn.Module]:
    """Body and head, the whole module and nothing where there is no telling them apart."""
    if isinstance(module, Mixed):
        return module.body, module.head
    return parts(module, probe) or (module, nn.Identity())


def products(layers: Sequence[Convolution], sizes: Sequence[Pair], count: int) -> int:
    """Multiplications for objects a quarter as large as the image, at all places of its diagonal, if the first
    ``count`` layers are done in windows."""
    return sum(_products(layers, sizes, count, step / STEPS) for step in range(STEPS))


def _products(layers: Sequence[Convolution], sizes: Sequence[Pair], count: int, at: float) -> int:
    spans = []
    for axis in AXES:
        pixels = sizes[0][axis]
        first = int(at * 3 * pixels / 4)
        spans.append(seeing(layers[:count], sizes[: count + 1], first, first + pixels // 4, axis))
    window = Window(CORNER, (spans[0][1] - spans[0][0] + 1, spans[1][1] - spans[1][0] + 1))
    outputs = [place.size for place in seen(layers[:count], window)[1:]] + [*sizes[count + 1 :]]
    return sum(layer.weight.numel() * math.prod(size) for layer, size in zip(layers, outputs, strict=True))


def spots(shape: Shape) -> Tensor:
    """Images (n, *shape) of noise, black but for a spot in the middle, at an edge, in a corner, or everywhere."""
    noise = torch.rand(len(SPOTS), *shape, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(len(SPOTS), *shape)
    for number, (top, left, size) in enumerate(SPOTS):
        rows, columns = (slice(int(at * n), int((at + size) * n)) for at, n in zip((top, left), shape[1:], strict=True))
        images[number, :, rows, columns] = noise[number, :, rows, columns]
    return images
