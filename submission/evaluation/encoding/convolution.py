"""Convolutions in a window of their maps: which inputs it sees, which outputs see an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

AXES = (0, 1)
Pair = tuple[int, int]
Shape = tuple[int, int, int]
Place = TypeVar("Place", int, Tensor)
"""A row or a column, or those of n images."""


def are_images(images: Tensor, shape: Shape) -> bool:
    """Whether there are any, float32, of this ``shape``, and none of them has a number below 0."""
    return images.shape[1:] == shape and images.dtype == torch.float32 and len(images) > 0 and bool(images.amin() >= 0)


def in_float32(features: Tensor) -> Tensor:
    """bfloat16 as float32, and any other type as it is."""
    return features.float() if features.dtype == torch.bfloat16 else features


class Window(NamedTuple):
    """A stretch of rows and one of columns, elsewhere in each of n maps but equally large.

    Attributes:
        start: first rows (n,) and first columns (n,); what lies outside the maps is padding.
        size: rows, columns.
    """

    start: tuple[Tensor, Tensor]
    size: Pair

    def places(self) -> tuple[Tensor, Tensor]:
        """Rows (n, size) and columns (n, size)."""
        rows, columns = (start[:, None] + torch.arange(size) for start, size in zip(self.start, self.size, strict=True))
        return rows, columns


class Pointwise(NamedTuple):
    """What is done to each number of the maps alone.

    Attributes:
        name: of PyTorch's operator, such as ``relu``.
        constants: its other arguments.
    """

    name: str
    constants: tuple[object, ...] = ()

    def __call__(self, maps: Tensor) -> Tensor:
        """Maps of the same shape; they may take the place of ``maps`` in memory."""
        if self.name == "relu":
            return maps.relu_()
        found: Tensor = getattr(torch.ops.aten, self.name)(maps, *self.constants)
        return found


@dataclass(frozen=True)
class Convolution:
    """A convolution without dilation or groups, and what follows it at each place alone.

    Attributes:
        weight: (filters, channels, kernel rows, kernel columns).
        bias: (filters,) or None.
        stride, padding: rows, columns.
        pointwise: what follows, one after the other.
    """

    weight: Tensor
    bias: Tensor | None
    stride: Pair
    padding: Pair
    pointwise: tuple[Pointwise, ...]

    def __call__(self, maps: Tensor, padding: Pair = (0, 0)) -> Tensor:
        """Maps (n, filters, H', W') of ``maps`` (n, channels, H, W), laid out channels-last."""
        maps = maps.contiguous(memory_format=torch.channels_last)
        maps = F.conv2d(maps, self.weight, self.bias, self.stride, padding)
        return reduce(lambda done, function: function(done), self.pointwise, maps)

    def seeing(self, first: Place, last: Place, axis: int) -> tuple[Place, Place]:
        """First and last output along ``axis`` that sees one of the inputs from ``first`` to ``last``."""
        kernel, stride, padding = self.weight.shape[2 + axis], self.stride[axis], self.padding[axis]
        return (first + padding - kernel) // stride + 1, (last + padding) // stride

    def seen(self, window: Window) -> Window:
        """The inputs that a window of outputs sees."""
        kernel = self.weight.shape[2:]
        rows, columns = (window.start[a] * self.stride[a] - self.padding[a] for a in AXES)
        height, width = ((window.size[a] - 1) * self.stride[a] + kernel[a] for a in AXES)
        return Window((rows, columns), (height, width))


def black_maps(layers: Sequence[Convolution], shape: Shape) -> list[Tensor]:
    """A black image (1, *shape) and what each layer gives on it."""
    maps = [torch.zeros(1, *shape, dtype=layers[0].weight.dtype)]
    with torch.inference_mode():
        for layer in layers:
            maps.append(layer(maps[-1], layer.padding))
    return maps


def seeing(
    layers: Sequence[Convolution], sizes: Sequence[Pair], first: Place, last: Place, axis: int
) -> tuple[Place, Place]:
    """First and last place along ``axis`` of the last maps that sees one of the pixels from ``first`` to ``last``.

    Args:
        layers: the convolutions.
        sizes: rows and columns of their input and of each one's output.
        first, last: rows for axis 0, columns for axis 1.
        axis: 0 or 1.
    """
    for layer, size in zip(layers, sizes[1:], strict=True):
        first, last = layer.seeing(first, last, axis)
        first = between(0, first, size[axis] - 1)
        last = between(first, last, size[axis] - 1)  # nothing sees a pixel in a gap between two kernels
    return first, last


def between(low: Place | int, place: Place, high: int) -> Place:
    """The nearest to ``place`` of ``low`` to ``high``."""
    if isinstance(place, Tensor):
        return place.clamp(max=high).maximum(torch.as_tensor(low))
    return max(low, min(place, high))


def seen(layers: Sequence[Convolution], window: Window) -> list[Window]:
    """What the layers see of the image and of each one's maps for a ``window`` of the last one's, which comes last."""
    chain = [window]
    for layer in reversed(layers):
        chain.append(layer.seen(chain[-1]))
    return chain[::-1]


def blanked(maps: Tensor, window: Window, sizes: Pair) -> Tensor:
    """``maps`` (n, C, *window.size) of a window, made zero where it lies outside whole maps of ``sizes``."""
    for axis, places in enumerate(window.places()):
        inside = (places >= 0) & (places < sizes[axis])
        crossing = (~inside.all(1)).nonzero()[:, 0]
        if len(crossing):
            shape = (len(crossing), 1, -1, 1) if axis == 0 else (len(crossing), 1, 1, -1)
            maps[crossing] *= inside[crossing].view(shape).to(maps.dtype)
    return maps
