"""The interface of objectives: a batch of images and a model → the loss to minimise and the terms worth logging."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from submission.latent.base import LatentSpace, Posterior
from submission.latent.estimators import add_score_terms
from submission.objectives.model import Model
from submission.objectives.reconstruction import log_density
from submission.objectives.schedules import TrainingPosition, WarmUp

Coefficients = Mapping[str, float | Tensor]
"""Scheduled weights of one step: floats, or 0-d tensors that a captured CUDA graph reads again at each replay."""


@dataclass(frozen=True)
class Terms:
    """What one batch gave; every value is a tensor, so that nothing waits for the device.

    Attributes:
        loss: to be minimised, 0-d, differentiable, in nats per image.
        scalars: 0-d tensors without gradient: ``loss``, ``reconstruction`` (−log p(x|z)), ``kl``, ``elbo``, one
            ``kl/<factor>`` per factor of a product, and what the objective adds. Nats per image.
        component_kl: batch mean of the KL of each of the space's C components, (C,), without gradient.
        posterior: q(z|x) of the batch, for its ``statistics``.
    """

    loss: Tensor
    scalars: dict[str, Tensor]
    component_kl: Tensor = field(repr=False)
    posterior: Posterior = field(repr=False)


@dataclass
class ForwardPass:
    """One way through the model with one sample per image, in float32 wherever it is summed.

    Attributes:
        posterior: q(z|x) of the batch.
        z: samples (n, ambient_size).
        kl: KL(q(z|x) ‖ p(z)) per image and component (n, C).
        log_likelihood: log p(x|z) (n,).
        cost: −log p(x|z) on average (0-d), taken here so that gradients add up in one order whatever the penalty.
    """

    posterior: Posterior
    z: Tensor
    kl: Tensor
    log_likelihood: Tensor

    def __post_init__(self) -> None:
        self.cost = -self.log_likelihood.mean()

    @classmethod
    def of(cls, model: Model, images: Tensor) -> ForwardPass:
        """Encode, sample and decode ``images`` (n, channels, height, width); networks follow the caller's autocast."""
        posterior, z, kl = draw(model.space, model.encode(images).float())
        return cls(posterior, z, kl, add_score_terms(posterior, z, log_density(model, model.decode(z), images)))

    def terms(self, space: LatentSpace, penalty: Tensor, coefficients: Coefficients, **more: Tensor) -> Terms:
        """Terms of this pass with a ``penalty`` (0-d, nats per image) on the latents; ``more`` are scalars to log."""
        component_kl = self.kl.detach().mean(0)
        kl, log_likelihood = component_kl.sum(), self.log_likelihood.detach().mean()
        loss = self.cost + coefficients.get("warm_up", 1.0) * penalty
        scalars = {"loss": loss, "reconstruction": -log_likelihood, "kl": kl, "elbo": log_likelihood - kl}
        scalars |= factor_kl(space, component_kl) | more
        return Terms(loss, {name: value.detach() for name, value in scalars.items()}, component_kl, self.posterior)


def draw(space: LatentSpace, parameters: Tensor) -> tuple[Posterior, Tensor, Tensor]:
    """Posterior of encoder output (n, parameter_size), one sample per image and its KL, as in ``ForwardPass``."""
    with torch.autocast(parameters.device.type, enabled=False):
        posterior = space.posterior(parameters)
        z = posterior.rsample()
        return posterior, z, posterior.kl(z)


class Objective(nn.Module, ABC):
    """A loss over batches; a module, because some objectives learn something of their own (FactorVAE).

    The trainer's step::

        coefficients = objective.coefficients(TrainingPosition(step, total_steps))
        terms = objective.terms(model, images, coefficients)
        terms.loss.backward()
        optimizer.step()
        objective.update()

    ``state_dict`` holds everything that an exact resume needs, the objective's own optimiser included.

    Attributes:
        batches: independent batches that ``terms`` takes per step, stacked in ``images``.
        warm_up: the weight, over the first updates, of everything but the reconstruction.
    """

    batches: int = 1

    def __init__(self, warm_up: int = 0) -> None:
        super().__init__()
        self.warm_up = WarmUp(warm_up)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """The scheduled weights at ``position``, by name; they are worth logging, too."""
        return {"warm_up": self.warm_up(position)}

    @abstractmethod
    def terms(self, model: Model, images: Tensor, coefficients: Coefficients) -> Terms:
        """Loss and terms of ``images`` (batches·n, channels, height, width), floats in [0, 1]."""

    def update(self) -> None:
        """Step whatever the objective learns itself, after the loss's backward pass; nothing by default."""


class PassObjective(Objective):
    """An objective that learns nothing itself and needs one ``ForwardPass`` of a model, however it was computed.

    Several models whose networks run as one program can be trained by it (``submission.training.multi_seed``).
    """

    def terms(self, model: Model, images: Tensor, coefficients: Coefficients) -> Terms:
        """Loss and terms of ``images`` (n, channels, height, width)."""
        return self.loss_from(ForwardPass.of(model, images), model.space, coefficients)

    @abstractmethod
    def loss_from(self, run: ForwardPass, space: LatentSpace, coefficients: Coefficients) -> Terms:
        """Loss and terms of one pass through a model with the latent space ``space``."""


def factor_kl(space: LatentSpace, component_kl: Tensor) -> dict[str, Tensor]:
    """``kl/<factor>`` per factor of a product space from the KL of its components (C,); empty for other spaces."""
    columns = factor_columns(space)
    if len(columns) < 2:
        return {}
    return {f"kl/{factor}": component_kl[start:stop].sum() for factor, (start, stop) in enumerate(columns)}


def factor_columns(space: LatentSpace) -> list[tuple[int, int]]:
    """Half-open ranges of components that belong to each factor of a product, in order."""
    factors = [component.factor for component in space.components]
    starts = [index for index, factor in enumerate(factors) if index == 0 or factor != factors[index - 1]]
    return list(zip(starts, [*starts[1:], len(factors)], strict=True))


def component_of_column(space: LatentSpace) -> Tensor:
    """Index of the component that each column of an ambient sample belongs to, (ambient_size,)."""
    sizes = torch.tensor([component.stop - component.start for component in space.components])
    return torch.arange(len(sizes)).repeat_interleave(sizes)
