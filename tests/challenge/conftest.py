"""TorchScript files with one fault each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from submission.export.torchscript import traced


class Encoder(nn.Module):
    """A linear encoder of 64x64 images, with room for a fault."""

    def __init__(self, fault: Callable[[Tensor], Tensor], channels: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels * 64 * 64, width)
        self.fault = fault
        nn.init.normal_(self.linear.weight, std=0.1)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width), or what the fault makes of them."""
        return self.fault(self.linear(images.flatten(1)))


MakeFile = Callable[..., Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """``make_file(fault, channels=1, width=4, gradients=False)``: path of a traced encoder."""

    def make(
        fault: Callable[[Tensor], Tensor] = torch.nn.Identity(),  # noqa: B008
        channels: int = 1,
        width: int = 4,
        training: bool = False,
    ) -> Path:
        module = Encoder(fault, channels, width).train(training).requires_grad_(False)
        path = tmp_path / "model.pt"
        path.write_bytes(traced(module, (channels, 64, 64)))
        return path

    return make
