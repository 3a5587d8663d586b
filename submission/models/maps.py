"""Layers between images and maps of convolutions, as they are fastest on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from submission.models.eager import runs_eagerly

Pair = tuple[int, int]
TOGETHER = 16
"""Images whose products are added up while they are in the caches."""


class Maps(nn.Unflatten):
    """Numbers (n, C·H·W) as maps (n, C, H, W), on a CPU channels-last in memory: convolutions after them are faster."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The maps."""
        maps = inputs.unflatten(self.dim, self.unflattened_size)
        return maps.contiguous(memory_format=torch.channels_last) if on_cpu(maps) else maps


class FromImages(nn.Conv2d):
    """``nn.Conv2d`` of images; on a CPU its maps lie channels-last in memory."""

    def forward(self, images: Tensor) -> Tensor:
        """Maps (n, out_channels, H', W') of images (n, in_channels, H, W)."""
        return super().forward(channels_last(images) if on_cpu(images) else images)


class ToImages(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` to images of few channels, without biases that differ from place to place.

    On a CPU, PyTorch takes ten times longer for one channel than its multiplications need. Here they are one product of
    matrices, whose outcome is added up where kernels overlap.
    """

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Images (n, out_channels, H, W) of maps (n, in_channels, H', W')."""
        assert self.bias is not None
        if output_size is not None or not (
            on_cpu(maps) and self._divides() and in_float32(maps, self.weight, self.bias)
        ):
            return super().forward(maps, output_size)
        images: Tensor = Transposed.apply(maps, self.weight, self.bias, self.stride, self.padding)
        return images

    def _divides(self) -> bool:
        """Whether all of a kernel's products come to lie on a whole number of strides."""
        ordinary = self.groups == 1 and set(self.dilation) == {1} and not any(map(int, self.output_padding))
        whole = (kernel % step == 0 for kernel, step in zip(self.kernel_size, self.stride, strict=True))
        return ordinary and all(whole)


class Transposed(torch.autograd.Function):
    """``F.conv_transpose2d`` whose strides divide its kernel."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, stride: Pair, padding: Pair) -> Tensor:
        """Images (n, C, H, W)."""
        ctx.save_for_backward(maps, weight)
        ctx.places = stride, padding
        parts = [overlapped(part, weight, stride) for part in maps.split(TOGETHER)]
        rows, columns = (slice(border, size - border) for border, size in zip(padding, parts[0].shape[2:], strict=True))
        images = torch.cat([part[:, :, rows, columns] for part in parts])
        return images.add_(bias[:, None, None])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in maps, weight and bias."""
        maps, weight = ctx.saved_tensors
        geometry = (*ctx.places, (1, 1), True, (0, 0), 1)
        gradients = torch.ops.aten.convolution_backward(
            outer, maps, weight, weight.shape[1:2], *geometry, ctx.needs_input_grad[:3]
        )
        return (*gradients, None, None)


def overlapped(maps: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    """Images (n, C, H, W) before they are cropped: kernels times numbers, added up where they overlap.

    Args:
        maps: (n, F, H', W').
        weight: (F, C, kernel rows, kernel columns), whole multiples of the ``stride``.
    """
    (count, filters, height, width), (channels, *kernel) = maps.shape, weight.shape[1:]
    (down, right), (rows, columns) = stride, (size // step for size, step in zip(kernel, stride, strict=True))
    products = maps.permute(0, 2, 3, 1).reshape(-1, filters) @ weight.flatten(1)
    products = products.view(count, height, width, channels, rows, down, columns, right)
    lines = products.new_zeros(count, height, channels, rows, down, width + columns - 1, right)
    for shift in range(columns):
        lines[..., shift : shift + width, :] += products[..., shift, :].permute(0, 1, 3, 4, 5, 2, 6)
    images = products.new_zeros(count, channels, height + rows - 1, down, (width + columns - 1) * right)
    for shift in range(rows):
        images[:, :, shift : shift + height] += lines[:, :, :, shift].flatten(-2).permute(0, 2, 1, 3, 4)
    return images.flatten(2, 3)


def channels_last(images: Tensor) -> Tensor:
    """Channels-last in memory; where there is one channel, for which that makes no difference, also in its strides."""
    images = images.contiguous(memory_format=torch.channels_last)
    _, channels, height, width = images.shape
    return images.as_strided(images.shape, (height * width * channels, 1, width * channels, channels))


def on_cpu(tensor: Tensor) -> bool:
    """Whether maps or images lie there, and nobody records or transforms what is done to them."""
    return runs_eagerly(tensor) and tensor.device.type == "cpu" and tensor.ndim == 4


def in_float32(*tensors: Tensor) -> bool:
    """Whether they are, and products of them will be."""
    return all(tensor.dtype == torch.float32 for tensor in tensors) and not torch.is_autocast_enabled("cpu")
