"""ELBO and the objectives that weight its KL: β-VAE, per-factor β, KL warm-up, capacity annealing, free bits."""

from __future__ import annotations

import torch
from torch import Tensor

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.objectives.base import Coefficients, ForwardPass, PassObjective, Terms, factor_columns
from submission.objectives.schedules import WARM_UP, Schedule, TrainingPosition, weight


class BetaVAE(PassObjective):
    """−E log p(x|z) + β·KL (Higgins et al. 2017; Stühmer et al. (2020), eq. 2); the negative ELBO at β = 1.

    A schedule for β is KL warm-up (Davidson et al.). With ``factor_betas`` each factor of a product space has its own
    weight, on top of β (Davidson et al. (2019), appendix B, suggests it against ignored factors).

    Args:
        space: the model's latent space.
        dataset_size: images of the training set (taken by every objective, needed by β-TCVAE).
        beta: weight of the KL, or a schedule of it.
        factor_betas: one weight per factor of the product, in order; () for all ones.
        warm_up: updates over which the penalty's weight rises from 0 to 1, a tenth of the run at most.
    """

    weights: Tensor

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        beta: float | Schedule = 1.0,
        factor_betas: tuple[float, ...] = (),
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(warm_up)
        self.beta = weight("beta", beta)
        self.register_buffer("weights", component_weights(space, factor_betas), persistent=False)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """β at ``position``."""
        return super().coefficients(position) | {"beta": self.beta(position)}

    def loss_from(self, run: ForwardPass, space: LatentSpace, coefficients: Coefficients) -> Terms:
        """Loss and terms of one pass."""
        return run.terms(space, self.penalty(run.kl, coefficients), coefficients)

    def penalty(self, kl: Tensor, coefficients: Coefficients) -> Tensor:
        """What the KL per image and component (n, C) costs, in nats per image."""
        return coefficients["beta"] * (kl * self.weights).sum(-1).mean()


class CapacityAnnealing(BetaVAE):
    """−E log p(x|z) + β·|KL − C| with C annealed (Rey (2020), eq. 2, after Burgess et al. 2018).

    There is no warm-up: C itself keeps the KL from zero.

    Args:
        space, dataset_size, beta, factor_betas: as for ``BetaVAE``.
        capacity: C in nats, usually ``Linear(C_min, C_max)``.
        per_image: take |KL − C| image by image, as equation 2 reads literally, instead of for the batch's mean KL,
            which lets easy images use less than C and hard ones more.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        beta: float | Schedule = 1.0,
        capacity: float | Schedule = 0.0,
        factor_betas: tuple[float, ...] = (),
        per_image: bool = False,
    ) -> None:
        super().__init__(space, dataset_size, beta, factor_betas, warm_up=0)
        self.capacity = weight("capacity", capacity)
        self.per_image = per_image

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """β and C at ``position``."""
        return super().coefficients(position) | {"capacity": self.capacity(position)}

    def penalty(self, kl: Tensor, coefficients: Coefficients) -> Tensor:
        """β·|KL − C|."""
        total = (kl * self.weights).sum(-1)
        total = total if self.per_image else total.mean()
        return coefficients["beta"] * (total - coefficients["capacity"]).abs().mean()


class FreeBits(BetaVAE):
    """−E log p(x|z) + β·Σ_c max(λ, KL_c): the first λ nats of each component are free (Kingma et al. 2016).

    The maximum is taken of the batch's mean KL, component by component.

    Args:
        space, dataset_size, beta, factor_betas, warm_up: as for ``BetaVAE``.
        free: λ in nats per component, or a schedule of it.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        beta: float | Schedule = 1.0,
        free: float | Schedule = 0.0,
        factor_betas: tuple[float, ...] = (),
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(space, dataset_size, beta, factor_betas, warm_up)
        self.free = weight("free", free)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """β and λ at ``position``."""
        return super().coefficients(position) | {"free": self.free(position)}

    def penalty(self, kl: Tensor, coefficients: Coefficients) -> Tensor:
        """β·Σ_c max(λ, mean KL_c)."""
        return coefficients["beta"] * (kl.mean(0).clamp(min=coefficients["free"]) * self.weights).sum()


def component_weights(space: LatentSpace, factor_betas: tuple[float, ...]) -> Tensor:
    """The weight of each component (C,) from one weight per factor; ones where ``factor_betas`` is empty."""
    columns = factor_columns(space)
    for value in factor_betas:
        weight("factor_betas", value)
    if not factor_betas:
        return torch.ones(len(space.components))
    if len(factor_betas) != len(columns):
        raise UsageError(
            f"{len(factor_betas)} factor_betas for the {len(columns)} factors of {space.spec}", "give one per factor"
        )
    sizes = torch.tensor([stop - start for start, stop in columns])
    return torch.tensor(factor_betas, dtype=torch.float32).repeat_interleave(sizes)
