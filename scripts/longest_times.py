"""Compare the short-time KL of random walks with the exact one where times stop: python scripts/longest_times.py"""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn.functional import normalize

from submission.distributions import RotationBrownian, RotationUniform, SphereBrownian, SphereUniform
from submission.distributions.closed_manifold import Manifold
from submission.distributions.manifold_examples import special_unitary, stiefel


def sphere(dimension: int, volume: float) -> Manifold:
    """S^d by its projection."""
    curvature = float(dimension * (dimension - 1))
    return Manifold("S", dimension + 1, dimension, lambda x: normalize(x, dim=-1), volume, curvature)


def on_sphere(dimension: int, time: Tensor, radius: float = 1.0) -> Tensor:
    """KL of Brownian motion on a sphere of this radius to the uniform distribution."""
    pole = torch.eye(dimension + 1, dtype=torch.float64)[0]
    return kl_divergence(SphereBrownian(pole, time / radius**2), SphereUniform(dimension))


def on_rotations(time: Tensor) -> Tensor:
    """KL on O(3), where motion stays in one of two pieces."""
    return kl_divergence(RotationBrownian(torch.eye(4, dtype=torch.float64)[0], time), RotationUniform()) + math.log(2)


CASES = {
    "S²": (sphere(2, 4 * math.pi), lambda time: on_sphere(2, time)),
    "S³": (sphere(3, 2 * math.pi**2), lambda time: on_sphere(3, time)),
    "SU(2)": (special_unitary(), lambda time: on_sphere(3, time, math.sqrt(2))),
    "O(3)": (stiefel(3, 3), on_rotations),
}


def main() -> int:
    """Print, for each space whose exact KL is known, the longest time, both KLs there and the largest difference."""
    for name, (manifold, exact) in CASES.items():
        times = manifold.longest_time * torch.linspace(0.02, 1, 50, dtype=torch.float64)
        found = manifold.short_time_divergence(times, manifold.mean_curvature)
        known = torch.stack([exact(time) for time in times])
        sys.stdout.write(
            f"{name}: longest time {manifold.longest_time:.3f}, KL there {found[-1]:.3f} by the expansion, "
            f"{known[-1]:.3f} exactly; largest difference below it {(found - known).abs().max():.3f}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
