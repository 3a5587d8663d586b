"""One update of a model: gradients and Adam, everything in float32."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from submission.configuration.settings import TrainSettings
from submission.models.vae import VAE
from submission.objectives import Coefficients, Objective, Terms, TrainingPosition
from submission.objectives.adam import Adam, advance
from submission.training.ema import WeightAverage


class EagerStep:
    """Autograd and fused Adam, everything in float32.

    Args:
        model, objective: on the training device already.
        settings: the optimiser's numbers.
    """

    def __init__(self, model: VAE, objective: Objective, settings: TrainSettings) -> None:
        self.model, self.objective = model, objective
        self.optimizer = adam(model.parameters(), settings)
        self.average = WeightAverage(model) if settings.ema else None

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """Update the weights.

        Args:
            images: (batches·n, C, H, W) in [0, 1].
            coefficients: the scheduled weights of this update.

        Returns:
            The terms before the update, on the device; nothing waits for it.
        """
        terms = self.objective.terms(self.model, images, coefficients)
        terms.loss.backward()
        advance(self.optimizer, coefficients.get("learning_rate"))
        self.follow(coefficients)
        self.objective.update()
        return terms

    def follow(self, coefficients: Coefficients) -> None:
        """Bring the average of the weights, where there is one, up to date."""
        if self.average is not None:
            self.average.update(coefficients["ema_share"])

    def discard(self) -> None:
        """Drop gradients that an update which failed has left."""
        self.model.zero_grad()
        self.objective.zero_grad()

    def state(self) -> dict[str, Any]:
        """State dicts of ``model``, ``objective``, ``optimizer`` and, where the weights are averaged, ``average``."""
        average = {} if self.average is None else {"average": self.average.model.state_dict()}
        return {
            "model": self.model.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **average,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Load what ``state`` returned."""
        self.model.load_state_dict(state["model"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])


def adam(weights: Iterable[Tensor], settings: TrainSettings) -> Adam:
    """The optimiser, one kernel for all weights."""
    betas = (settings.beta1, settings.beta2)
    rate = settings.rate(TrainingPosition(1, 2)) or 1e-3  # a scheduled rate replaces it in every update
    return Adam(weights, lr=rate, betas=betas, eps=settings.epsilon, fused=True)


def has_statistics(layer: nn.Module) -> bool:
    """Whether training updates statistics of a layer's inputs in it, as in batch normalisation."""
    return isinstance(layer, _NormBase) and layer.training and layer.running_mean is not None


class SingleUpdate:
    """One model's step in the form of several models' (see ``cuda_graph.Update``)."""

    def __init__(self, step: EagerStep) -> None:
        self.step = step

    def __call__(self, images: Tensor, *coefficients: Coefficients) -> tuple[Terms, ...]:
        """One update; a tuple of its terms."""
        return (self.step(images, *coefficients),)

    def discard(self) -> None:
        """Drop gradients that an update which failed has left."""
        self.step.discard()
