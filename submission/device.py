"""Where to compute: a device's name, checked."""

from __future__ import annotations

import torch

from submission.errors import UsageError


def usable(name: str) -> torch.device:
    """The device called ``name`` (``auto``: a GPU where there is one), on which float32 means float32.

    PyTorch rounds the operands of float32 convolutions to ten bits (TF32) on a GPU by default; whoever wants speed asks
    for bfloat16.

    Raises:
        UsageError: PyTorch cannot use it here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"device {name!r} cannot be used here: {reason}", "use cpu, or a GPU that is there") from None
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)
