"""Networks that begin with a dense layer, on images that are mostly black."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from submission.models.sparse import SparseInputLinear


class OfNonzeros(nn.Module):
    """A dense layer of all pixels and the layers after it: images (n, C, H, W) → features (n, F) float32.

    Args:
        weight, bias: (outputs, pixels) and (outputs,) or None, in the precision in which products are made.
        rest: what follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, rest: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.dtype, self.rest = weight.dtype, rest
        outputs, pixels = weight.shape
        self.first = SparseInputLinear(pixels, outputs, bias is not None, device="meta")
        columns = weight.float().t().contiguous().t()  # as the kernel reads them
        self.first.weight = nn.Parameter(columns, requires_grad=False)
        if bias is not None:
            self.first.bias = nn.Parameter(bias.float(), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Features of the images."""
        pixels = images.flatten(1)
        outputs = self.first(pixels) if self.dtype == torch.float32 else self.first.in_bfloat16(pixels)
        features: Tensor = self.rest(outputs).float()
        return features
