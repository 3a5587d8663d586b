"""Ulrich–Wood rejection sampling of the von Mises–Fisher angle, with bounded rounds and an inverse-CDF fallback."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.jit import is_tracing

from submission.distributions.radial import rule

ROUNDS = (3, 9, 52)
"""Proposals made at once for everybody, then for those still without one: fewer than 1 in 10²⁹ reach the fallback."""
BISECTIONS, FALLBACK_NODES, FALLBACK_REACH = 55, 64, 12.0


@dataclass(frozen=True)
class Envelope:
    """Wood's transformed symmetric beta proposal w = (1 − (1+b)ε)/(1 − (1−b)ε) for concentrations κ (Wood 1994, VM*).

    Works with x = 1 − w and 1 − w₀ throughout, so that nothing cancels where κ is large and w close to 1, and float32
    is enough for samples that will be float32.

    Attributes:
        kappa: concentrations ≥ 0.
        m: ambient dimension.
    """

    kappa: Tensor
    m: int

    @cached_property
    def b(self) -> Tensor:
        """The parameter that fits the proposal to κ; 1 at κ = 0."""
        twice = 2 * self.kappa
        return (self.m - 1) / (twice + torch.sqrt(twice * twice + (self.m - 1) ** 2))

    def one_minus_cosine(self, epsilon: Tensor) -> Tensor:
        """x = 1 − w of beta variables ε in [0, 1]."""
        scaled = self.b * epsilon
        return 2 * scaled / (1 - epsilon + scaled)

    def epsilon(self, x: Tensor) -> Tensor:
        """The beta variable that gives x = 1 − w."""
        return x / (x + self.b * (2 - x))

    def log_acceptance(self, x: Tensor) -> Tensor:
        """log of the probability ≤ 1 with which x is kept."""
        x0 = 2 * self.b / (1 + self.b)
        ratio = torch.addcmul(x0, 1 - x0, x).div_(x0 * (2 - x0))
        return ratio.log_().mul_(self.m - 1).addcmul_(self.kappa, x0 - x)


def symmetric_beta(shape: tuple[int, ...], m: int, like: Tensor) -> Tensor:
    """Samples of Beta((m−1)/2, (m−1)/2), by Ulrich's (1984) two uniforms: no inner rejection."""
    first, second = torch.rand((2, *shape), dtype=like.dtype, device=like.device)
    cosine = torch.cos(2 * torch.pi * second)
    if m > 2:
        cosine = cosine * torch.sqrt(-torch.expm1(torch.log(first) * (2 / (m - 2))))
    return (1 - cosine) / 2


def sample_one_minus_cosine(kappa: Tensor, m: int, rounds: tuple[int, ...] = ROUNDS) -> Tensor:
    """x = 1 − w of von Mises–Fisher samples, one per entry of ``kappa`` and in its type; no gradient.

    Always ends: after ``rounds`` of proposals the inverse CDF gives the rest. While a CUDA graph is captured
    or a graph is traced, nothing may depend on data, so that all proposals are made at once and the fallback (for
    fewer than one sample in 10²⁹) is replaced by the first proposal.
    """
    result: Tensor = _Sample.apply(kappa.detach(), m, rounds)
    return result


class _Sample(torch.autograd.Function):
    """``accepted``; under vmap, whose tensors can't decide anything, on the tensor that holds them all."""

    @staticmethod
    def forward(kappa: Tensor, m: int, rounds: tuple[int, ...]) -> Tensor:
        """Samples like ``kappa``."""
        return accepted(kappa, m, rounds)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Samples have no gradient here."""
        ctx.mark_non_differentiable(output)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> None:
        """Samples have no tangent here."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, kappa: Tensor, m: int, rounds: tuple[int, ...]) -> tuple[Tensor, int | None]:
        """One sample per entry, whatever the axes mean."""
        return sample_one_minus_cosine(kappa, m, rounds), in_dims[0]


@torch.no_grad()
def accepted(kappa: Tensor, m: int, rounds: tuple[int, ...]) -> Tensor:
    """Samples by rounds of proposals, then by the inverse CDF."""
    if is_tracing() or (kappa.is_cuda and torch.cuda.is_current_stream_capturing()):
        return first_accepted(kappa, m, sum(rounds))[0]
    flat = kappa.reshape(-1)
    result, pending = torch.empty_like(flat), torch.arange(len(flat), device=flat.device)
    for count in rounds:
        x, found = first_accepted(flat[pending], m, count)
        result[pending] = x
        pending = pending[~found]
        if not len(pending):
            return result.view_as(kappa)
    result[pending] = inverse_cdf(flat[pending].double(), m).to(flat.dtype)
    return result.view_as(kappa)


def first_accepted(kappa: Tensor, m: int, count: int) -> tuple[Tensor, Tensor]:
    """The first kept of ``count`` proposals per entry of ``kappa``, and whether there was one."""
    envelope = Envelope(kappa, m)
    x = envelope.one_minus_cosine(symmetric_beta((count, *kappa.shape), m, kappa))
    kept = torch.rand_like(x).log_() <= envelope.log_acceptance(x)
    found, first = kept.max(0, keepdim=True)
    return x.gather(0, first)[0], found[0]


def inverse_cdf(kappa: Tensor, m: int) -> Tensor:
    """x = 1 − w of exact samples, float64: bisection of the CDF, which Gauss–Legendre quadrature gives to 1e−12."""
    ratio = 2 * kappa / (m - 2 + torch.sqrt((m - 2) ** 2 + 4 * kappa * kappa)).clamp_min(1e-300)
    mode = torch.arccos(ratio.clamp(max=1.0))
    width = FALLBACK_REACH * torch.rsqrt(kappa / 2 + (m - 2) + 1e-3)
    low, high = (mode - width).clamp_min(0.0), (mode + width).clamp_max(torch.pi)
    target = torch.rand_like(kappa) * mass(kappa, m, mode, low, high)
    left, right = low, high
    for _ in range(BISECTIONS):
        middle = (left + right) / 2
        beyond = mass(kappa, m, mode, low, middle) > target
        left, right = torch.where(beyond, left, middle), torch.where(beyond, middle, right)
    return 2 * torch.sin((left + right) / 4).square()


def mass(kappa: Tensor, m: int, mode: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """∫ exp(κ·(cos θ − cos mode))·(sin θ/sin mode)^{m−2} dθ from ``low`` to ``high``, all (n,)."""
    nodes, weights = rule(FALLBACK_NODES, kappa.dtype, kappa.device)
    angle = low[:, None] + nodes * (high - low)[:, None]
    sines = torch.sin((angle + mode[:, None]) / 2) * torch.sin((angle - mode[:, None]) / 2)
    log_density = -2 * kappa[:, None] * sines
    if m > 2:
        log_density = log_density + (m - 2) * torch.log(torch.sin(angle) / torch.sin(mode)[:, None])
    return (high - low) * (torch.exp(log_density) * weights).sum(-1)
