"""Tensors that compute on the CPU and behave as on a GPU: they name it as their device and mix with none of the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.gpu.simulated.memory import GPU, Memory

CPU = torch.device("cpu")
COPIES = ("copy_", "_to_copy", "_foreach_copy_")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
WAITING = {
    "_linalg_check_errors", "_local_scalar_dense", "_unique2", "bincount", "equal", "is_nonzero", "masked_select",
    "multinomial", "nonzero", "repeat_interleave", "unique_consecutive", "unique_dim",
}  # fmt: skip
"""Operations whose result, or its shape, the CPU has to know."""


class Functions(TorchFunctionMode):
    """What a program sees of tensors: their device, and ways to make them there or bring them there."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self.special: dict[Any, Callable[..., Any]] = {
            Tensor.device.__get__: self.device,
            Tensor.is_cuda.__get__: lambda tensor, *rest: memory.holds(tensor),
            Tensor.is_cpu.__get__: lambda tensor, *rest: not memory.holds(tensor),
            Tensor.to: self.to,
            Tensor.cpu: lambda tensor: memory.moved(tensor, onto_gpu=False),
            Tensor.cuda: lambda tensor, *device: memory.moved(tensor, onto_gpu=True),
            Tensor.pin_memory: lambda tensor: tensor,
            Tensor.numpy: self.numpy,
            Tensor.new_tensor: self.new_tensor,
            Tensor.backward: self.backward,
        }

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if function in self.special:
            return self.special[function](*args, **named)
        if named.get("device") is not None:
            return self.make(function, args, named)
        return function(*args, **named)

    def device(self, tensor: Tensor, *rest: Any) -> torch.device:
        """Where ``tensor`` lies."""
        return GPU if self.memory.holds(tensor) else CPU

    def numpy(self, tensor: Tensor, **named: Any) -> Any:
        """The array that shares a tensor's memory."""
        if self.memory.holds(tensor):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return tensor.numpy(**named)

    def new_tensor(self, tensor: Tensor, values: Any, **named: Any) -> Tensor:
        """Numbers of the program, where ``tensor`` lies."""
        return self.memory.moved(tensor.new_tensor(values, **named), self.memory.holds(tensor))

    def to(self, *given: Any, **named: Any) -> Tensor:
        """A tensor as another type, or elsewhere."""
        args, where = list(given), self.memory.holds(given[0])
        if named.get("device") is not None:
            where, named["device"] = on_gpu(named["device"]), CPU
        elif len(args) > 1 and isinstance(args[1], str | torch.device):
            where, args[1] = on_gpu(args[1]), CPU
        elif len(args) > 1 and isinstance(args[1], Tensor):
            where = self.memory.holds(args[1])
        return self.memory.moved(Tensor.to(*args, **named), where)

    def make(self, function: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Functions that are told where their result shall lie."""
        where = on_gpu(named["device"])
        made = function(*args, **named | {"device": CPU})
        if function in (torch.tensor, torch.as_tensor, torch.asarray):
            return self.memory.moved(made, where)
        assert where or not self.memory.holds(made)
        if where:
            self.memory.put(made)
        return made

    def backward(self, tensor: Tensor, **named: Any) -> None:
        """A backward pass whose Python code sees the GPU, too."""
        assert not any(named.values()), "only the gradient of a scalar"
        one = torch.ones_like(tensor)
        with self:
            _engine_run_backward((tensor,), (one,), False, False, (), allow_unreachable=True, accumulate_grad=True)


class Operations(TorchDispatchMode):
    """What happens to tensors: results of tensors on the GPU lie there, strangers and waiting raise."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        tensors = [*tensors_in(args), *tensors_in(named.values())]
        held = [self.memory.holds(tensor) for tensor in tensors]
        if self.memory.moving or (not any(held) and not self.makes_for_graph(tensors)):
            return operation(*args, **named)
        self.check(operation, args, tensors, held)
        if self.memory.log is not None:
            self.memory.keep(written(operation, args, named))
        results = operation(*args, **named)
        made = tensors_in((results,))
        if any(held):
            for tensor in made:
                self.memory.put(tensor)
        self.memory.record(lambda: again(operation, args, named, made))
        return results

    def makes_for_graph(self, tensors: Sequence[Tensor]) -> bool:
        """Whether an operation without inputs may make something that a graph being captured needs."""
        return self.memory.log is not None and not tensors

    def check(self, operation: Any, args: Sequence[Any], tensors: Sequence[Tensor], held: Sequence[bool]) -> None:
        """Raise what a GPU would."""
        name = operation._schema.name.partition("::")[2]
        if name in COPIES:
            if any(held) and not all(held):
                self.memory.transfer(onto_gpu=held[0])
            return
        if any(not own and tensor.ndim for tensor, own in zip(tensors, held, strict=True)) and any(held):
            raise RuntimeError(f"Expected all tensors to be on the same device: {operation} of cuda:0 and cpu")
        masks = name in INDEXING and any(isinstance(own, Tensor) and own.dtype == torch.bool for own in args[1])
        if name in WAITING or masks:
            self.memory.wait(name)


def tensors_in(values: Iterable[Any]) -> list[Tensor]:
    """The tensors among arguments or results of an operation, which may be lists of them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_in(value)
    return found


def written(operation: Any, args: Sequence[Any], named: dict[str, Any]) -> list[Tensor]:
    """The tensors that ``operation`` writes to."""
    declared = operation._schema.arguments
    given = {argument.name: value for argument, value in zip(declared, args, strict=False)} | named
    writes = [own.name for own in declared if own.alias_info is not None and own.alias_info.is_write]
    return tensors_in(given.get(name) for name in writes)


@torch.no_grad()
def again(operation: Callable[..., Any], args: Sequence[Any], named: dict[str, Any], results: Sequence[Tensor]) -> None:
    """Do ``operation`` once more, into the memory of its first ``results``."""
    new = tensors_in((operation(*args, **named),))
    for old, fresh in zip(results, new, strict=True):
        if old.data_ptr() != fresh.data_ptr():
            old.detach().copy_(fresh)


def on_gpu(device: Any) -> bool:
    """Whether a name or a device is a GPU."""
    return torch.device(device).type == "cuda"
