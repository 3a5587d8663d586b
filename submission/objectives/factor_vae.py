"""FactorVAE: total correlation by a discriminator between codes and codes with shuffled components."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from submission.latent.base import LatentSpace
from submission.objectives.adam import Adam, advance
from submission.objectives.base import Coefficients, ForwardPass, Objective, Terms, component_of_column
from submission.objectives.model import Model
from submission.objectives.schedules import WARM_UP, Schedule, TrainingPosition, weight


class FactorVAE(Objective):
    """−ELBO + γ·TC, where the discriminator's log-odds estimate TC (Kim and Mnih 2018).

    A step takes two independent batches: the first trains the model and shows the discriminator what joint codes
    look like, the second, its components shuffled across images, what independent ones look like. The
    discriminator sees codes without gradient and the model sees the discriminator's weights without gradient, so
    that one backward pass gives each side the gradient of its own loss only.

    Args:
        space: the model's latent space; components are shuffled whole.
        dataset_size: images of the training set (not used).
        gamma: weight of the total correlation, or a schedule of it.
        width, depth: the discriminator's hidden layers; Stühmer et al. (2020), A.4 has five of 1000 units.
        learning_rate: of the discriminator's Adam (betas 0.5 and 0.9, as in the paper).
        warm_up: updates over which the weight of KL and TC rises from 0 to 1, a tenth of the run at most.
    """

    batches = 2
    component_of_column: Tensor
    has_sign: Tensor

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        gamma: float | Schedule = 6.4,
        width: int = 1000,
        depth: int = 5,
        learning_rate: float = 1e-4,
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(warm_up)
        self.gamma = weight("gamma", gamma)
        self.discriminator = discriminator(space.ambient_size, width, depth)
        self.optimizer = Adam(self.discriminator.parameters(), learning_rate, (0.5, 0.9), fused=True)
        self.register_buffer("component_of_column", component_of_column(space), persistent=False)
        signed = [component.topology in ("projective", "rotation") for component in space.components]
        self.has_signs, self.components = any(signed), len(signed)
        self.register_buffer("has_sign", torch.tensor(signed)[self.component_of_column], persistent=False)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """γ at ``position``."""
        return super().coefficients(position) | {"gamma": self.gamma(position)}

    def terms(self, model: Model, images: Tensor, coefficients: Coefficients) -> Terms:
        """Loss and terms of two stacked batches ``images`` (2n, channels, height, width)."""
        first, second = images.chunk(2)
        run = ForwardPass.of(model, first)
        seen = self.either_sign(run.z)
        correlation = self.total_correlation(seen)
        penalty = run.kl.sum(-1).mean() + coefficients["gamma"] * correlation
        own = self.discriminator_loss(seen.detach(), self.shuffled(model, second))
        terms = run.terms(model.space, penalty, coefficients, total_correlation=correlation, discriminator=own)
        return replace(terms, loss=terms.loss + own)

    def either_sign(self, z: Tensor) -> Tensor:
        """Codes z (n, ambient_size) of the same points, with a random sign for each that two unit vectors represent.

        Which of the two an encoder gives is not a property of the point, nor is a dependence between two choices.
        """
        if not self.has_signs:
            return z
        flips = torch.rand(len(z), self.components, device=z.device) < 0.5
        return torch.where(flips[:, self.component_of_column] & self.has_sign, -z, z)

    def total_correlation(self, z: Tensor) -> Tensor:
        """Estimate of TC (0-d, nats) at codes z (n, ambient_size), with no gradient for the discriminator."""
        frozen = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        odds: Tensor = functional_call(self.discriminator, frozen, (z,))
        return odds.float().mean()

    def discriminator_loss(self, joint: Tensor, independent: Tensor) -> Tensor:
        """Cross entropy (0-d) of telling ``joint`` from ``independent`` codes, both (n, ambient_size)."""
        right, wrong = self.discriminator(joint).float(), self.discriminator(independent).float()
        return 0.5 * (softplus(-right).mean() + softplus(wrong).mean())

    @torch.no_grad()
    def shuffled(self, model: Model, images: Tensor) -> Tensor:
        """Codes (n, ambient_size) of ``images`` with each component shuffled across the batch on its own."""
        parameters = model.encode(images).float()
        with torch.autocast(images.device.type, enabled=False):
            z = model.space.posterior(parameters).rsample()
            z = self.either_sign(z)
        order = torch.rand(len(z), self.components, device=z.device).argsort(0)
        return z.gather(0, order[:, self.component_of_column])

    def update(self) -> None:
        """Step the discriminator along the gradient that the last backward pass left in it."""
        advance(self.optimizer)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's state, so that it travels in ``state_dict``."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the optimiser."""
        self.optimizer.load_state_dict(state)


def discriminator(inputs: int, width: int, depth: int) -> nn.Sequential:
    """An MLP from codes (n, inputs) to the log-odds (n, 1) that they are joint ones.

    One output is the difference of Stühmer et al.'s (2020) two; leaky ReLU of slope 0.2 as there.
    """
    layers: list[nn.Module] = []
    for size in [inputs, *[width] * (depth - 1)]:
        layers += [nn.Linear(size, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width, 1))
