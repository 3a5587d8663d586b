"""The first convolution of mostly black images, in windows of its maps."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from submission.evaluation.encoding.convolution import Convolution, Pair, Window, blanked
from submission.native import library

FILTERS, TAPS = 32, 256
"""What the C kernel is made for: multiples of so many filters, each of at most so many weights."""


class FirstLayer:
    """A convolution of images (n, C, H, W) float32.

    Args:
        layer: the convolution.
        images: rows and columns of the images.
        maps: rows and columns of its whole maps.
    """

    def __init__(self, layer: Convolution, images: Pair, maps: Pair) -> None:
        self.layer, self.images, self.maps = layer, images, maps
        filters, channels, *kernel = layer.weight.shape
        self.filters = filters
        self.weights = layer.weight.float().permute(2, 1, 3, 0).contiguous()
        self.bias = torch.zeros(filters) if layer.bias is None else layer.bias.detach().float()
        self.shape = (channels, *images, *kernel, filters, *layer.stride, *layer.padding, *maps)

    def __call__(self, images: Tensor, numbers: Tensor, window: Window) -> Tensor:
        """Maps (n, filters, *window.size), zero outside of whole ones.

        Args:
            images: contiguous.
            numbers: which of them, (n,).
            window: of the maps.
        """
        if not self.suits_kernel():
            return self.cropped(images, numbers, window)
        maps = images.new_empty(len(numbers), *window.size, self.filters)
        shape = (ctypes.c_int64 * 14)(*self.shape, *window.size)
        tensors = (images, self.weights, self.bias, numbers, *window.start, maps)
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        kernel = library("window")
        assert kernel is not None
        kernel.window_maps(shape, *pointers, ctypes.c_int64(len(numbers)), ctypes.c_int64(torch.get_num_threads()))
        return maps.permute(0, 3, 1, 2).to(self.layer.weight.dtype)

    def suits_kernel(self) -> bool:
        """Whether the C kernel is there and does such layers."""
        rectified = [function.name for function in self.layer.pointwise] == ["relu"]
        fits = self.filters % FILTERS == 0 and self.weights[..., 0].numel() <= TAPS
        return rectified and fits and library("window") is not None

    def cropped(self, images: Tensor, numbers: Tensor, window: Window) -> Tensor:
        """The same in PyTorch: of each image what its window sees."""
        seen = self.layer.seen(window)
        rows, columns = (places.clamp(0, size - 1) for places, size in zip(seen.places(), self.images, strict=True))
        pixels = images[numbers[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
        pixels = blanked(pixels.to(self.layer.weight.dtype), seen, self.images)
        return blanked(self.layer(pixels), window, self.maps)
