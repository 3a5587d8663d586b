"""Cubic splines on uniform knots as torch look-ups: one gather of a cell's coefficients, then Horner's rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from submission.distributions.derivatives import aligned, differentiated, last_order, nested

Array = NDArray[np.float64]


def cell(position: Tensor, start: float, step: float, cells: int) -> tuple[Tensor, Tensor]:
    """Index (int64) of the cell that holds each position, and the offset from its left knot; the ends are clamped.

    A position that is not a number has such an offset in the first cell.
    """
    scaled = ((position - start) / step).clamp(0, cells)
    index = scaled.detach().nan_to_num(0.0).floor().clamp(max=cells - 1)
    return index.long(), (scaled - index) * step


def horner(coefficients: Tensor, offset: Tensor) -> Tensor:
    """Cubics, highest power first in the last axis of ``coefficients`` (..., 4), at ``offset`` (...)."""
    cubic, square, linear, constant = coefficients.unbind(-1)
    return ((cubic * offset + square) * offset + linear) * offset + constant


def slope(coefficients: Tensor, offset: Tensor) -> Tensor:
    """Derivative of ``horner`` with respect to ``offset``."""
    cubic, square, linear, _ = coefficients.unbind(-1)
    return (3.0 * cubic * offset + 2.0 * square) * offset + linear


def bend(coefficients: Tensor, offset: Tensor) -> Tensor:
    """Second derivative of ``horner`` with respect to ``offset``."""
    cubic, square, _, _ = coefficients.unbind(-1)
    return 6.0 * cubic * offset + 2.0 * square


THIRD = "third derivatives of tabulated distributions do not exist: cubic splines have no digits left for them"


class _Slopes(torch.autograd.Function):
    """First derivatives of a spline or a surface in each position, whose own derivatives are the second ones."""

    @staticmethod
    def forward(table: Spline | Surface, *positions: Tensor) -> tuple[Tensor, ...]:
        """One derivative per position, of one shape."""
        return table.slopes(*positions)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], outputs: tuple[Tensor, ...]) -> None:
        """Keep positions."""
        ctx.table = inputs[0]
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Any, ...]:
        """Gradients in the positions."""
        return None, *_Slopes.along(ctx, outer)

    @staticmethod
    @nested
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        """Tangents of the derivatives."""
        zeros = [
            torch.zeros_like(at) if own is None else own for at, own in zip(ctx.saved_tensors, tangents, strict=True)
        ]
        return _Slopes.along(ctx, zeros)

    @staticmethod
    def along(ctx: Any, direction: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The symmetric matrix of second derivatives times ``direction``; third ones raise."""
        positions = ctx.saved_tensors
        second = [last_order(part, THIRD, *positions) for part in ctx.table.second(*(at.detach() for at in positions))]
        if len(positions) == 1:
            return (direction[0] * second[0],)
        xx, xy, yy = second
        return direction[0] * xx + direction[1] * xy, direction[0] * xy + direction[1] * yy

    @staticmethod
    def vmap(info: Any, in_dims: Any, table: Spline | Surface, *positions: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        """Elementwise."""
        return _Slopes.apply(table, *aligned(info.batch_size, in_dims[1:], positions)), (0,) * len(positions)


class _Value(torch.autograd.Function):
    """A spline's or a surface's value; its first derivatives are kept for one backward pass."""

    @staticmethod
    def forward(table: Spline | Surface, *positions: Tensor) -> tuple[Tensor, ...]:
        """Value and first derivatives at positions of one shape."""
        return table.value_and_slopes(*positions)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], outputs: tuple[Tensor, ...]) -> None:
        """Keep positions and first derivatives."""
        ctx.table = inputs[0]
        ctx.save_for_backward(*inputs[1:], *outputs[1:])
        ctx.save_for_forward(*inputs[1:])
        ctx.mark_non_differentiable(*outputs[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, outer: Tensor | None, *_: Any) -> tuple[Any, ...]:
        """Gradients in the positions; differentiable themselves where a graph of them is asked for."""
        saved = ctx.saved_tensors  # once: checkpoints free what was read
        count = len(saved) // 2
        if outer is None:
            return None, *(None,) * count
        positions, slopes = saved[:count], saved[count:]
        if differentiated(*positions):
            slopes = _Slopes.apply(ctx.table, *positions)
        wanted = zip(slopes, ctx.needs_input_grad[1:], strict=True)
        return None, *(outer * slope if needed else None for slope, needed in wanted)

    @staticmethod
    @nested
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Tangent of the value."""
        slopes = _Slopes.apply(ctx.table, *ctx.saved_tensors)
        parts = [own * slope for own, slope in zip(tangents, slopes, strict=True) if own is not None]
        return sum(parts[1:], parts[0]), *(None,) * len(slopes)

    @staticmethod
    def vmap(info: Any, in_dims: Any, table: Spline | Surface, *positions: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        """Elementwise."""
        return _Value.apply(table, *aligned(info.batch_size, in_dims[1:], positions)), (0,) * (1 + len(positions))


class _Table:
    """Coefficients in float64 with copies per device and type, made when first asked for."""

    def __init__(self, coefficients: Array) -> None:
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}
        self._coefficients = torch.from_numpy(np.ascontiguousarray(coefficients))

    @torch.inference_mode(False)  # what is kept may take part in gradients later
    def like(self, tensor: Tensor) -> Tensor:
        """The coefficients with the device and type of ``tensor``."""
        key = (tensor.device, tensor.dtype)
        if key not in self._copies:
            self._copies[key] = self._coefficients.to(tensor.device, tensor.dtype)
        return self._copies[key]


class Spline:
    """y(x) on uniform knots; constant beyond them.

    Args:
        knots: n increasing, equally spaced positions.
        values: y at the knots, (n,).
    """

    def __init__(self, knots: Array, values: Array) -> None:
        from scipy.interpolate import CubicSpline

        self.start, self.step, self.cells = float(knots[0]), float(knots[1] - knots[0]), len(knots) - 1
        self._table = _Table(CubicSpline(knots, values).c.T)

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients (..., 4) of each position's cell, the offset in it, and whether it is within the knots."""
        index, offset = cell(x, self.start, self.step, self.cells)
        inside = (x >= self.start) & (x <= self.start + self.step * self.cells)
        return self._table.like(x)[index], offset, inside

    def value_and_slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and its derivative."""
        coefficients, offset, inside = self.locate(x)
        return horner(coefficients, offset), slope(coefficients, offset) * inside

    def slopes(self, x: Tensor) -> tuple[Tensor]:
        """y's derivative."""
        return (self.value_and_slopes(x)[1],)

    def second(self, x: Tensor) -> tuple[Tensor]:
        """y's second derivative."""
        coefficients, offset, inside = self.locate(x)
        return (bend(coefficients, offset) * inside,)

    def __call__(self, x: Tensor) -> Tensor:
        """y at ``x`` of any shape, twice differentiable."""
        if differentiated(x):
            value: Tensor = _Value.apply(self, x)[0]
            return value
        coefficients, offset, _ = self.locate(x)
        return horner(coefficients, offset)


class Surface:
    """z(x, y) on a uniform grid, bicubic; constant beyond it.

    Args:
        rows, columns: equally spaced positions of x (n,) and y (m,).
        values: z on the grid, (n, m).
    """

    def __init__(self, rows: Array, columns: Array, values: Array) -> None:
        from scipy.interpolate import CubicSpline

        self.starts = float(rows[0]), float(columns[0])
        self.steps = float(rows[1] - rows[0]), float(columns[1] - columns[0])
        self.cells = len(rows) - 1, len(columns) - 1
        along_rows = CubicSpline(rows, values, axis=0).c  # (4, n-1, m)
        both = CubicSpline(columns, along_rows, axis=2).c  # (4, m-1, 4, n-1)
        self._table = _Table(both.transpose(3, 1, 2, 0).reshape(-1, 4, 4))

    def locate(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Each position's patch (..., 4, 4), its offsets down and across it, and whether x and y are on the grid."""
        row, down = cell(x, self.starts[0], self.steps[0], self.cells[0])
        column, across = cell(y, self.starts[1], self.steps[1], self.cells[1])
        patch = self._table.like(x)[row * self.cells[1] + column]
        return patch, down, across, self._inside(x, 0), self._inside(y, 1)

    def value_and_slopes(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z and its derivatives by x and y."""
        patch, down, across, in_x, in_y = self.locate(x, y)
        cubic = horner(patch, across[..., None])
        by_y = horner(slope(patch, across[..., None]), down) * in_y
        return horner(cubic, down), slope(cubic, down) * in_x, by_y

    def slopes(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """z's derivatives by x and y."""
        return self.value_and_slopes(x, y)[1:]

    def second(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Second derivatives by xx, xy and yy."""
        patch, down, across, in_x, in_y = self.locate(x, y)
        across = across[..., None]
        by_xx = bend(horner(patch, across), down) * in_x
        by_xy = slope(slope(patch, across), down) * (in_x & in_y)
        return by_xx, by_xy, horner(bend(patch, across), down) * in_y

    def along_rows(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """First and second derivative by x."""
        patch, down, across, in_x, _ = self.locate(x.reshape(-1), y.reshape(-1))  # vmap looks no single number up
        cubic = horner(patch, across[..., None])
        return (slope(cubic, down) * in_x).reshape(x.shape), (bend(cubic, down) * in_x).reshape(x.shape)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """z at ``x`` and ``y``, which broadcast; twice differentiable in both."""
        x, y = torch.broadcast_tensors(x, y)
        if differentiated(x, y):
            value: Tensor = _Value.apply(self, x, y)[0]
            return value
        patch, down, across, _, _ = self.locate(x, y)
        return horner(horner(patch, across[..., None]), down)

    def _inside(self, position: Tensor, axis: int) -> Tensor:
        end = self.starts[axis] + self.steps[axis] * self.cells[axis]
        return (position >= self.starts[axis]) & (position <= end)
