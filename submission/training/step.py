"""One update: the place where a faster way to do the same goes in.

The loop knows only ``Step``. Another implementation (such as ``captured``) has to keep the meaning: the same
parameters named the same way in ``state``, terms without waiting for the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor

from submission.configuration.settings import TrainSettings
from submission.models.vae import VAE
from submission.objectives import Coefficients, Objective, Terms


class Step(Protocol):
    """One update of a model."""

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """Update the weights with ``images`` (batches·n, C, H, W) in [0, 1]; the terms are those before the update."""

    def discard(self) -> None:
        """Forget gradients that an update which failed has left."""

    def state(self) -> dict[str, Any]:
        """State dicts of ``model``, ``objective`` and ``optimizer``."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` gave."""


class EagerStep:
    """Autograd and fused Adam, everything in float32.

    Args:
        model, objective: on the training device already.
        settings: the optimiser's numbers.
    """

    def __init__(self, model: VAE, objective: Objective, settings: TrainSettings) -> None:
        self.model, self.objective = model, objective
        self.optimizer = adam(model.parameters(), settings)

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """One update."""
        terms = self.objective.terms(self.model, images, coefficients)
        terms.loss.backward()
        advance(self.optimizer)
        self.objective.update()
        return terms

    def discard(self) -> None:
        """Forget gradients that an update which failed has left."""
        self.model.zero_grad()
        self.objective.zero_grad()

    def state(self) -> dict[str, Any]:
        """State dicts."""
        return {
            "model": self.model.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Load state dicts."""
        self.model.load_state_dict(state["model"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])


def adam(weights: Iterable[Tensor], settings: TrainSettings) -> torch.optim.Adam:
    """The optimiser, one kernel for all weights."""
    betas = (settings.beta1, settings.beta2)
    return torch.optim.Adam(weights, lr=settings.learning_rate, betas=betas, eps=settings.epsilon, fused=True)


def advance(optimizer: torch.optim.Adam) -> None:
    """Step along the gradients and forget them; also while a CUDA graph is captured, which Adam wants to be told."""
    for group in optimizer.param_groups:
        group["capturable"] = group["params"][0].is_cuda and torch.cuda.is_current_stream_capturing()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
