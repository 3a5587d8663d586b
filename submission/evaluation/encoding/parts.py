"""Body and head of an exported representation, if they reproduce its codes."""

from __future__ import annotations

from typing import TypeGuard

import torch
from torch import Tensor, nn

from submission.device import seeded_randomness
from submission.export.representation import PARTS

SAME = 1e-4  # two float32 evaluations of one function differ by less, relative to the largest code


def parts(module: nn.Module, probe: Tensor) -> tuple[nn.Module, nn.Module] | None:
    """Body and head of an exported representation, if its codes are those of the head after the body, else None."""
    children = dict(module.named_children())
    if set(children) != set(PARTS):
        return None
    body, head = (children[name] for name in PARTS)
    return (body, head) if same_codes(module, nn.Sequential(body, head), probe) else None


def same_codes(module: nn.Module, other: nn.Module, probe: Tensor, tolerance: float = SAME) -> bool:
    """Whether two modules agree on ``probe`` (n, C, H, W); drawn codes are compared from one random state."""
    try:
        with torch.inference_mode():
            first, second = (_from_one_state(candidate, probe) for candidate in (module, other))
    except Exception:  # noqa: BLE001 - an untrusted module may raise anything
        return False
    if not _are_codes(first) or not _are_codes(second) or first.shape != second.shape:
        return False
    return bool((first - second).abs().max() <= tolerance * first.abs().max().clamp(min=1e-6))


def _are_codes(found: object) -> TypeGuard[Tensor]:
    """Whether they are numbers (n, D) in memory."""
    if not isinstance(found, Tensor) or found.layout != torch.strided:
        return False
    return found.is_floating_point() and found.ndim == 2 and found.numel() > 0


def _from_one_state(module: nn.Module, probe: Tensor) -> object:
    with seeded_randomness(0, probe.device):
        return module(probe)
