"""What the machine's processors can do."""

from __future__ import annotations

import os
from pathlib import Path

import torch

UNITS = ("avx512_bf16", "amx_bf16", " bf16")
NO_UNITS = "this processor has no bfloat16 units"
MAX_THREADS = 64
"""As many as ``parallel.h`` starts."""


def multiplies_bfloat16(device: torch.device | str) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices in hardware; without, they take tens of times longer."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and any(unit in cpuinfo.read_text() for unit in UNITS)


def kernel_threads() -> int:
    """Threads that a kernel of this package uses where torch uses as many as it may."""
    return min(torch.get_num_threads(), MAX_THREADS)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
