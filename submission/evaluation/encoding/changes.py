"""Networks that begin with a dense layer, on images with large even areas."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.shortcut import Shortcut
from submission.models.sparse import SparseInputLinear
from submission.native.windows import Shape

PART = 512
"""Images per call of what follows: enough to read its weights for, few enough to stay in the caches."""


class OfChanges(Shortcut):
    """A dense layer of all pixels and the layers after it: images (n, C, H, W) → features (n, F).

    Args:
        weight, bias: (outputs, pixels) and (outputs,) or None, in the precision in which products are made.
        rest: what follows.
        whole: the same function in one.
        shape: (C, H, W).
    """

    batch_size = 4096

    def __init__(
        self, weight: Tensor, bias: Tensor | None, rest: Callable[[Tensor], Tensor], whole: nn.Module, shape: Shape
    ) -> None:
        super().__init__(whole, shape, weight.dtype)
        outputs, pixels = weight.shape
        self.rest = rest
        self.first = SparseInputLinear(pixels, outputs, bias is not None, device="meta")
        columns = weight.float().t().contiguous().t()  # as the kernel reads them
        self.first.weight = nn.Parameter(columns, requires_grad=False)
        if bias is not None:
            self.first.bias = nn.Parameter(bias.float(), requires_grad=False)

    def features(self, images: Tensor) -> Tensor:
        """Features of the images."""
        pixels = images.flatten(1)
        outputs = self.first(pixels) if self.dtype == torch.float32 else self.first.in_bfloat16(pixels)
        return torch.cat([self.rest(part) for part in outputs.split(PART)])
