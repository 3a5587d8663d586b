"""A linear layer of images with large even areas, computed from what is uneven where the C kernel was built."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission.models.eager import runs_eagerly
from submission.native import library
from submission.native.sparse import Entries, entries, multiply, transposed

MOST = {torch.float32: 0.08, torch.bfloat16: 0.04}
"""Largest share of entries for which the kernel is used, by what an ordinary product would be computed in.

With float32 it breaks even at 0.08 (64 images, 256 outputs) to 0.3 (2,048 images, 1,200 outputs). Processors with
bfloat16 units multiply that about four times as fast.
"""
FEWEST = 64
"""Images from which rearranging the weights pays."""


class SparseInputLinear(nn.Linear):
    """``nn.Linear`` of inputs that need no gradient and may be mostly zeros, or mostly like their neighbours.

    A weight that is not finite does not show where images are even; from ``nn.Linear`` it would come as NaN.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Outputs (n, out_features) of images (n, in_features)."""
        outputs = self.of_changes(images, torch.float32)
        return F.linear(images, self.weight, self.bias) if outputs is None else outputs

    def in_bfloat16(self, images: Tensor) -> Tensor:
        """bfloat16 outputs (n, out_features) of float32 images (n, in_features), summed in float32 where sparse."""
        outputs = self.of_changes(images, torch.bfloat16)
        if outputs is None:
            bias = None if self.bias is None else self.bias.bfloat16()
            return F.linear(images.bfloat16(), self.weight.bfloat16(), bias)
        return outputs.bfloat16()

    def of_changes(self, images: Tensor, ordinary: torch.dtype) -> Tensor | None:
        """float32 outputs from the changes from pixel to pixel; None where these are many, or that cannot be.

        Args:
            images: (n, in_features).
            ordinary: what ordinary products would be computed in.
        """
        if not suits_kernel(images, self.weight, self.bias):
            return None
        found = entries(images, MOST[ordinary], changes=True)
        return None if found is None else Kernel.apply(self.weight, self.bias, images, ordinary, *found)


def suits_kernel(images: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether the C kernel is there, takes such tensors, and nobody records or transforms what is done to them."""
    if not runs_eagerly(images) or torch.is_autocast_enabled("cpu") or images.requires_grad:
        return False
    tensors = [images, weight] if bias is None else [images, weight, bias]
    in_float32 = all(tensor.dtype == torch.float32 and has_kernel(tensor) for tensor in tensors)
    fits = images.ndim == 2 and len(images) >= FEWEST and images.shape[1] == weight.shape[1]
    return in_float32 and fits and images.is_contiguous() and (bias is None or bias.is_contiguous())


def has_kernel(tensor: Tensor) -> bool:
    """Whether there is a kernel for the device of ``tensor``."""
    return tensor.device.type == "cpu" and library("sparse") is not None


class Kernel(torch.autograd.Function):
    """``F.linear`` by ``submission/native/sparse.c``: outputs from changes, the weights' gradient from non-zeros.

    (From changes the gradient of a pixel that is never lit would be a rounding error instead of zero, which Adam
    blows up.)
    """

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor | None, images: Tensor, ordinary: torch.dtype, *changes: Tensor
    ) -> Tensor:
        """Outputs (n, out_features) of images (n, in_features), whose changes are given as ``Entries``."""
        ctx.save_for_backward(images)
        ctx.ordinary = ordinary
        outputs = weight.new_empty(len(images), len(weight))
        multiply(Entries(*changes), weight.t(), outputs, bias, changes=True)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in weight and bias."""
        (images,) = ctx.saved_tensors
        weight = weight_gradient(outer, images, ctx.ordinary)
        return weight, outer.sum(0) if ctx.needs_input_grad[1] else None, *[None] * 5


def weight_gradient(outer: Tensor, images: Tensor, ordinary: torch.dtype) -> Tensor:
    """``outer`` (n, out_features), transposed, times images (n, in_features); in ``ordinary`` where many are lit."""
    lit = entries(images, MOST[ordinary])
    if lit is None:
        return (outer.to(ordinary).t() @ images.to(ordinary)).float()
    weight = outer.new_empty(outer.shape[1], images.shape[1])
    multiply(transposed(lit, images.shape[1]), outer, weight.t())
    return weight
