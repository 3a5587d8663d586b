"""Many draws of one factor and batches of factor rows, as BetaVAE's and FactorVAE's metrics make them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def draw_votes(
    random_state: np.random.RandomState, sizes: Sequence[int], shape: tuple[int, int, int]
) -> tuple[Integers, Integers]:
    """For each vote a factor, then its batches of factor rows, drawn column by column.

    Args:
        random_state: numpy's legacy generator.
        sizes: of the factors (K,).
        shape: votes V, batches S of each, rows B of a batch.

    Returns:
        Factors (V,) and rows (V, S, B, K).
    """
    factors, values = np.empty(shape[0], np.int64), np.empty((*shape, len(sizes)), np.int64)
    for vote, batches in enumerate(values):
        factors[vote] = random_state.randint(len(sizes))
        for batch in batches:
            for column, size in enumerate(sizes):
                batch[:, column] = random_state.randint(size, size=len(batch))
    return factors, values
