"""Latent spaces by spec, and encoder outputs to feed them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from submission.latent import parse
from submission.latent.base import LatentSpace


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """Both floating types that networks use."""
    kind: torch.dtype = request.param
    return kind


@pytest.fixture
def encode() -> Callable[..., tuple[LatentSpace, Tensor]]:
    """``encode(spec, n, dtype)`` → the space and a random encoder output (n, parameter_size) that wants a gradient."""

    def make(spec: str, count: int = 5, dtype: torch.dtype = torch.float64) -> tuple[LatentSpace, Tensor]:
        space = parse(spec).to(dtype)
        parameters = torch.randn(count, space.parameter_size, dtype=dtype)
        return space, parameters.requires_grad_()

    return make
