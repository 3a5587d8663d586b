"""Streams, random numbers and CUDA graphs of the simulated GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from tests.gpu.simulated.memory import GPU, Memory


class Stream:
    """Everything happens at once."""

    device = GPU

    def __init__(self, device: Any = GPU) -> None:
        pass

    def wait_stream(self, other: Stream) -> None:
        """Nothing to wait for."""


class State:
    """A place in the random numbers, which an owner may share."""

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def clone_state(self) -> State:
        """Another one at the same place."""
        return State(self.value.clone())


class Generator:
    """The GPU's generator: the CPU's, whose states are objects that can be exchanged, also by a graph."""

    device = GPU

    def __init__(self, memory: Memory) -> None:
        self.memory, self.current = memory, State(torch.get_rng_state())

    def clone_state(self) -> State:
        """Where it stands."""
        return State(torch.get_rng_state())

    def graphsafe_get_state(self) -> State:
        """The state itself, which goes on with the generator."""
        return self.current

    def graphsafe_set_state(self, state: State) -> None:
        """Go on at ``state``; the one before stays where it is."""

        def exchange() -> None:
            self.current.value = torch.get_rng_state()
            self.current = state
            torch.set_rng_state(state.value)

        exchange()
        self.memory.record(exchange)


class Graph:
    """Operations that can be done again."""

    def __init__(self) -> None:
        self.log: list[Callable[[], Any]] = []
        self.states: list[State] = []

    def register_generator_state(self, state: State) -> None:
        """One that the operations draw from."""
        self.states.append(state)

    def replay(self) -> None:
        """Do them."""
        with torch._C.DisableTorchFunction(), _disable_current_modes():
            for thunk in self.log:
                thunk()


@contextlib.contextmanager
def captured(memory: Memory, generator: Generator, graph: Graph) -> Iterator[None]:
    """Record into ``graph`` what happens, and let it not have happened."""
    owners = (generator.current, *graph.states)
    generator.current.value = torch.get_rng_state()
    values = [own.value for own in owners]
    memory.log = []
    try:
        yield
        graph.log = memory.log
    finally:
        memory.log = None
        memory.put_back()
        for own, value in zip(owners, values, strict=True):
            own.value = value
        generator.current = owners[0]
        torch.set_rng_state(owners[0].value)
