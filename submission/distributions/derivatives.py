"""Tools for autograd functions with hand-written derivatives: vmap of elementwise functions, errors at higher orders.

A hand-written backward pass that is differentiated again must either be right or raise. ``once_differentiable`` does
not raise for ``torch.autograd.grad(…, inputs)``: its error node hangs beside the path to the inputs and is never
reached. :func:`last_order` puts its error node on the path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad


def differentiated(*tensors: Tensor) -> bool:
    """Whether derivatives of a function of ``tensors`` may be asked for, backwards or forwards."""
    return (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)) or forwards()


def forwards() -> bool:
    """Whether forward-mode derivatives are being computed.

    What a backward or jvp method saved from its outputs has no tangents then, and must be computed again from inputs.
    """
    return forward_ad._current_level >= 0


class _Primals:
    """A context whose saved tensors have no tangents of this level."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx
        self.saved_tensors = tuple(forward_ad.unpack_dual(tensor).primal for tensor in ctx.saved_tensors)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def nested(jvp: Callable[..., Any]) -> Callable[..., Any]:
    """``jvp`` as a function whose result has tangents of outer levels: torch turns forward mode off around it.

    Its saved tensors come without their tangents of this level.
    """

    @functools.wraps(jvp)
    def with_tangents(ctx: Any, *tangents: Any) -> Any:
        with forward_ad._set_fwd_grad_enabled(True):
            return jvp(_Primals(ctx), *tangents)

    return with_tangents


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
    @nested
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
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
        ctx.save_for_forward(inputs[0])
        ctx.message = inputs[1]

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        """``outer``."""
        return last_order(outer, ctx.message, *ctx.saved_tensors), None

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        """``tangent``."""
        return last_order(tangent, ctx.message, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: Any, value: Tensor, message: str) -> tuple[Tensor, int | None]:
        """``value`` keeps its dimension."""
        return once_differentiable(value, message), in_dims[0]


def once_differentiable(value: Tensor, message: str) -> Tensor:
    """``value``, whose second derivatives raise ``NotImplementedError`` with ``message``."""
    result: Tensor = _Once.apply(value, message)
    return result


class _OnceWhere(torch.autograd.Function):
    """The identity, whose gradient is differentiable where no point is marked."""

    @staticmethod
    def forward(value: Tensor, marked: Tensor, message: str, position: Tensor) -> Tensor:
        """``value`` of any shape; ``marked`` and ``position`` of its shape."""
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the next order needs."""
        ctx.message = inputs[2]
        ctx.save_for_backward(inputs[1], inputs[3])
        ctx.save_for_forward(inputs[1], inputs[3])

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        """``outer``."""
        marked, position = ctx.saved_tensors
        return _RaiseWhere.apply(outer, marked, ctx.message, position), None, None, None

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        """``tangent``."""
        marked, position = ctx.saved_tensors
        result: Tensor = _RaiseWhere.apply(tangent, marked, ctx.message, position)
        return result

    @staticmethod
    def vmap(info: Any, in_dims: Any, value: Tensor, marked: Tensor, message: str, position: Tensor) -> Any:
        """The vmapped dimension goes first."""
        dims = in_dims[0], in_dims[1], in_dims[3]
        value, marked, position = aligned(info.batch_size, dims, (value, marked, position))
        return _OnceWhere.apply(value, marked, message, position), 0


class _RaiseWhere(torch.autograd.Function):
    """The identity, whose derivative raises where a point is marked."""

    @staticmethod
    def forward(value: Tensor, marked: Tensor, message: str, position: Tensor) -> Tensor:
        """``value`` of any shape; ``position`` only connects it to the graph."""
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep marks and message."""
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])
        ctx.message = inputs[2]

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        """``outer``, or the error."""
        _RaiseWhere.check(ctx)
        return outer, None, None, None

    @staticmethod
    @nested
    def jvp(ctx: Any, tangent: Tensor | None, *_: Any) -> Tensor:
        """``tangent``, or the error."""
        _RaiseWhere.check(ctx)
        return torch.zeros_like(ctx.saved_tensors[0], dtype=torch.get_default_dtype()) if tangent is None else tangent

    @staticmethod
    def check(ctx: Any) -> None:
        """Raise where a point is marked; under vmap, where nothing can be decided, never."""
        try:
            marked = bool(ctx.saved_tensors[0].any())
        except RuntimeError:
            return
        if marked:
            raise NotImplementedError(ctx.message)

    @staticmethod
    def vmap(info: Any, in_dims: Any, value: Tensor, marked: Tensor, message: str, position: Tensor) -> Any:
        """The vmapped dimension goes first."""
        dims = in_dims[0], in_dims[1], in_dims[3]
        value, marked, position = aligned(info.batch_size, dims, (value, marked, position))
        return _RaiseWhere.apply(value, marked, message, position), 0


def once_differentiable_where(value: Tensor, marked: Tensor, message: str, position: Tensor) -> Tensor:
    """``value``, whose second derivatives in ``position`` raise where a point is ``marked``.

    Raises:
        NotImplementedError: with ``message``, when the gradient is differentiated at a marked point; not under vmap.
    """
    result: Tensor = _OnceWhere.apply(value, marked, message, position)
    return result
