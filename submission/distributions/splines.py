"""Cubic splines on uniform knots as torch look-ups: one gather of a cell's coefficients, then Horner's rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor

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


class _Known(torch.autograd.Function):
    """A value whose partial derivatives were computed along with it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, *pairs: Tensor) -> Tensor:
        ctx.save_for_backward(*pairs[1::2])
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1::2]
        parts = [gradient * d if use else None for d, use in zip(ctx.saved_tensors, needed, strict=True)]
        return (None, *(item for part in parts for item in (part, None)))


def _known(value: Tensor, *pairs: Tensor) -> Tensor:
    """``value`` as a function of the inputs in ``pairs``: input, its partial derivative, input, ..."""
    with torch.enable_grad():
        return _Known.apply(value, *pairs)


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
        self.start, self.step, self.cells = float(knots[0]), float(knots[1] - knots[0]), len(knots) - 1
        self._table = _Table(CubicSpline(knots, values).c.T)

    def __call__(self, x: Tensor) -> Tensor:
        """y at ``x`` of any shape, once differentiable."""
        with torch.no_grad():
            index, offset = cell(x, self.start, self.step, self.cells)
            coefficients = self._table.like(x)[index]
            value = horner(coefficients, offset)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return value
        with torch.no_grad():
            inside = (x >= self.start) & (x <= self.start + self.step * self.cells)
            derivative = slope(coefficients, offset) * inside
        return _known(value, x, derivative)


class Surface:
    """z(x, y) on a uniform grid, bicubic; constant beyond it.

    Args:
        rows, columns: equally spaced positions of x (n,) and y (m,).
        values: z on the grid, (n, m).
    """

    def __init__(self, rows: Array, columns: Array, values: Array) -> None:
        self.starts = float(rows[0]), float(columns[0])
        self.steps = float(rows[1] - rows[0]), float(columns[1] - columns[0])
        self.cells = len(rows) - 1, len(columns) - 1
        along_rows = CubicSpline(rows, values, axis=0).c  # (4, n-1, m)
        both = CubicSpline(columns, along_rows, axis=2).c  # (4, m-1, 4, n-1)
        self._table = _Table(both.transpose(3, 1, 2, 0).reshape(-1, 4, 4))

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """z at ``x`` and ``y``, which broadcast; once differentiable in both."""
        x, y = torch.broadcast_tensors(x, y)
        with torch.no_grad():
            row, down = cell(x, self.starts[0], self.steps[0], self.cells[0])
            column, across = cell(y, self.starts[1], self.steps[1], self.cells[1])
            patch = self._table.like(x)[row * self.cells[1] + column]  # (..., 4, 4)
            cubic = horner(patch, across[..., None])
            value = horner(cubic, down)
        if not (torch.is_grad_enabled() and (x.requires_grad or y.requires_grad)):
            return value
        with torch.no_grad():
            by_row = slope(cubic, down) * self._inside(x, 0)
            if not y.requires_grad:
                return _known(value, x, by_row)
            by_column = horner(slope(patch, across[..., None]), down) * self._inside(y, 1)
        return _known(value, x, by_row, y, by_column)

    def _inside(self, position: Tensor, axis: int) -> Tensor:
        end = self.starts[axis] + self.steps[axis] * self.cells[axis]
        return (position >= self.starts[axis]) & (position <= end)
