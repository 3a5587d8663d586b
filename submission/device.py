"""Devices: names are checked, random states are kept, and the processor's abilities are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from submission.acceleration import replaceable
from submission.errors import UsageError

KINDS = ("cpu", "cuda")
LONGEST = 150  # characters of PyTorch's reason
FIX = "use --device cpu"
UNITS = ("avx512_bf16", "amx_bf16", " bf16")
NO_UNITS = "this processor has no bfloat16 units"


def usable(name: str) -> torch.device:
    """The device called ``name`` (``auto``: a GPU where there is one), on which float32 means float32.

    PyTorch rounds the operands of float32 convolutions to ten bits (TF32) on a GPU by default; users who prefer
    speed ask for bfloat16.

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


@contextmanager
def seeded_randomness(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """A block in which the CPU's and the ``device``'s generators start from ``seed``; afterwards they are as before.

    Work on the CPU leaves the generators of GPUs alone, which ``torch.manual_seed`` seeds, too.
    """
    gpu = torch.device(device).type == "cuda"
    with torch.random.fork_rng([torch.device(device)] if gpu else []):
        (torch.manual_seed if gpu else torch.default_generator.manual_seed)(int(seed))
        yield


def multiplies_bfloat16(device: torch.device | str) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices in hardware; without, they take tens of times longer."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and any(unit in cpuinfo.read_text() for unit in UNITS)


@replaceable
def prepare_memory() -> None:
    """Prepare the process for large batches that come and go; does nothing without an accelerator."""


def reason(error: Exception) -> str:
    """The first sentence of an error of PyTorch's, cut to ``LONGEST`` characters."""
    sentence = str(error).partition("\n")[0].partition(". ")[0].strip()
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"
