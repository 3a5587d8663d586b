"""Tools for autograd functions with hand-written derivatives: vmap over elementwise functions, and where orders end.

A hand-written backward pass that is differentiated again must either be right or raise. ``once_differentiable`` does
not raise for ``torch.autograd.grad(…, inputs)``: its error node hangs beside the path to the inputs and is never
reached. :func:`last_order` puts its error node on the path.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def aligned(size: int, in_dims: tuple[int | None, ...], tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Tensors of one logical shape with their vmapped dimension of length ``size`` first."""
    return tuple(
        tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(tensors, in_dims, strict=True)
    )


class _LastOrder(torch.autograd.Function):
    """``value`` unchanged; its derivative with respect to the inputs that it was computed from raises."""

    @staticmethod
    def forward(message: str, value: Tensor, *inputs: Tensor) -> Tensor:
        """``value`` of any shape; ``inputs`` only connect it to the graph."""
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the message."""
        ctx.message = inputs[0]

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Any:
        """Always an error."""
        raise NotImplementedError(ctx.message)

    @staticmethod
    def vmap(info: Any, in_dims: Any, message: str, value: Tensor, *inputs: Tensor) -> tuple[Tensor, int | None]:
        """``value`` keeps its dimension."""
        result: Tensor = _LastOrder.apply(message, value, *inputs)
        return result, in_dims[1]


def last_order(value: Tensor, message: str, *inputs: Tensor) -> Tensor:
    """``value``, a derivative of the last order that is known, computed from ``inputs``; the next one raises.

    Raises:
        NotImplementedError: with ``message``, when the result is differentiated with respect to ``inputs``.
    """
    result: Tensor = _LastOrder.apply(message, value, *inputs)
    return result


class _Once(torch.autograd.Function):
    """The identity, whose gradient is the last derivative there is."""

    @staticmethod
    def forward(value: Tensor, message: str) -> Tensor:
        """``value`` of any shape."""
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
        """Keep the input, to connect the error to it."""
        ctx.save_for_backward(inputs[0])
        ctx.message = inputs[1]

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        """``outer``."""
        return last_order(outer, ctx.message, *ctx.saved_tensors), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, value: Tensor, message: str) -> tuple[Tensor, int | None]:
        """``value`` keeps its dimension."""
        return once_differentiable(value, message), in_dims[0]


def once_differentiable(value: Tensor, message: str) -> Tensor:
    """``value``, whose second derivatives raise ``NotImplementedError`` with ``message``."""
    result: Tensor = _Once.apply(value, message)
    return result
