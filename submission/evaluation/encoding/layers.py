"""What a module consists of: layers read from it, plain or TorchScript, and believed once they give the same codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.convolution import Convolution, Pair
from submission.export.representation import PARTS

SAME = 1e-4  # two float32 evaluations of one function differ by less, relative to the largest code
POINTWISE = {
    *("ReLU", "LeakyReLU", "ELU", "SELU", "SiLU", "GELU", "Softplus", "Tanh", "Sigmoid"),
    *("BatchNorm2d", "Identity", "Dropout", "Dropout2d"),
}
"""Layers that, in evaluation mode, treat each place of a map alone."""
CONVOLUTIONS = ("aten::conv2d", "aten::_convolution")


def parts(module: nn.Module, probe: Tensor) -> tuple[nn.Module, nn.Module] | None:
    """Body and head of an exported representation, if its codes are those of the head after the body, else None."""
    children = dict(module.named_children())
    if set(children) != set(PARTS):
        return None
    body, head = (children[name] for name in PARTS)
    return (body, head) if same_codes(module, nn.Sequential(body, head), probe) else None


def same_codes(module: nn.Module, other: nn.Module, probe: Tensor, tolerance: float = SAME) -> bool:
    """Whether two modules agree on ``probe`` (n, C, H, W); drawn codes are compared from one random state."""
    try:
        with torch.inference_mode():
            first, second = (_from_one_state(candidate, probe) for candidate in (module, other))
    except (RuntimeError, TypeError):
        return False
    if not isinstance(first, Tensor) or not isinstance(second, Tensor) or first.shape != second.shape:
        return False
    return bool((first - second).abs().max() <= tolerance * first.abs().max().clamp(min=1e-6))


def _from_one_state(module: nn.Module, probe: Tensor) -> object:
    with torch.random.fork_rng([probe.device] if probe.is_cuda else []):
        torch.manual_seed(0)
        return module(probe)


def branches(module: nn.Module) -> bool:
    """Whether TorchScript, frozen, does one thing for some inputs and another for others."""
    graph = getattr(module, "graph", None)
    return graph is not None and any(node.kind() in ("prim::If", "prim::Loop") for node in graph.nodes())


def leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Modules without children, in the order in which they were made."""
    children = list(module.children())
    if not children:
        yield module
    for child in children:
        yield from leaves(child)


def convolutions(layers: Sequence[nn.Module]) -> list[Convolution]:
    """The convolutions that ``layers`` begin with, each with the pointwise layers after it."""
    remaining = list(layers)
    found = []
    while remaining and (geometry := _geometry(remaining[0])) is not None:
        layer = remaining.pop(0)
        pointwise = list(itertools.takewhile(lambda following: kind(following) in POINTWISE, remaining))
        del remaining[: len(pointwise)]
        weights = layer.state_dict()
        weight = weights["weight"].contiguous(memory_format=torch.channels_last)
        found.append(Convolution(weight, weights.get("bias"), *geometry, nn.Sequential(*map(_in_place, pointwise))))
    return found


def kind(module: nn.Module) -> str:
    """The class's name, of TorchScript that which was traced or scripted."""
    return str(getattr(module, "original_name", type(module).__name__))


def _in_place(module: nn.Module) -> nn.Module:
    """The commonest activation needs no memory of its own after a convolution."""
    return nn.ReLU(inplace=True) if kind(module) == "ReLU" else module


def _geometry(module: nn.Module) -> tuple[Pair, Pair] | None:
    """Stride and padding of a plain convolution of images, else None."""
    if kind(module) != "Conv2d":
        return None
    if hasattr(module, "inlined_graph"):
        return _traced_geometry(module)
    plain = module.dilation == (1, 1) and module.groups == 1 and module.padding_mode == "zeros"
    return (module.stride, module.padding) if plain and isinstance(module.padding, tuple) else None  # type: ignore[return-value]


def _traced_geometry(module: Any) -> tuple[Pair, Pair] | None:
    nodes = [node for node in module.inlined_graph.nodes() if node.kind() in CONVOLUTIONS]
    if len(nodes) != 1:
        return None
    arguments = [_constant(value) for value in nodes[0].inputs()][3:]
    stride, padding, dilation = arguments[:3]
    groups = arguments[5] if nodes[0].kind() == "aten::_convolution" else arguments[3]
    numbers = all(isinstance(pair, list) and len(pair) == 2 for pair in (stride, padding))
    return (tuple(stride), tuple(padding)) if numbers and dilation == [1, 1] and groups == 1 else None


def _constant(value: Any) -> Any:
    """A number, or a list of numbers, that stands in a graph; None for what is computed."""
    node = value.node()
    if node.kind() == "prim::ListConstruct":
        return [element.toIValue() for element in node.inputs()]
    return value.toIValue()
