"""Everything here runs on a GPU, or on a simulated one where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.gpu.simulated.device import simulated


@pytest.fixture
def gpu() -> Iterator[torch.device]:
    """The first GPU."""
    if torch.cuda.is_available():
        yield torch.device("cuda", torch.cuda.current_device())
        return
    with simulated() as device:
        yield device
