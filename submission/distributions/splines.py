"""Cubic splines on uniform knots as torch look-ups: one gather of a cell's coefficients, then Horner's rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from submission.distributions.derivatives import aligned, last_order

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


class _SplineFunction(torch.autograd.Function):
    """A spline's value and slope; the slope's own derivative is the spline's second one."""

    @staticmethod
    def forward(x: Tensor, spline: Spline) -> tuple[Tensor, Tensor]:
        """Value and slope at ``x`` of any shape."""
        coefficients, offset, inside = spline.locate(x)
        return horner(coefficients, offset), slope(coefficients, offset) * inside

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Spline], outputs: tuple[Tensor, Tensor]) -> None:
        """Keep positions and slopes."""
        ctx.save_for_backward(inputs[0], outputs[1])
        ctx.spline = inputs[1]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, by_value: Tensor | None, by_slope: Tensor | None) -> tuple[Tensor | None, None]:
        """Gradient in ``x``; second derivatives only where the slope was differentiated."""
        x, first = ctx.saved_tensors
        total = None if by_value is None else by_value * first
        if by_slope is not None:
            coefficients, offset, inside = ctx.spline.locate(x.detach())
            part = by_slope * last_order(bend(coefficients, offset) * inside, THIRD, x)
            total = part if total is None else total + part
        return total, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, spline: Spline) -> tuple[tuple[Tensor, Tensor], Any]:
        """Elementwise."""
        return _SplineFunction.apply(x, spline), (in_dims[0], in_dims[0])


class _SurfaceFunction(torch.autograd.Function):
    """A surface's value and its two slopes, whose own derivatives are the surface's second ones."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, surface: Surface) -> tuple[Tensor, Tensor, Tensor]:
        """Value and slopes at ``x`` and ``y`` of one shape."""
        patch, down, across, in_x, in_y = surface.locate(x, y)
        cubic = horner(patch, across[..., None])
        by_y = horner(slope(patch, across[..., None]), down) * in_y
        return horner(cubic, down), slope(cubic, down) * in_x, by_y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Surface], outputs: tuple[Tensor, Tensor, Tensor]) -> None:
        """Keep positions and slopes."""
        ctx.save_for_backward(*inputs[:2], *outputs[1:])
        ctx.surface = inputs[2]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor | None) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients in ``x`` and ``y``; second derivatives only where slopes were differentiated."""
        x, y, first_x, first_y = ctx.saved_tensors
        by_value, by_x, by_y = outer
        columns = [(by_value, first_x, first_y)]
        if by_x is not None or by_y is not None:
            second = [last_order(part, THIRD, x, y) for part in ctx.surface.second(x.detach(), y.detach())]
            columns += [(by_x, second[0], second[1]), (by_y, second[1], second[2])]
        used = [(own, *parts) for own, *parts in columns if own is not None]
        gradient_x, gradient_y = (
            sum((row[0] * row[axis] for row in used[1:]), used[0][0] * used[0][axis]) if used and needed else None
            for axis, needed in ((1, ctx.needs_input_grad[0]), (2, ctx.needs_input_grad[1]))
        )
        return gradient_x, gradient_y, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, y: Tensor, surface: Surface) -> tuple[tuple[Tensor, ...], Any]:
        """Elementwise."""
        return _SurfaceFunction.apply(*aligned(info.batch_size, in_dims[:2], (x, y)), surface), (0, 0, 0)


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

    def __call__(self, x: Tensor) -> Tensor:
        """y at ``x`` of any shape, twice differentiable."""
        if torch.is_grad_enabled() and x.requires_grad:
            value: Tensor = _SplineFunction.apply(x, self)[0]
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

    def second(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Second derivatives by xx, xy and yy."""
        patch, down, across, in_x, in_y = self.locate(x, y)
        across = across[..., None]
        by_xx = bend(horner(patch, across), down) * in_x
        by_xy = slope(slope(patch, across), down) * (in_x & in_y)
        return by_xx, by_xy, horner(bend(patch, across), down) * in_y

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """z at ``x`` and ``y``, which broadcast; twice differentiable in both."""
        x, y = torch.broadcast_tensors(x, y)
        if torch.is_grad_enabled() and (x.requires_grad or y.requires_grad):
            value: Tensor = _SurfaceFunction.apply(x, y, self)[0]
            return value
        patch, down, across, _, _ = self.locate(x, y)
        return horner(horner(patch, across[..., None]), down)

    def _inside(self, position: Tensor, axis: int) -> Tensor:
        end = self.starts[axis] + self.steps[axis] * self.cells[axis]
        return (position >= self.starts[axis]) & (position <= end)
