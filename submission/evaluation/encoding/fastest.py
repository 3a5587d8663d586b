"""The quickest module that gives a representation's codes, and how many images to hand it at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.changes import OfChanges
from submission.evaluation.encoding.layers import Graph, after, branches, convolutions, dense
from submission.evaluation.encoding.parts import SAME, same_codes
from submission.evaluation.encoding.precision import Mixed, Rounded
from submission.evaluation.encoding.windows import Windowed
from submission.export.isolated import IsolatedModule
from submission.export.torchscript import frozen, is_script, optimised
from submission.native.windows import Shape

CONVOLUTIONAL, DENSE, ACCELERATOR = 64, 512, 4096
"""Images per call: on a processor, what a convolution writes should stay in the caches, while a dense layer reads all
of its weights at every call."""
MOST_BYTES = 64 << 20
"""Of images per call."""
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
    if isinstance(module, IsolatedModule):
        return module, module.batch_size
    if device.type != "cpu":
        return optimised(module), ACCELERATOR
    probe = spots(shape)
    if (found := for_black_ground(module, probe)) and same_codes(module, found[0], probe, tolerance):
        candidate, size = found
        return candidate, max(CONVOLUTIONAL, min(size, MOST_BYTES // (4 * math.prod(shape))))
    dimensions = [weight.dim() for weight in module.parameters()]
    return optimised(module), DENSE if dimensions and max(dimensions) <= 2 else CONVOLUTIONAL


def quick(module: nn.Module, shape: Shape) -> tuple[nn.Module, int]:
    """``fastest`` for a process that runs a stranger's file on its own."""
    return fastest(module.eval(), shape, torch.device("cpu"))


def for_black_ground(module: nn.Module, probe: Tensor) -> tuple[nn.Module, int] | None:
    """What ``module`` seems to be, as it runs quickest on images that are mostly black, and how many images per call
    suit it; None where that is not seen.

    The module itself can always be run, hence nothing that goes wrong here is an error.
    """
    body, head = (module.body, module.head) if isinstance(module, Mixed) else (module, nn.Identity())
    try:
        with torch.no_grad():
            begun = _begun(body.module if isinstance(body, Rounded) else body, probe)
    except Exception:  # noqa: BLE001 - a stranger's module may raise anything
        return None
    return None if begun is None else (nn.Sequential(begun, head), begun.batch_size)


def _begun(body: nn.Module, probe: Tensor) -> Windowed | OfChanges | None:
    """``body`` with its convolutions in windows, or with its first dense layer of changes alone."""
    graph = _graph(body, probe)
    if graph is None:
        return None
    shape: Shape = (probe.shape[1], probe.shape[2], probe.shape[3])
    layers, last = convolutions(graph)
    if layers:
        return Windowed(layers, after(graph, last), optimised(body), shape)
    if first := dense(graph):
        layer, last = first
        return OfChanges(layer.weight, layer.bias, after(graph, last), optimised(body), shape)
    return None


def _graph(body: nn.Module, probe: Tensor) -> Graph | None:
    """The frozen graph of TorchScript, or of PyTorch's own modules: others may do what tracing does not see."""
    kinds = {weight.dtype for weight in body.parameters() if weight.is_floating_point()}
    if not is_script(body) and not all(type(part).__module__.startswith("torch.nn.") for part in body.modules()):
        return None
    script = frozen(body, probe.to(next(iter(kinds), probe.dtype)))
    return None if script is None or branches(script.graph) else script.graph


def spots(shape: Shape) -> Tensor:
    """Images (n, *shape) of noise, black but for a spot in the middle, at an edge, in a corner, or everywhere."""
    noise = torch.rand(len(SPOTS), *shape, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(len(SPOTS), *shape)
    for number, (top, left, size) in enumerate(SPOTS):
        rows, columns = (slice(int(at * n), int((at + size) * n)) for at, n in zip((top, left), shape[1:], strict=True))
        images[number, :, rows, columns] = noise[number, :, rows, columns]
    return images
