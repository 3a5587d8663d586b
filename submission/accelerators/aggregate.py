"""The aggregate posterior of normally distributed coordinates, by ``aggregate.c``; float32, on the CPU."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from submission.accelerators.library import kernel_threads, library
from submission.latent.base import Posterior
from submission.latent.estimators import NormalCoordinates, normal_coordinates


def aggregate_log_prob(posterior: Posterior, z: Tensor, log_weights: Tensor) -> Any:
    """``submission.objectives.aggregate.aggregate_log_prob`` of posteriors with normal coordinates."""
    if z.device.type != "cpu" or z.dtype != torch.float32 or library("aggregate") is None:
        return NotImplemented
    normal = normal_coordinates(posterior, z)
    if normal is None:
        return NotImplemented
    joint, marginals = Kernel.apply(*normal, log_weights)
    return joint, marginals


class Mixture(ctypes.Structure):
    """``Mixture`` of ``aggregate.c``."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("samples", "means", "inverses", "peaks", "weights")),
        *((name, ctypes.c_void_p) for name in ("stops", "circular")),
        *((name, ctypes.c_int64) for name in ("rows", "posteriors", "coordinates", "components")),
        *((name, ctypes.c_void_p) for name in ("joint", "marginals")),
    )


class Gradient(ctypes.Structure):
    """``Gradient`` of ``aggregate.c``."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("joint", "marginals", "samples"))


class Kernel(torch.autograd.Function):
    """``aggregate.c``: ``NormalCoordinates`` on the CPU, without a table of n² densities."""

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        mean: Tensor,
        scale: Tensor,
        sizes: tuple[int, ...],
        circular: tuple[bool, ...],
        log_weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Joint (m,) and marginals (m, C), float32."""
        joint, marginals = value.new_empty(len(value)), value.new_empty(len(value), len(sizes))
        tensors = operands(NormalCoordinates(value, mean, scale, sizes, circular), log_weights)
        run(tensors, joint, marginals)
        ctx.save_for_backward(*tensors, joint, marginals)
        return joint, marginals

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in value, mean and scale."""
        *tensors, joint, marginals = ctx.saved_tensors
        value, _, inverses = tensors[:3]
        samples = torch.empty_like(value)
        planes = value.new_zeros(kernel_threads(), 2, *inverses.shape)
        run(tensors, joint, marginals, (outer[0].contiguous(), outer[1].contiguous(), samples), planes)
        means, log_scales = planes.sum(0)
        return samples, means.t(), (log_scales * inverses).t(), None, None, None


def operands(normal: NormalCoordinates, log_weights: Tensor) -> list[Tensor]:
    """What the kernel reads, in the order of ``Mixture``: coordinates by rows, each contiguous."""
    deviations = normal.scale.t().contiguous()
    heights = -deviations.log() - 0.5 * math.log(2 * math.pi)
    peaks = torch.stack([part.sum(0) for part in heights.split(normal.sizes)])
    laws = [normal.value.contiguous(), normal.mean.t().contiguous(), 1 / deviations, peaks]
    layout = [torch.tensor(normal.sizes).cumsum(0), torch.tensor(normal.circular, dtype=torch.int64)]
    return [*laws, log_weights.contiguous(), *layout]


def run(
    tensors: list[Tensor],
    joint: Tensor,
    marginals: Tensor,
    gradient: tuple[Tensor, Tensor, Tensor] | None = None,
    planes: Tensor | None = None,
) -> None:
    """Fill ``joint`` and ``marginals``; or, with the loss's derivatives in these, the gradient.

    Args:
        tensors: see ``operands``.
        joint, marginals: (m,) and (m, C).
        gradient: derivatives in both, and where that in the samples (m, D) goes.
        planes: (threads, 2, D, n) zeros, where each thread's share of that in means and log-scales goes.
    """
    kernel = library("aggregate")
    assert kernel is not None
    (coordinates, posteriors), components = tensors[1].shape, marginals.shape[1]
    scratch = joint.new_empty(kernel_threads(), components + 1, posteriors)
    mixture = Mixture(
        *(tensor.data_ptr() for tensor in tensors),
        *(len(joint), posteriors, coordinates, components),
        *(joint.data_ptr(), marginals.data_ptr()),
    )
    asked = Gradient(*(tensor.data_ptr() for tensor in gradient)) if gradient else None
    kernel.aggregate(
        ctypes.byref(mixture),
        ctypes.byref(asked) if asked else None,
        ctypes.c_void_p(scratch.data_ptr()),
        ctypes.c_void_p(planes.data_ptr()) if planes is not None else None,
        ctypes.c_int64(len(scratch)),
    )
