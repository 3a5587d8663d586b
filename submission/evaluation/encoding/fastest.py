"""The quickest module that gives a representation's codes, and how many images to hand it at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.convolution import AXES, Convolution, Pair, Shape, Window, black_maps, seeing, seen
from submission.evaluation.encoding.layers import Graph, after, branches, convolutions, dense
from submission.evaluation.encoding.nonzeros import OfNonzeros
from submission.evaluation.encoding.parts import SAME, same_codes
from submission.evaluation.encoding.precision import Mixed, Rounded
from submission.evaluation.encoding.windows import Windowed
from submission.export.torchscript import frozen, is_script, optimised

CONVOLUTIONAL, DENSE, ACCELERATOR = 64, 512, 4096
"""Images per call: on a processor, what a convolution writes should stay in the caches, while a dense layer reads all
of its weights at every call."""
SORTED, MANY = 64 << 20, 4096
"""Bytes of images, and images, looked at together where windows of equal size are wanted or weights rearranged."""
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
    if (candidate := for_black_ground(module, probe)) and same_codes(module, candidate, probe, tolerance):
        return candidate, min(MANY, max(CONVOLUTIONAL, SORTED // (4 * math.prod(shape))))
    dimensions = [weight.dim() for weight in module.parameters()]
    return optimised(module), DENSE if dimensions and max(dimensions) <= 2 else CONVOLUTIONAL


class Rest(nn.Module):
    """What comes after the windows: convolutions of whole maps, then the rest of the graph."""

    def __init__(self, layers: Sequence[Convolution], after: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers, self.after = layers, after

    def forward(self, maps: Tensor) -> Tensor:
        """Features (n, F) of ``maps`` (n, channels, H, W)."""
        for layer in self.layers:
            maps = layer(maps, layer.padding)
        return self.after(maps.contiguous())


def for_black_ground(module: nn.Module, probe: Tensor) -> nn.Module | None:
    """What ``module`` seems to be, as it runs quickest on images that are mostly black; None where that is not seen.

    The module itself can always be run, hence nothing that goes wrong here is an error.
    """
    body, head = (module.body, module.head) if isinstance(module, Mixed) else (module, nn.Identity())
    try:
        with torch.no_grad():
            begun = _begun(body.module if isinstance(body, Rounded) else body, probe)
    except Exception:  # noqa: BLE001 - a stranger's module may raise anything
        return None
    return None if begun is None else nn.Sequential(begun, head)


def _begun(body: nn.Module, probe: Tensor) -> Windowed | OfNonzeros | None:
    """``body``, its first convolutions in windows, or its first dense layer of non-zeros alone."""
    graph = _graph(body, probe)
    if graph is None:
        return None
    shape: Shape = (probe.shape[1], probe.shape[2], probe.shape[3])
    layers, last = convolutions(graph)
    if layers:
        sizes = [(maps.shape[2], maps.shape[3]) for maps in black_maps(layers, shape)]
        count = min(range(1, len(layers) + 1), key=lambda number: products(layers, sizes, number))
        return Windowed(layers[:count], Rest(layers[count:], after(graph, last)), optimised(body), shape)
    if first := dense(graph):
        layer, last = first
        return OfNonzeros(layer.weight, layer.bias, after(graph, last), optimised(body), shape)
    return None


def _graph(body: nn.Module, probe: Tensor) -> Graph | None:
    """The frozen graph of TorchScript, or of PyTorch's own modules: others may do what tracing does not see."""
    kinds = {weight.dtype for weight in body.parameters() if weight.is_floating_point()}
    if not is_script(body) and not all(type(part).__module__.startswith("torch.nn.") for part in body.modules()):
        return None
    script = frozen(body, probe.to(next(iter(kinds), probe.dtype)))
    return None if script is None or branches(script.graph) else script.graph


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
    outputs = [place.size for place in seen(layers[:count], window)[1:]] + list(sizes[count + 1 :])
    return sum(layer.weight.numel() * math.prod(size) for layer, size in zip(layers, outputs, strict=True))


def spots(shape: Shape) -> Tensor:
    """Images (n, *shape) of noise, black but for a spot in the middle, at an edge, in a corner, or everywhere."""
    noise = torch.rand(len(SPOTS), *shape, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(len(SPOTS), *shape)
    for number, (top, left, size) in enumerate(SPOTS):
        rows, columns = (slice(int(at * n), int((at + size) * n)) for at, n in zip((top, left), shape[1:], strict=True))
        images[number, :, rows, columns] = noise[number, :, rows, columns]
    return images
