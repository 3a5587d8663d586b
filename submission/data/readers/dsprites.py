"""The original file of dSprites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data import npz
from submission.errors import SubmissionError

BLOCK = 256  # images: a megabyte, which stays in the cache


def read_packed(path: Path, count: int) -> npt.NDArray[np.uint8]:
    """``imgs`` (count, 64, 64) of the original file as packed bits (count, 512), decompressed block by block."""
    packed = np.empty((count, 512), dtype=np.uint8)
    with npz.member(path, "imgs") as (header, stream):
        npz.require(path, "imgs", header, (count, 64, 64), "uint8")
        block = np.empty((BLOCK, 64 * 64), dtype=np.uint8)
        for start in range(0, count, BLOCK):
            rows = block[: count - start]
            npz.fill(stream, rows.reshape(-1).data)
            if rows.max() > 1:
                raise SubmissionError(f"'imgs' of {path} has values above 1", npz.READ_AGAIN)
            packed[start : start + BLOCK] = np.packbits(rows, axis=1)
    return packed
