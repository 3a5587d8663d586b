"""Do two encoders give the same codes for the same images, whatever the batch size?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from submission.device import seeded_randomness
from submission.errors import SubmissionError

TOLERANCE = 1e-5
"""Largest accepted difference, relative to the largest code where that is above 1."""

Encode = Callable[[Tensor], Tensor]


def evaluator_images(count: int, shape: tuple[int, int, int], seed: int = 1) -> Tensor:
    """Images (count, C, H, W) as the challenge's evaluator passes them: a non-contiguous view of NHWC data."""
    channels, height, width = shape
    pixels = np.random.RandomState(seed).rand(count, height, width, channels).astype(np.float32)
    return torch.from_numpy(np.moveaxis(pixels, 3, 1)).float()


def difference(first: Encode, second: Encode, images: Tensor) -> float:
    """Largest difference of the codes, relative to the largest code where that is above 1; NaN counts as infinite.

    Both are run from the same random state, so that sampled codes can be compared, too.
    """
    codes = [_codes(encode, images) for encode in (first, second)]
    if codes[0].shape != codes[1].shape or codes[0].numel() == 0:
        return float("inf")
    gap = (codes[0] - codes[1]).abs().max() / codes[0].abs().max().clamp(min=1)
    return float(gap) if bool(torch.isfinite(gap)) else float("inf")


def _codes(encode: Encode, images: Tensor) -> Tensor:
    with torch.no_grad(), seeded_randomness(0):
        return encode(images).detach().double().cpu()


def largest_difference(first: Encode, second: Encode, shape: tuple[int, int, int], batches: Sequence[int]) -> float:
    """The largest ``difference`` over batch sizes, on fresh images (n, *shape) each."""
    return max(difference(first, second, evaluator_images(count, shape, seed=count)) for count in batches)


def require_same_codes(
    first: Encode, second: Encode, shape: tuple[int, int, int], batches: Sequence[int], name: str
) -> None:
    """SubmissionError when ``second`` (called ``name``) differs from ``first`` at any of the batch sizes."""
    gap = largest_difference(first, second, shape, batches)
    if gap > TOLERANCE:
        raise SubmissionError(
            f"{name} differs from the encoder by {gap:.2g} (allowed {TOLERANCE:g})",
            "keep the representation free of branches on values and of fixed batch sizes",
        )
