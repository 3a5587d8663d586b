"""Which tensors lie on the simulated GPU, and what is recorded or forbidden there at the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

GPU = torch.device("cuda", 0)


class Memory:
    """Tensors of the CPU whose storage carries a mark; everything that happens to them goes through here.

    Attributes:
        log: what a graph being captured will do again, None while none is.
        patient: whether waiting for the device is allowed; never while a graph is captured.
    """

    def __init__(self) -> None:
        self.log: list[Callable[[], Any]] | None = None
        self.patient = True
        self.moving = False
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def holds(self, tensor: Tensor) -> bool:
        """Whether ``tensor`` lies on the GPU."""
        with torch._C.DisableTorchFunction():
            return getattr(plain(tensor).untyped_storage(), "on_gpu", False)

    def put(self, tensor: Tensor) -> None:
        """Let ``tensor``, and all that shares its memory, lie on the GPU."""
        with torch._C.DisableTorchFunction():
            plain(tensor).untyped_storage().on_gpu = True

    def moved(self, tensor: Tensor, onto_gpu: bool) -> Tensor:
        """``tensor`` there; a copy if it was not there already."""
        if self.holds(tensor) == onto_gpu:
            return tensor
        self.transfer(onto_gpu)
        self.moving = True
        try:
            copy = tensor.clone()
        finally:
            self.moving = False
        if onto_gpu:
            self.put(copy)
        return copy

    def transfer(self, onto_gpu: bool) -> None:
        """A copy between the two memories happens; onto the GPU nobody waits, but no graph can hold it."""
        if not onto_gpu or self.log is not None:
            self.wait("a copy from one device to the other")

    def wait(self, reason: str) -> None:
        """The CPU waits for the GPU."""
        if self.log is not None:
            raise RuntimeError(f"operation not permitted when stream is capturing: {reason}")
        if not self.patient:
            raise RuntimeError(f"called a synchronizing CUDA operation: {reason}")

    def keep(self, tensors: list[Tensor]) -> None:
        """Remember what is in ``tensors``, which an operation being captured will write to."""
        for tensor in tensors:
            whole = tensor.detach().as_strided((tensor.untyped_storage().nbytes() // tensor.itemsize,), (1,), 0)
            self._before.setdefault(whole.data_ptr(), (whole, whole.clone()))

    def put_back(self) -> None:
        """Undo what was written while a graph was captured: capturing computes nothing."""
        for tensor, value in self._before.values():
            tensor.copy_(value)
        self._before.clear()

    def record(self, thunk: Callable[[], Any]) -> None:
        """Note what a graph being captured has to do again."""
        if self.log is not None:
            self.log.append(thunk)


def plain(tensor: Tensor) -> Tensor:
    """What is inside the wrappers of ``torch.func``."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
