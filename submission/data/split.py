"""Which images are held out of training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from submission.errors import UsageError

Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def held_out(size: int, count: int, seed: int) -> Split:
    """Training and held-out images, indices in rising order; ``count`` of ``size`` are held out, drawn from ``seed``.

    Raises:
        UsageError: nothing would be left to train on.
    """
    if not 0 <= count < size:
        raise UsageError(f"{count} of {size} images cannot be held out", f"hold out from 0 to {size - 1}")
    order = np.random.default_rng([seed, size, count]).permutation(size)
    return np.sort(order[count:]), np.sort(order[:count])
