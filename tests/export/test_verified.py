"""A fast path may differ from a module by as much as the module's own rounding, and not by more."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from submission.errors import SubmissionError
from submission.export.verified import Verified, same_values, within_rounding

PIXELS = 4096


class Direction(nn.Module):
    """Directions of sums of pixels that nearly cancel, of which ``order`` is the order of summation."""

    def __init__(self, order: Tensor, error: float = 0.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight, self.order, self.error = torch.randn(PIXELS, 2, generator=generator), order, error

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)[:, self.order]
        sums = pixels @ self.weight[self.order]
        return functional.normalize(sums - sums.mean(0) + 1e-3) + self.error


@pytest.fixture
def images() -> Tensor:
    """Sixteen images that differ in few pixels."""
    generator = torch.Generator().manual_seed(1)
    plain = torch.rand(1, 1, 64, 64, generator=generator)
    return plain + 1e-2 * torch.rand(16, 1, 64, 64, generator=generator)


FORWARD, BACKWARD = torch.arange(PIXELS), torch.arange(PIXELS).flip(0)


def test_rounding_that_the_module_has_itself_is_accepted(images: Tensor) -> None:
    module, faster = Direction(FORWARD), Direction(BACKWARD)
    assert not same_values(faster(images), module(images))  # 1e-5 is too little for these
    checked = Verified(module, faster, "codes")
    assert torch.equal(checked(images), faster(images))
    assert torch.equal(checked(images), faster(images))


def test_more_than_rounding_is_not(images: Tensor) -> None:
    module = Direction(FORWARD)
    assert not within_rounding(Direction(BACKWARD, 0.01)(images), module(images), module, images)
    assert not within_rounding(module(images)[:, :1], module(images), module, images)
    checked = Verified(module, Direction(FORWARD), "codes")
    checked(images)
    checked.faster = Direction(FORWARD, 0.01)
    with pytest.raises(SubmissionError, match="gives other codes than the file"):
        checked(images)
