"""Encoders in bfloat16 whose codes keep float32's resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.parts import parts


class Mixed(nn.Module):
    """Body in bfloat16, head in float32: features are rounded to eight bits, codes are not."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body.to(torch.bfloat16), head

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        codes: Tensor = self.head(self.body(images.to(torch.bfloat16)).float())
        return codes


class Rounded(nn.Module):
    """A module as a whole in bfloat16, its codes with it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.to(torch.bfloat16)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) of images (n, C, H, W)."""
        codes: Tensor = self.module(images.to(torch.bfloat16))
        return codes


def in_bfloat16(module: nn.Module, probe: Tensor) -> Mixed | Rounded:
    """``module``, converted in place: ``Mixed`` where it has a body and a head, else ``Rounded``.

    Args:
        module: images → codes, in evaluation mode.
        probe: images (n, C, H, W) on the module's device, on which a module with children of these names must show
            that its codes are those of its head after its body.
    """
    found = parts(module, probe)
    return Mixed(*found) if found else Rounded(module)
