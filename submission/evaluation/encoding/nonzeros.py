"""Networks that begin with a dense layer, on images that are mostly black."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.convolution import Shape, are_images, in_float32
from submission.models.sparse import SparseInputLinear

PART = 512
"""Images per call of what follows: enough to read its weights for, few enough to stay in the caches."""


class OfNonzeros(nn.Module):
    """A dense layer of all pixels and the layers after it: images (n, C, H, W) → features (n, F).

    Args:
        weight, bias: (outputs, pixels) and (outputs,) or None, in the precision in which products are made.
        rest: what follows.
        whole: the same function in one, for what is not float32 images of ``shape``.
        shape: (C, H, W).
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, rest: Callable[[Tensor], Tensor], whole: nn.Module, shape: Shape
    ) -> None:
        super().__init__()
        self.dtype, self.rest, self.whole, self.shape = weight.dtype, rest, whole, shape
        outputs, pixels = weight.shape
        self.first = SparseInputLinear(pixels, outputs, bias is not None, device="meta")
        columns = weight.float().t().contiguous().t()  # as the kernel reads them
        self.first.weight = nn.Parameter(columns, requires_grad=False)
        if bias is not None:
            self.first.bias = nn.Parameter(bias.float(), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Features of the images."""
        if not are_images(images, self.shape):
            return in_float32(self.whole(images.to(self.dtype)))
        pixels = images.flatten(1)
        outputs = self.first(pixels) if self.dtype == torch.float32 else self.first.in_bfloat16(pixels)
        return torch.cat([in_float32(self.rest(part)) for part in outputs.split(PART)])
