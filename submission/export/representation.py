"""The exported module: encoder and latent space joined, images in, codes out."""

from __future__ import annotations

from torch import Tensor, nn

from submission.errors import UsageError
from submission.latent.base import LatentSpace


class Representation(nn.Module):
    """Images (n, C, H, W) float32 in [0, 1] → codes (n, width) in one of the space's export modes.

    Raises:
        UsageError: the space has no such mode.
    """

    def __init__(self, encoder: nn.Module, space: LatentSpace, mode: str) -> None:
        super().__init__()
        if mode not in space.export_modes:
            raise UsageError(
                f"latent space {space.spec} has no export mode {mode!r}",
                f"choose one of {', '.join(space.export_modes)}",
            )
        self.encoder, self.space, self.mode = encoder, space, mode

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) of images (n, C, H, W)."""
        return self.space.representation(self.encoder(images), self.mode)
