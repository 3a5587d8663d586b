"""A faster module in place of a representation, used as long as it gives the same codes."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from submission.acceleration import SWITCH, replaceable
from submission.errors import SubmissionError
from submission.export.parity import TOLERANCE

logger = logging.getLogger("submission")

COMPARED_AT_FIRST, COMPARED_LATER = 256, 16
"""Images of the first batch and of each later one whose codes are compared with those of the module itself."""
SCALES = tuple(1 + k * 2.0**-22 for k in range(1, 5))
"""Of the pixels: so small a change rounds every product anew."""
ROUNDINGS, MOST = 8.0, 1e-3
"""How many roundings of its own a module's codes may be away, and what is no rounding any more, of the largest code."""


@replaceable
def faster_encoder(module: nn.Module, shape: tuple[int, int, int]) -> nn.Module | None:
    """A module that computes the codes of images (n, *shape) faster than ``module`` on the CPU; None without one."""
    return None


def verified(module: nn.Module, shape: tuple[int, int, int], name: str) -> Verified | None:
    """The module behind its fast path for images (n, *shape), where an accelerator has one; else None."""
    faster = faster_encoder(module, shape)
    return None if faster is None else Verified(module, faster, name)


class Verified(nn.Module):
    """``faster`` in place of ``module``, whose own codes are the ones that count.

    Both are run on up to 256 images of the first batch and on 16 of every later one. Where their codes differ at first,
    by more than 1e-5 of the largest and by more than the module's own rounding, a warning is logged and ``module`` is
    run from then on.

    Args:
        module, faster: images (n, C, H, W) → codes (n, D).
        name: of the representation, in messages.
    """

    def __init__(self, module: nn.Module, faster: nn.Module, name: str) -> None:
        super().__init__()
        self.module, self.name = module, name
        self.faster: nn.Module | None = faster
        self.verified = False

    def forward(self, images: Tensor) -> Tensor:
        """Codes of the images.

        Raises:
            SubmissionError: the two differ on a later batch, so that earlier codes cannot be relied on.
        """
        if self.faster is not None:
            codes = self._verified(images, self.faster)
            if codes is not None:
                return codes
        own: Tensor = self.module(images)
        return own

    def _verified(self, images: Tensor, faster: nn.Module) -> Tensor | None:
        """Codes of the faster module, or None where they are not those of the module."""
        chosen = evenly_spaced(len(images), COMPARED_LATER if self.verified else COMPARED_AT_FIRST)
        expected = self.module(images[chosen])  # first: what it raises is what the caller should see
        try:
            codes: Tensor = faster(images)
            same = same_values(codes[chosen], expected)
            same = same or within_rounding(codes[chosen], expected, self.module, images[chosen])
        except Exception:  # noqa: BLE001 - the module itself can be run
            same = False
        if same:
            self.verified = True
            return codes
        if self.verified:
            raise SubmissionError(
                f"the fast path for {self.name} gives other codes than the file on some images",
                f"set {SWITCH}=off and start again",
            )
        self.faster = None
        logger.warning("%s runs without the fast path, which gives other codes for these layers", self.name)
        return None


def evenly_spaced(count: int, most: int) -> Tensor:
    """Numbers of at most ``most`` of ``count`` images, the first and the last among them."""
    return torch.linspace(0, count - 1, min(count, most)).round().long()


def same_values(codes: Tensor, expected: object) -> bool:
    """Whether two tables of codes agree to 1e-5 of the largest."""
    if not isinstance(expected, Tensor) or codes.shape != expected.shape or codes.dtype != expected.dtype:
        return False
    gap = (codes - expected).abs().max()
    return bool(gap <= TOLERANCE * expected.abs().max().clamp(min=1e-6))


def within_rounding(codes: Tensor, expected: Tensor, module: nn.Module, images: Tensor) -> bool:
    """Whether codes differ from the module's by no more than its own rounding does.

    A direction whose coordinates are near zero, as of a circle that training has abandoned, magnifies rounding, also
    that of other batch sizes.
    """
    if codes.shape != expected.shape or codes.dtype != expected.dtype:
        return False
    rounding = max(float((module(images * scale) - expected).abs().max()) for scale in SCALES)
    gap = float((codes - expected).abs().max())
    return gap <= min(ROUNDINGS * rounding, MOST * float(expected.abs().max()))
