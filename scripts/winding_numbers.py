"""How often a trained encoder's codes go around the latent Klein bottle: python scripts/winding_numbers.py RUN"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from submission.run import Run

Array = npt.NDArray[np.floating]


def winding_numbers(codes: Array, outer: float = 2.0) -> tuple[tuple[int, int], tuple[int, int]]:
    """Winding numbers around the Klein bottle of the two closed ways through pictures that form one.

    A continuous map of the bottle to itself can be deformed into a one-to-one map if the way around all directions
    goes once around the large circle, and the way around all phases once around the small one and not around the
    large one: the fundamental group is then mapped one-to-one.

    Args:
        codes: points (directions, phases, 4) of the Klein bottle in R⁴. The directions go from 0 to half a turn, after
            which the phases are reversed; the phases are a full turn.
        outer: R.

    Returns:
        (around the large circle, around the small one), without signs, of all directions at phase 0, then of all
        phases at the first direction.
    """
    points = np.asarray(codes, np.float64)
    return around(points[:, 0], outer), around(points[0], outer)


def around(way: Array, outer: float) -> tuple[int, int]:
    """Winding numbers of a closed way (N, 4), without signs; the second is 0 where the first is odd (orientation)."""
    x, y, p, q = np.concatenate([way, way[:1]]).T
    large = np.unwrap(np.arctan2(y, x))
    height = p * np.cos(large / 2) + q * np.sin(large / 2)
    small = np.unwrap(np.arctan2(height, np.hypot(x, y) - outer))
    turns, inner = (round(float(angle[-1] - angle[0]) / (2 * np.pi)) for angle in (large, small))
    return abs(turns), 0 if turns % 2 else abs(inner)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the winding numbers of a run on ``klein_pictures``, and the longest step between neighbouring pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="run folder")
    run = Run(Path(parser.parse_args(arguments).run))
    data, model = run.dataset(), run.model()
    images = torch.from_numpy(data.observations(np.arange(len(data)))).movedim(-1, 1).float()
    with torch.no_grad():
        codes = model.space.representation(model.encode(images), "mean").reshape(*data.factor_sizes, 4).numpy()
    directions, phases = winding_numbers(codes)
    found = f"{directions[0]} × large; around all phases: {phases[0]} × large, {phases[1]} × small"
    steps = [np.linalg.norm(codes - np.roll(codes, -1, 1), axis=-1), np.linalg.norm(np.diff(codes, axis=0), axis=-1)]
    torch.manual_seed(0)
    nearest = torch.cdist(model.space.prior_sample((5000,)), torch.from_numpy(codes).reshape(-1, 4)).amin(1)
    sys.stdout.write(
        f"around all directions: {found}\n"
        f"longest step to the next phase {steps[0].max():.2f}, to the next direction {steps[1].max():.2f}\n"
        f"uniform points are {float(nearest.mean()):.2f} from a code on average, {float(nearest.max()):.2f} at most\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
