"""A GPU made of the CPU, for machines without one: what it cannot show is speed, and the rounding of its kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from tests.gpu.simulated.graphs import Generator, Graph, Stream, captured
from tests.gpu.simulated.memory import GPU, Memory
from tests.gpu.simulated.tensors import Functions, Operations


@contextlib.contextmanager
def simulated() -> Iterator[torch.device]:
    """The device; ``torch.cuda`` is there while the block runs.

    Tensors sent to it compute on the CPU, but say that they lie on the GPU, raise where tensors of both devices meet,
    and where a CUDA graph is captured that would have to wait; a graph's replay does the recorded operations again, in
    the memory they had.
    """
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in functions(memory).items():
            patch.setattr(torch.cuda, name, value)
        patch.setattr(torch.jit, "load", loading(torch.jit.load))
        patch.setattr(torch.jit, "save", saving(torch.jit.save))
        patch.setattr(torch, "autocast", lambda *given, **named: contextlib.nullcontext())
        with Operations(memory), Functions(memory):
            yield GPU


def functions(memory: Memory) -> dict[str, Any]:
    """What stands in for the functions of ``torch.cuda``."""
    generator = Generator(memory)

    def patience(mode: str) -> None:
        memory.patient = mode != "error"

    def same(*given: Any, **named: Any) -> contextlib.nullcontext[None]:
        return contextlib.nullcontext()

    return {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: "simulated",
        "is_bf16_supported": lambda including_emulation=True: True,
        "mem_get_info": lambda device=None: (2**36, 2**37),
        "synchronize": lambda device=None: None,
        "set_sync_debug_mode": patience,
        "get_rng_state": lambda device=None: torch.get_rng_state(),
        "set_rng_state": lambda state, device=None: torch.set_rng_state(state),
        "get_rng_state_all": lambda: [torch.get_rng_state()],
        "set_rng_state_all": lambda states: torch.set_rng_state(states[0]),
        "default_generators": (generator,),
        "is_current_stream_capturing": lambda: memory.log is not None,
        "device": same,
        "stream": same,
        "current_stream": Stream,
        "Stream": Stream,
        "CUDAGraph": Graph,
        "graph": lambda graph, stream=None: captured(memory, generator, graph),
    }


def saving(save: Any) -> Any:
    """TorchScript's ``save``, which shows its numbers to nobody as if they were tensors."""

    def saved(*given: Any, **named: Any) -> None:
        with _disable_current_modes():
            save(*given, **named)

    return saved


def loading(load: Any) -> Any:
    """TorchScript's ``load``, which brings parameters and buffers to the GPU."""

    def loaded(source: Any, map_location: Any = None, **named: Any) -> nn.Module:
        return load(source, map_location="cpu", **named).to(map_location or "cpu")

    return loaded
