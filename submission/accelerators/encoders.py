"""Encoders of images that are mostly black or mostly constant: equivalent modules that compute less.

The images of many data sets show one object on a black ground. Away from the object, convolutions give the
same as on a black image, so it is enough to evaluate them in a window around it; a dense layer of all pixels needs only
the pixels at which an image changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from submission.accelerators.layers import Graph, after, branches, convolutions, dense
from submission.accelerators.library import library
from submission.accelerators.sparse_kernel import changes_of, multiply
from submission.accelerators.window_kernel import Convolution, Convolutions, Shape, boxes_of, lanes
from submission.export.torchscript import inlined

WIDE, MOST = 8, 0.3
"""From so many floats in a vector on, windows are quickest for any image; with fewer, for images of which no larger
share is inside of their boxes."""
MOST_CHANGES = 0.08
"""Largest share of pixels that change for which the dense kernel is used; it breaks even between 0.08 and 0.3."""
PART = 512
"""Images per call of what follows a dense layer: enough to read its weights for, few enough to stay in the caches."""


def faster_encoder(module: nn.Module, shape: Shape) -> nn.Module | None:
    """``submission.export.verified.faster_encoder``: reads the layers from the module's graph.

    Nothing that goes wrong here is an error, because the module itself can always be run.
    """
    try:
        with torch.no_grad():
            graph = _graph(module, shape)
            return None if graph is None else _fast_path(graph, module, shape)
    except Exception:  # noqa: BLE001 - an untrusted module may raise anything
        return None


def _graph(module: nn.Module, shape: Shape) -> Graph | None:
    """The graph of TorchScript, or of PyTorch's own modules: others may do what tracing does not see."""
    known = all(type(part).__module__.startswith("torch.nn.") for part in module.modules())
    script = inlined(module, torch.rand(2, *shape), trace=known)
    return None if script is None or branches(script.graph) else script.graph


def _fast_path(graph: Graph, module: nn.Module, shape: Shape) -> nn.Module | None:
    layers, last = convolutions(graph)
    if layers and lanes():
        return Windowed(layers, after(graph, last), module, shape)
    if (first := dense(graph)) and library("sparse"):
        layer, last = first
        return EvenImages(layer.weight, layer.bias, after(graph, last), module, shape)
    return None


class FastPath(nn.Module):
    """Images (n, C, H, W) → codes (n, D).

    Args:
        whole: the same function by PyTorch.
        shape: (C, H, W) of the images, float32, whose codes :meth:`codes` gives quicker; others go through ``whole``.
    """

    def __init__(self, whole: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.whole, self.shape = whole, shape

    def forward(self, images: Tensor) -> Tensor:
        """Codes of the images."""
        expected = images.shape[1:] == self.shape and images.dtype == torch.float32 and len(images) > 0
        found: Tensor = self.codes(images.contiguous()) if expected else self.whole(images)
        return found

    def codes(self, images: Tensor) -> Tensor:
        """The quicker way."""
        raise NotImplementedError


class Windowed(FastPath):
    """Convolutions where images are not black, and the layers after them.

    Args:
        layers: the convolutions.
        rest: what follows them.

    Raises:
        ValueError: the kernel does not take such layers.
    """

    def __init__(
        self, layers: Sequence[Convolution], rest: Callable[[Tensor], Tensor], whole: nn.Module, shape: Shape
    ) -> None:
        super().__init__(whole, shape)
        self.convolutions, self.rest = Convolutions(layers, shape, lanes()), rest

    def codes(self, images: Tensor) -> Tensor:
        """Codes of the images; those with large objects go through PyTorch where vectors are narrow."""
        boxes = boxes_of(images)
        large = _share(boxes, self.shape) > (1.0 if self.convolutions.lanes >= WIDE else MOST)
        if not large.any():
            return self.rest(self.convolutions(images, boxes))
        found: Tensor = self.whole(images)
        if not large.all():
            found[~large] = self.rest(self.convolutions(images[~large], boxes[~large]))
        return found


def _share(boxes: Tensor, shape: Shape) -> Tensor:
    """The part of an image of ``shape`` that each of the ``boxes`` (n, 4) covers, (n,)."""
    top, bottom, left, right = boxes.unbind(1)
    return (bottom - top + 1).clamp(min=0) * (right - left + 1).clamp(min=0) / math.prod(shape[1:])


class EvenImages(FastPath):
    """A dense layer of all pixels, computed from the pixels at which images change, and the layers after it.

    A weight that is not finite does not show where images are constant.

    Args:
        weight, bias: (outputs, pixels) and (outputs,) or None, float32.
        rest: what follows.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, rest: Callable[[Tensor], Tensor], whole: nn.Module, shape: Shape
    ) -> None:
        super().__init__(whole, shape)
        self.weight = weight.detach().t().contiguous()  # as the kernel reads it
        self.bias, self.rest = None if bias is None else bias.detach().contiguous(), rest

    def codes(self, images: Tensor) -> Tensor:
        """Codes of the images."""
        pixels = images.flatten(1)
        changes = changes_of(pixels, MOST_CHANGES)
        if changes is None:
            found: Tensor = self.whole(images)
            return found
        outputs = multiply(changes, self.weight, self.bias)
        return torch.cat([self.rest(part) for part in outputs.split(PART)])
