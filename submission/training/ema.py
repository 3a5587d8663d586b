"""An exponential moving average of a model's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from submission.models.vae import VAE


class WeightAverage:
    """A copy of a model whose weights are an average of the model's over the updates.

    After update t (from 1) the average moves towards the weights by ``share(t)``, which makes it their mean for the
    first 1/(1 − decay) updates and an exponential moving average afterwards; the initial weights have no part in it.

    Args:
        model: the weights that are averaged, updated in place by training.

    Attributes:
        model: the copy.
    """

    def __init__(self, model: VAE) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._weights: list[Tensor] = list(model.parameters())
        self._averages: list[Tensor] = list(self.model.parameters())
        self._buffers = list(zip(self.model.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, share: float | Tensor) -> None:
        """Move the average towards the weights by ``share`` of the difference; buffers are copied."""
        differences = torch._foreach_sub(self._weights, self._averages)
        torch._foreach_mul_(differences, share)
        torch._foreach_add_(self._averages, differences)
        for average, own in self._buffers:
            average.copy_(own)


def share(decay: float, done: int) -> float:
    """How far the average moves in the update after ``done`` others: max(1 − decay, 1/(done + 1))."""
    return max(1 - decay, 1 / (done + 1))
