"""Sample + KL + backward of every posterior against a diagonal Gaussian of as many columns, interleaved in one process.

Run ``python benchmarks/distributions.py``: prints the lower quartile over rounds, in microseconds, and the ratio. The
target is at most 5 for spheres, flat tori, RP^d, von Mises-Fisher and power spherical at batch 2048. Where pythae is
installed (``make bench`` does), the masked rejection loop that public S-VAEs share is measured beside them.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, kl_divergence

from submission import provenance
from submission.distributions import (
    PowerSpherical,
    ProjectiveBrownian,
    ProjectiveUniform,
    RotationBrownian,
    RotationUniform,
    SphereBrownian,
    SphereUniform,
    TorusBrownian,
    TorusUniform,
    VonMisesFisher,
)

BATCH, ROUNDS = 2048, 60
Build = Callable[[Tensor, Tensor], tuple[Distribution, Distribution]]
Cost = Callable[[Tensor, Tensor], Tensor]


def unit(raw: Tensor) -> Tensor:
    """Directions of ``raw`` (..., m)."""
    return raw / torch.linalg.vector_norm(raw, dim=-1, keepdim=True)


def gaussian(mean: Tensor, raw: Tensor) -> tuple[Distribution, Distribution]:
    """Diagonal Gaussian and standard normal."""
    prior = Normal(torch.zeros(()), torch.ones(()), validate_args=False)
    return Normal(mean, raw.exp(), validate_args=False), prior


def sphere(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """S^d."""
    return SphereBrownian(unit(raw), spread[:, 0].exp(), validate_args=False), SphereUniform(raw.shape[-1] - 1)


def torus(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """(S^1)^k."""
    loc = unit(raw.unflatten(-1, (-1, 2))).flatten(-2)
    circles = raw.shape[-1] // 2
    return TorusBrownian(loc, spread[:, :circles].exp(), validate_args=False), TorusUniform(circles)


def projective(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """RP^d."""
    return ProjectiveBrownian(unit(raw), spread[:, 0].exp(), validate_args=False), ProjectiveUniform(raw.shape[-1] - 1)


def rotation(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """SO(3)."""
    return RotationBrownian(unit(raw), spread[:, 0].exp(), validate_args=False), RotationUniform()


def vmf(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """von Mises-Fisher around concentration 10."""
    concentration = 10.0 * spread[:, 0].exp()
    return VonMisesFisher(unit(raw), concentration, validate_args=False), SphereUniform(raw.shape[-1] - 1)


def power_spherical(raw: Tensor, spread: Tensor) -> tuple[Distribution, Distribution]:
    """Power spherical around concentration 10."""
    concentration = 10.0 * spread[:, 0].exp()
    return PowerSpherical(unit(raw), concentration, validate_args=False), SphereUniform(raw.shape[-1] - 1)


LAWS: list[tuple[str, Build, int]] = [
    ("S^2", sphere, 3),
    ("S^10", sphere, 11),
    ("S^20", sphere, 21),
    ("S^40", sphere, 41),
    ("T^2", torus, 4),
    ("T^10", torus, 20),
    ("RP^3", projective, 4),
    ("RP^10", projective, 11),
    ("SO(3)", rotation, 4),
    ("vMF m=11", vmf, 11),
    ("vMF m=41", vmf, 41),
    ("power spherical m=11", power_spherical, 11),
]


def sample_and_kl(build: Build) -> Cost:
    """The sum of a sample and of the KL, as a function of the networks' output."""

    def cost(raw: Tensor, spread: Tensor) -> Tensor:
        q, prior = build(raw, spread)
        return q.rsample().sum() + kl_divergence(q, prior).sum()

    return cost


def rejection_loop(raw: Tensor, spread: Tensor) -> Tensor:
    """The same by pythae's SVAE: a masked rejection loop (biased gradient) and scipy's Bessel functions."""
    from pythae.models import SVAE

    model, concentration = SVAE.__new__(SVAE), 10.0 * spread[:, :1].exp()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: a tensor is copied in every round
        z = model._sample_von_mises(unit(raw), concentration)
        return z.sum() + model._compute_kl(raw.shape[-1], concentration).sum()


def contenders() -> list[tuple[str, Cost, int]]:
    """Name, cost and columns of each; the peer where it is installed."""
    ours = [(name, sample_and_kl(build), size) for name, build, size in LAWS]
    if importlib.util.find_spec("pythae") is None:
        print("pythae's rejection loop is left out (pip install pydantic tqdm; pip install --no-deps pythae==0.1.2)")
        return ours
    return [*ours, *((f"peer: pythae SVAE m={size}", rejection_loop, size) for size in (11, 41))]


def step(cost: Cost, raw: Tensor, spread: Tensor) -> float:
    """Seconds of one sample, KL and backward pass."""
    raw, spread = raw.detach().requires_grad_(), spread.detach().requires_grad_()
    start = time.perf_counter()
    cost(raw, spread).backward()
    return time.perf_counter() - start


def compare(cost: Cost, size: int) -> tuple[float, float]:
    """Lower quartiles of seconds of the Gaussian and of ``cost``, steps taken in turn (other processes only add)."""
    raw, spread = torch.randn(BATCH, size), 0.5 * torch.randn(BATCH, size) - 1.0
    step(cost, raw, spread)  # tables are built on first use
    base = sample_and_kl(gaussian)
    pairs = [(step(base, raw, spread), step(cost, raw, spread)) for _ in range(ROUNDS)]
    first, second = (statistics.quantiles(seconds, n=4)[0] for seconds in zip(*pairs, strict=True))
    return first, second


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"commit {provenance.commit()}; {provenance.machine()}")
    print(
        f"batch {BATCH}, float32, one thread, torch {torch.__version__}; lower quartile of {ROUNDS} interleaved steps"
    )
    print(f"{'posterior':24}{'Gaussian µs':>12}{'µs':>10}{'ratio':>8}")
    for name, cost, size in contenders():
        base, seconds = compare(cost, size)
        print(f"{name:24}{base * 1e6:12.0f}{seconds * 1e6:10.0f}{seconds / base:8.2f}")


if __name__ == "__main__":
    main()
