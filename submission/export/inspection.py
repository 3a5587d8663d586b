"""Information about a TorchScript file, read without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch.jit import ScriptModule

from submission.export.archive import FILE_OPERATORS, STANDARD


@dataclass(frozen=True)
class Description:
    """What is known of a loaded program.

    Attributes:
        training: whether it was saved in training mode.
        gradients: whether it holds weights that require gradients.
        parameters: number of weights.
        baked: see ``baked_constants``.
        files: operations that read or write files.
        foreign: operations that plain torch does not have.
    """

    training: bool = False
    gradients: bool = False
    parameters: int = 0
    baked: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def describe(module: ScriptModule) -> Description:
    """The description of a loaded TorchScript file."""
    kinds = {node.kind() for node in nodes(module.inlined_graph)}
    return Description(
        training=bool(module.training),
        gradients=any(weight.requires_grad for weight in module.parameters()),
        parameters=sum(weight.numel() for weight in module.parameters()),
        baked=tuple(baked_constants(module)),
        files=tuple(sorted(kinds & FILE_OPERATORS)),
        foreign=tuple(sorted(kind for kind in kinds if kind.partition("::")[0] not in STANDARD)),
    )


def nodes(block: Any) -> Iterator[Any]:
    """Every node of a graph, those inside branches and loops included."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes(inner)


def baked_constants(module: ScriptModule) -> list[str]:
    """What a trace has nailed to a device: names of tensor constants and of operations created on the CPU.

    The evaluator calls ``.cuda()`` on the loaded file, which moves parameters and buffers, but not these. Tensors
    without dimensions mix with any device and do not count.
    """
    found = []
    for node in nodes(module.inlined_graph):
        kind = node.output().type().kind() if node.kind() == "prim::Constant" else ""
        if kind == "TensorType" and node.t("value").dim() > 0:
            found.append(f"tensor constant of shape {tuple(node.t('value').shape)}")
        elif kind == "DeviceObjType" and node.s("value") != "cuda":
            found += [use.user.kind() for use in node.output().uses()]
    return sorted(set(found))
