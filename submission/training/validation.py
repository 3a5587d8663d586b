"""Early stopping on the ELBO of held-out images (Davidson et al. 2019)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from submission.data.batches import ImageBatches, at_once
from submission.device import seeded_randomness
from submission.models.vae import VAE
from submission.objectives.base import ForwardPass
from submission.run import Run
from submission.training.logs import JsonLines

BATCH = 1024
NEVER = float("-inf")


@dataclass
class Validation:
    """Measures held-out images during training, and keeps the best weights.

    The ELBO has weight one on the KL whatever the objective's weights are, so that warm-up and annealing do not move
    it; its noise is the same each time. Training's generators are left as they were.

    Attributes:
        model: the weights that are measured, updated in place by training.
        images: indices of the held-out images.
        every: updates between two measurements (an epoch).
        patience: updates without a better ELBO after which ``exhausted`` is true; 0 for never.
        best, best_step: the highest ELBO so far, in nats per image, and its update.
        weights: the state dict of ``model`` at ``best_step``.
    """

    folder: Run
    model: VAE
    feed: ImageBatches
    images: Tensor
    seed: int
    every: int
    patience: int
    best: float = NEVER
    best_step: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict, repr=False)
    _log: JsonLines | None = field(default=None, repr=False)

    def due(self, step: int, finished: bool = False) -> bool:
        """Whether to measure the weights after ``step`` updates: at an epoch's end, or the end of a run."""
        return (step % self.every == 0) != finished

    def measure(self, step: int) -> float:
        """Measure and log the weights after ``step`` updates, and keep them if they are the best so far.

        Returns:
            The ELBO. The caller reports one that is not finite; nothing is written then.
        """
        elbo = self.elbo()
        if not math.isfinite(elbo):
            return elbo
        if elbo > self.best:
            self.best, self.best_step = elbo, step
            self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        self._log = self._log or JsonLines(self.folder.validation_file, step - 1)
        self._log.write({"step": step, "elbo": elbo, "best_step": self.best_step, "best": self.best})
        return elbo

    @torch.no_grad()
    def elbo(self) -> float:
        """Mean ELBO of the held-out images, one sample each, of the model in evaluation mode."""
        with seeded_randomness(self.seed, self.feed.device), evaluating(self.model):
            values = [self._elbos(part) for part in self.images.split(at_once(BATCH, *self.model.image_shape[:2]))]
        return float(torch.cat(values).double().mean())

    def _elbos(self, indices: Tensor) -> Tensor:
        run = ForwardPass.of(self.model, self.feed(indices))
        return run.log_likelihood - run.kl.sum(-1)

    def exhausted(self, step: int) -> bool:
        """Whether ``patience`` updates have passed since the best ELBO."""
        return 0 < self.patience <= step - self.best_step

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it, the best weights among it, so that they always belong to the same run."""
        return {"validation": {"best": self.best, "best_step": self.best_step}, "best_model": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state`` returned."""
        self.best, self.best_step = state["validation"]["best"], state["validation"]["best_step"]
        self.weights = {name: value.to(self.feed.device) for name, value in state["best_model"].items()}

    def finalise(self) -> None:
        """Put the best weights into the model."""
        if self.best_step:
            self.model.load_state_dict(self.weights)


@contextlib.contextmanager
def evaluating(model: VAE) -> Iterator[None]:
    """``model`` in evaluation mode: dropout is off, and batch normalisation neither uses nor updates these images."""
    modes = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training
