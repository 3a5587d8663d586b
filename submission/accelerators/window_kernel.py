"""Convolutions of images that are mostly black, only where they are not, by ``windows/``; float32, on the CPU."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from submission.accelerators.library import library

Pair = tuple[int, int]
Shape = tuple[int, int, int]
MAX_LAYERS, MAX_FLOATS = 16, 2 << 20
"""Layers as in ``windows.c``; floats in all maps of one image, of which each thread has nine."""


class Convolution(NamedTuple):
    """A convolution without dilation or groups, and what follows it.

    Attributes:
        weight: (filters, channels, kernel rows, kernel columns).
        bias: (filters,) or None.
        stride, padding: rows, columns.
        slope: what numbers below zero are multiplied by, in [0, 1]: 0 rectifies, 1 leaves them.
    """

    weight: Tensor
    bias: Tensor | None
    stride: Pair
    padding: Pair
    slope: float = 1.0

    def maps(self, rows: int, columns: int) -> Pair:
        """Rows and columns of what it gives for maps of so many."""
        sizes = zip((rows, columns), self.weight.shape[2:], self.stride, self.padding, strict=True)
        found = tuple((size + 2 * padding - kernel) // stride + 1 for size, kernel, stride, padding in sizes)
        return found[0], found[1]


class Layer(ctypes.Structure):
    """``Layer`` of ``windows.h``."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("channels", "filters", "kernel_rows", "kernel_columns")),
        *((name, ctypes.c_int64) for name in ("stride_rows", "stride_columns", "padding_rows", "padding_columns")),
        *((name, ctypes.c_int64) for name in ("rows", "columns")),
        ("slope", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("weights", "bias")),
    )


class Convolutions:
    """Convolutions one after the other.

    Args:
        layers: at most ``MAX_LAYERS``.
        shape: channels, rows and columns of the images.
        lanes: floats in a vector: 4, 8 or 16, at most :func:`lanes`.

    Attributes:
        shape, maps: (channels, rows, columns) of the images and of what comes out.

    Raises:
        ValueError: too many layers, or maps too large for the kernel.
    """

    def __init__(self, layers: Sequence[Convolution], shape: Shape, lanes: int) -> None:
        self.shape, self.lanes = shape, lanes
        self._kept: list[Tensor] = []  # what the structures point to
        structures, floats = [], math.prod(shape)
        channels, rows, columns = shape
        for layer in layers:
            rows, columns = layer.maps(rows, columns)
            structures.append(self._structure(layer, channels, rows, columns))
            channels = structures[-1].filters
            floats += channels * rows * columns
        if len(layers) > MAX_LAYERS or floats > MAX_FLOATS:
            raise ValueError(f"{len(layers)} layers with {floats} numbers are too many for the kernel")
        self._layers = (Layer * len(layers))(*structures)
        self.maps: Shape = (len(layers[-1].weight), rows, columns)

    def __call__(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Maps (n, *maps) of contiguous ``images`` (n, *shape) that are black outside of their ``boxes`` (n, 4).

        Raises:
            RuntimeError: there is no memory for the kernel's buffers.
        """
        maps = images.new_empty(len(images), *self.maps)
        count, filters = ctypes.c_int64(len(self._layers)), ctypes.c_int64(self.maps[0])
        call("maps", ctypes.c_int64(self.lanes), self._layers, count, _sizes(self.shape), filters, images, boxes, maps)
        return maps

    def _structure(self, layer: Convolution, channels: int, rows: int, columns: int) -> Layer:
        """The layer as C reads it, for maps of so many ``channels``, some of which may be padding."""
        block = 2 * self.lanes
        filters, real, *kernel = layer.weight.shape
        padded = -(-filters // block) * block
        weight = torch.zeros(padded, channels, *kernel)
        weight[:filters, :real] = layer.weight
        bias = torch.zeros(padded)
        if layer.bias is not None:
            bias[:filters] = layer.bias
        weight = weight.view(padded // block, block, channels, *kernel).permute(0, 3, 4, 2, 1).contiguous()
        self._kept += (weight, bias)
        sizes = (channels, padded, *kernel, *layer.stride, *layer.padding, rows, columns)
        return Layer(*sizes, layer.slope, weight.data_ptr(), bias.data_ptr())


def lanes() -> int:
    """Floats in the widest vectors that the kernel uses on this processor; 0 where it was not built."""
    kernel = library("windows")
    return 0 if kernel is None else int(kernel.windows_lanes())


def boxes_of(images: Tensor) -> Tensor:
    """Where contiguous images (n, C, H, W) are not black: first and last row, first and last column (n, 4).

    The last ones are smaller than the first for black images. NaN is not black.
    """
    boxes = torch.empty(len(images), 4, dtype=torch.int64)
    call("boxes", _sizes(images.shape[1:]), images, boxes)
    return boxes


def call(name: str, *arguments: object) -> None:
    """Call a function of the kernel, which must have been built; the last argument tells how many images there are.

    Raises:
        RuntimeError: there is no memory for it.
    """
    kernel = library("windows")
    assert kernel is not None
    pointers = [ctypes.c_void_p(each.data_ptr()) if isinstance(each, Tensor) else each for each in arguments]
    count = len(arguments[-1])  # type: ignore[arg-type]
    if kernel["windows_" + name](*pointers, ctypes.c_int64(count), ctypes.c_int64(torch.get_num_threads())):
        raise RuntimeError("there is no memory for the maps of its layers")


def _sizes(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    return (ctypes.c_int64 * len(numbers))(*numbers)
