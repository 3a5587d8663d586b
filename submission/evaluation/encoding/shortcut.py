"""Functions of images that have a quicker way for the images they were made for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from submission.native.windows import Shape


class Shortcut(nn.Module):
    """Images (n, C, H, W) → features (n, F).

    Args:
        whole: the function.
        shape: (C, H, W) of the images whose features :meth:`features` gives quicker, if they are float32.
        dtype: of the images that ``whole`` takes.

    Attributes:
        batch_size: images per call that suit it.
    """

    batch_size: int

    def __init__(self, whole: nn.Module, shape: Shape, dtype: torch.dtype) -> None:
        super().__init__()
        self.whole, self.shape, self.dtype = whole, shape, dtype

    def forward(self, images: Tensor) -> Tensor:
        """Features of the images, float32 where they were computed in bfloat16."""
        expected = images.shape[1:] == self.shape and images.dtype == torch.float32 and len(images) > 0
        found = self.features(images.contiguous()) if expected else self.whole(images.to(self.dtype))
        return found.float() if found.dtype == torch.bfloat16 else found

    def features(self, images: Tensor) -> Tensor:
        """The quicker way."""
        raise NotImplementedError
