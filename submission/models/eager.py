"""Whether layers may compute in ways of their own."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active
from torch.jit import is_tracing


def runs_eagerly(tensor: Tensor) -> bool:
    """Whether nobody records or transforms what is done to ``tensor``."""
    recorded = torch.compiler.is_compiling() or is_tracing() or _are_functorch_transforms_active()
    return type(tensor) is Tensor and not recorded
