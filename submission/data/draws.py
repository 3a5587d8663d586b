"""Fresh noise that a resumed run sees again."""

from __future__ import annotations

import zlib

import numpy as np

from submission.data.dataset import Indices


def batch_generator(seed: int, indices: Indices) -> np.random.RandomState:
    """The generator for one batch: a function of ``seed`` and of the batch's indices in their order.

    Shuffled batches never repeat, so every visit to an image draws anew; yet nothing depends on what was asked before,
    so a resumed or repeated run sees the same images.
    """
    checksum = zlib.crc32(np.ascontiguousarray(indices, dtype=np.int64).tobytes())
    return np.random.RandomState([seed, checksum])
