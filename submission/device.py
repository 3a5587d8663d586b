"""Where to compute: a device's name, checked, and its random numbers, kept."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from submission.errors import UsageError

KINDS = ("cpu", "cuda")
LONGEST = 150  # characters of PyTorch's reason
FIX = "use cpu, or a GPU that is there (cuda)"


def usable(name: str) -> torch.device:
    """The device called ``name`` (``auto``: a GPU where there is one), on which float32 means float32.

    PyTorch rounds the operands of float32 convolutions to ten bits (TF32) on a GPU by default; whoever wants speed asks
    for bfloat16.

    Raises:
        UsageError: it is neither a CPU nor a CUDA device, or PyTorch cannot use it here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type not in KINDS:
            raise UsageError(f"device {name!r} is not supported", FIX)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {name!r} cannot be used here: {reason(error)}", FIX) from None
    torch.backends.cudnn.allow_tf32 = False
    return device


def forked_randomness(device: torch.device | str) -> AbstractContextManager[None]:
    """A block after which the global generators of the CPU and of ``device`` are as they were before it."""
    device = torch.device(device)
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


def reason(error: Exception) -> str:
    """The first sentence of an error of PyTorch's, cut to ``LONGEST`` characters."""
    sentence = str(error).partition("\n")[0].partition(". ")[0].strip()
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"
