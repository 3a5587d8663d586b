"""The layers that a module begins with, read from its frozen graph, and what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from submission.accelerators.window_kernel import Convolution, Pair

RESHAPED = ("aten::flatten", "aten::view", "aten::reshape")
CONVOLVED = ("aten::conv2d", "aten::_convolution")
BRANCHES = ("prim::If", "prim::Loop")
Graph = Any  # torch._C.Graph, which has no types


class Dense(NamedTuple):
    """A linear layer of all pixels: weight (outputs, pixels) and bias (outputs,) or None."""

    weight: Tensor
    bias: Tensor | None


def branches(graph: Graph) -> bool:
    """Whether it does one thing for some inputs and another for others."""
    return any(node.kind() in BRANCHES for node in graph.nodes())


def convolutions(graph: Graph) -> tuple[list[Convolution], str]:
    """All convolutions of a graph that begins with them, and the name of what they give; none if it has others."""
    found: list[Convolution] = []
    last = ""
    for node in chain(graph):
        if node.kind() in CONVOLVED and (layer := _convolution(node)):
            found.append(layer)
        elif found and (slope := _slope(node)) is not None:
            found[-1] = found[-1]._replace(slope=found[-1].slope * slope)
        else:
            break
        last = _name(node)
    complete = len(found) == sum(node.kind() in CONVOLVED for node in graph.nodes())
    return (found, last) if complete else ([], "")


def dense(graph: Graph) -> tuple[Dense, str] | None:
    """The linear layer of all pixels that the graph begins with, and the name of what it gives."""
    nodes = chain(graph)
    first, second = next(nodes, None), next(nodes, None)
    if first is None or second is None or first.kind() not in RESHAPED or second.kind() != "aten::linear":
        return None
    weight, bias = (constant(value) for value in list(second.inputs())[1:])
    return (Dense(weight, bias), _name(second)) if isinstance(weight, Tensor) else None


def chain(graph: Graph) -> Iterator[Any]:
    """The chain of nodes, starting at the images, each of which is the only user of the previous one's output."""
    value = list(graph.inputs())[-1]
    while True:
        users = [use.user for use in value.uses() if use.user.kind() != "aten::size"]
        if len(users) != 1 or users[0].outputsSize() != 1:
            return
        yield users[0]
        value = users[0].output()


def after(graph: Graph, name: str) -> Callable[[Tensor], Tensor]:
    """What the graph makes of the value of that ``name``, as a function of it.

    Raises:
        RuntimeError: it makes something of the images, too.
    """
    own = graph.copy()
    number = next(number for number, node in enumerate(graph.nodes()) if _name(node) == name)  # a copy has other names
    before = list(own.nodes())[: number + 1]
    value = before[-1].output()
    given = own.addInput()
    given.setType(torch._C.TensorType.get())
    value.replaceAllUsesWith(given)
    for node in reversed(before):  # what changes its input in place is not unused for PyTorch
        if not any(output.uses() for output in node.outputs()):
            node.destroy()
    for unused in reversed(range(len(list(own.inputs())) - 1)):
        own.eraseInput(unused)
    function: Callable[[Tensor], Tensor] = torch._C._create_function_from_graph("after", own)
    return function


def _name(node: Any) -> str:
    return str(node.output().debugName()) if node.outputsSize() == 1 else ""


def constant(value: Any) -> Any:
    """A number, a tensor or a list of numbers that stands in a graph; None for what is computed."""
    node = value.node()
    if node.kind() == "prim::ListConstruct":
        return [constant(element) for element in node.inputs()]
    return value.toIValue() if node.kind() == "prim::Constant" else None


def _convolution(node: Any) -> Convolution | None:
    """A convolution of constant weights without dilation or groups, else None."""
    weight, bias, stride, padding, dilation, *others = (constant(value) for value in list(node.inputs())[1:])
    transposed, groups = (others[0], others[2]) if node.kind() == "aten::_convolution" else (False, others[0])
    pairs = _pair(stride), _pair(padding)
    if not isinstance(weight, Tensor) or weight.ndim != 4 or None in pairs or _pair(dilation) != (1, 1):
        return None
    if transposed or groups != 1:
        return None
    return Convolution(weight, bias, *pairs)  # type: ignore[arg-type]


def _pair(numbers: object) -> Pair | None:
    is_pair = isinstance(numbers, list) and len(numbers) == 2 and all(isinstance(number, int) for number in numbers)
    return (numbers[0], numbers[1]) if is_pair else None  # type: ignore[index]


def _slope(node: Any) -> float | None:
    """What a node multiplies numbers below zero by, if that is all it does and they stay no larger, else None."""
    kind, constants = node.kind().rstrip("_"), [constant(value) for value in list(node.inputs())[1:]]
    if kind == "aten::leaky_relu" and isinstance(constants[0], int | float) and 0 <= constants[0] <= 1:
        return float(constants[0])
    return {"aten::relu": 0.0, "aten::dropout": 1.0 if constants[-1:] == [False] else None}.get(kind)
