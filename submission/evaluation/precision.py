"""Encoders in bfloat16 whose codes keep float32's resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from submission.export.representation import PARTS

SAME = 1e-4  # two float32 evaluations of one function differ by less, relative to the largest code


class Mixed(nn.Module):
    """Body in bfloat16, head in float32: features are rounded to eight bits, codes are not."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body.to(torch.bfloat16), head

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        return self.head(self.body(images.to(torch.bfloat16)).float())


class Rounded(nn.Module):
    """A module as a whole in bfloat16, its codes with it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.to(torch.bfloat16)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) of images (n, C, H, W)."""
        return self.module(images.to(torch.bfloat16))


def in_bfloat16(module: nn.Module, probe: Tensor) -> Mixed | Rounded:
    """``module``, converted in place: ``Mixed`` where it has a body and a head, else ``Rounded``.

    Args:
        module: images → codes, in evaluation mode.
        probe: images (n, C, H, W) on the module's device, on which a module with children of these names must show
            that its codes are those of its head after its body.
    """
    parts = dict(module.named_children())
    if set(parts) == set(PARTS) and composed(module, parts["body"], parts["head"], probe):
        return Mixed(parts["body"], parts["head"])
    return Rounded(module)


def composed(module: nn.Module, body: nn.Module, head: nn.Module, probe: Tensor) -> bool:
    """Whether ``module`` is ``head(body(images))`` on ``probe``; drawn codes are compared from one random state."""
    try:
        with torch.inference_mode(), torch.random.fork_rng([probe.device] if probe.is_cuda else []):
            torch.manual_seed(0)
            whole = module(probe)
            torch.manual_seed(0)
            parts = head(body(probe))
    except (RuntimeError, TypeError):
        return False
    if not isinstance(whole, Tensor) or not isinstance(parts, Tensor) or whole.shape != parts.shape:
        return False
    return bool((whole - parts).abs().max() <= SAME * whole.abs().max().clamp(min=1e-6))
