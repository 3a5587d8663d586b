"""Bernoulli log-likelihood of images, in one pass over the logits where the C kernel was built."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from submission.native import library


def bernoulli(logits: Tensor, images: Tensor) -> Tensor:
    """Σ x·l − log(1 + eˡ) over pixels, (..., n), of logits (..., n, C, H, W) and images (n, C, H, W) in [0, 1].

    Summed in float32. For grey values strictly between 0 and 1 this is the usual cross entropy, no normalised
    density.
    """
    logits, images = logits.float(), images.float()
    if suits_kernel(logits, images):
        sums: Tensor = Kernel.apply(logits.contiguous(), images.contiguous())
        return sums
    return (images * logits - softplus(logits)).flatten(-3).sum(-1)


def suits_kernel(logits: Tensor, images: Tensor) -> bool:
    """Whether the C kernel is there and takes such tensors: on the CPU, images as many as the last logits' rows."""
    fits = logits.device.type == images.device.type == "cpu" and logits.shape[-4:] == images.shape
    return fits and not images.requires_grad and library("bernoulli") is not None


class Kernel(torch.autograd.Function):
    """``submission/native/bernoulli.c``; the gradient is made together with the value."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, images: Tensor) -> Tensor:
        """Sums (..., n) of contiguous float32 logits (..., n, C, H, W) and images (n, C, H, W) on the CPU."""
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        sums = logits.new_empty(logits.shape[:-3])
        pixels = images[0].numel() if len(images) else 0
        kernel = library("bernoulli")
        assert kernel is not None
        pointers = [None if t is None else ctypes.c_void_p(t.data_ptr()) for t in (logits, images, gradient, sums)]
        sizes = [ctypes.c_int64(size) for size in (sums.numel(), len(images), pixels, torch.get_num_threads())]
        kernel.log_likelihood(*pointers, *sizes)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return sums

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        """Gradient in the logits; the saved tensor is used up, which autograd notices in a second backward pass."""
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0][..., None, None, None]), None
