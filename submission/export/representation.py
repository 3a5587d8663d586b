"""The exported module: encoder and latent space joined, images in, codes out.

It has two children, and its codes are ``head(body(images))``: ``body`` is the encoder without its last layer, ``head``
that layer and the latent space's map to codes. An evaluation can therefore run the body, which takes most of the
time, in a lower precision than the codes.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.models.vae import VAE

PARTS = ("body", "head")


def without_last_layer(encoder: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A sequence of layers that ends in a linear one without and that layer; any other module and the identity."""
    if isinstance(encoder, nn.Sequential) and len(encoder) > 1 and isinstance(encoder[-1], nn.Linear):
        return nn.Sequential(*list(encoder)[:-1]), encoder[-1]
    return encoder, nn.Identity()


class Head(nn.Module):
    """The encoder's last layer and the map from a space's parameters to codes in one of its export modes."""

    def __init__(self, layer: nn.Module, space: LatentSpace, mode: str) -> None:
        super().__init__()
        self.layer, self.space, self.mode = layer, space, mode

    def forward(self, features: Tensor) -> Tensor:
        """Codes (n, width) of features (n, F)."""
        return self.space.representation(self.layer(features), self.mode)


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
        self.body, layer = without_last_layer(encoder)
        self.head = Head(layer, space, mode)
        self.spec, self.mode = space.spec, mode

    @classmethod
    def of(cls, model: VAE, mode: str) -> Representation:
        """A copy of what ``model`` exports: on the CPU, in evaluation mode, without gradients."""
        joined = cls(copy.deepcopy(model.encoder), copy.deepcopy(model.space), mode)
        return joined.cpu().eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) of images (n, C, H, W)."""
        codes: Tensor = self.head(self.body(images))
        return codes
