"""One update: the place where a faster way to do the same goes in.

The loop knows only ``Step``. Another implementation (fused kernels, captured graphs) has to keep the meaning: the same
parameters named the same way in ``state``, terms without waiting for the device.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from submission.models.vae import VAE
from submission.objectives import Coefficients, Objective, Terms
from submission.training.settings import TrainSettings


class Step(Protocol):
    """One update of a model."""

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """Update the weights with ``images`` (batches·n, C, H, W) in [0, 1]; the terms are those before the update."""

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
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            eps=settings.epsilon,
            fused=True,
        )

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """One update."""
        terms = self.objective.terms(self.model, images, coefficients)
        terms.loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.objective.update()
        return terms

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
