"""β-TCVAE, which weights the parts of the KL: mutual information, total correlation, dimension-wise KL."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from submission.errors import UsageError
from submission.latent.base import LatentSpace, Posterior
from submission.objectives.aggregate import aggregate_log_prob
from submission.objectives.base import Coefficients, ForwardPass, PassObjective, Terms
from submission.objectives.schedules import WARM_UP, Schedule, TrainingPosition, weight


class BetaTCVAE(PassObjective):
    """−E log p(x|z) + α·MI + β·TC + γ·dimension-wise KL (Chen et al. 2018; Stühmer et al. (2020), eq. 3).

    On any space whose posterior has a density: the parts whose dependence is penalised are the space's components.
    With KL from the posterior itself, only MI and TC are estimated from the batch: the penalty is
    γ·KL + (α − γ)·MI + (β − γ)·TC, which is the negative ELBO exactly when all weights are one.

    Args:
        space, dataset_size: the model's latent space, the number N of training images.
        beta: weight of the total correlation, or a schedule of it.
        alpha, gamma: weights of the mutual information and the dimension-wise KL.
        weights: ``stratified`` or ``weighted`` (minibatch-stratified or -weighted sampling).
        warm_up: updates over which the penalty's weight rises from 0 to 1, a tenth of the run at most.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        beta: float | Schedule = 1.0,
        alpha: float = 1.0,
        gamma: float = 1.0,
        weights: str = "stratified",
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(warm_up)
        self.dataset_size, self.weights = dataset_size, known_weights(weights)
        self.beta, self.alpha, self.gamma = weight("beta", beta), alpha, gamma
        for name, value in {"alpha": alpha, "gamma": gamma}.items():
            weight(name, value)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """β at ``position``."""
        return super().coefficients(position) | {"beta": self.beta(position)}

    def loss_from(self, run: ForwardPass, space: LatentSpace, coefficients: Coefficients) -> Terms:
        """Loss and terms of one pass, among them the KL's three parts."""
        with torch.autocast(run.z.device.type, enabled=False):
            log_weights = WEIGHTS[self.weights](len(run.z), self.dataset_size, run.z.device)
            information, correlation = decompose(run.posterior, run.z, log_weights)
        kl = run.kl.sum(-1).mean()
        penalty = (
            self.gamma * kl
            + (self.alpha - self.gamma) * information
            + (coefficients["beta"] - self.gamma) * correlation
        )
        return run.terms(
            space,
            penalty,
            coefficients,
            mutual_information=information,
            total_correlation=correlation,
            dimension_kl=kl - information - correlation,
        )


class AnnealedTCVAE(PassObjective):
    """−E log p(x|z) + β·|KL − C| + γ·TC, C annealed: capacity and total correlation in one objective.

    On any space whose posterior has a density. Abdi et al. (2019) took third place in the challenge with β = 1, γ = 2
    and C from 0 to 25 nats in 2,000 updates. There is no warm-up: C itself keeps the KL from zero.

    Args:
        space, dataset_size: the model's latent space, the number N of training images.
        beta: weight of the KL's distance from C, or a schedule of it.
        capacity: C in nats, usually ``Linear(C_min, C_max)``.
        gamma: weight of the total correlation, or a schedule of it.
        weights: as for ``BetaTCVAE``.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        beta: float | Schedule = 1.0,
        capacity: float | Schedule = 0.0,
        gamma: float | Schedule = 2.0,
        weights: str = "stratified",
    ) -> None:
        super().__init__(warm_up=0)
        self.weights = known_weights(weights)
        self.dataset_size = dataset_size
        self.beta, self.capacity = weight("beta", beta), weight("capacity", capacity)
        self.gamma = weight("gamma", gamma)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """β, C and γ at ``position``."""
        own = {"beta": self.beta(position), "capacity": self.capacity(position), "gamma": self.gamma(position)}
        return super().coefficients(position) | own

    def loss_from(self, run: ForwardPass, space: LatentSpace, coefficients: Coefficients) -> Terms:
        """Loss and terms of one pass."""
        with torch.autocast(run.z.device.type, enabled=False):
            log_weights = WEIGHTS[self.weights](len(run.z), self.dataset_size, run.z.device)
            _, correlation = decompose(run.posterior, run.z, log_weights)
        distance = (run.kl.sum(-1).mean() - coefficients["capacity"]).abs()
        penalty = coefficients["beta"] * distance + coefficients["gamma"] * correlation
        return run.terms(space, penalty, coefficients, total_correlation=correlation)


def known_weights(name: str) -> str:
    """``name``; UsageError where it is not one of ``WEIGHTS``."""
    if name not in WEIGHTS:
        raise UsageError(f"unknown weights {name!r} for the total correlation", f"choose one of {', '.join(WEIGHTS)}")
    return name


def decompose(posterior: Posterior, z: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mutual information and total correlation of q(z, x), estimated on one batch; nats, 0-d.

    Args:
        posterior: q(z|x) of n images.
        z: one sample of each (n, ambient_size).
        log_weights: (n, n); row i weights the q(z_i|x_j) whose sum estimates the aggregate q(z_i).
    """
    joint = posterior.log_prob(z).sum(-1)
    aggregate, marginals = aggregate_log_prob(posterior, z, log_weights)
    return (joint - aggregate).mean(), (aggregate - marginals.sum(-1)).mean()


def stratified(batch_size: int, dataset_size: int, device: torch.device | None = None) -> Tensor:
    """Log-weights (n, n) of minibatch-stratified sampling; every row of weights sums to one.

    Image i, from which z_i was drawn, is always in the batch and represents itself: 1/N. The n − 1 others, drawn
    without replacement from N − 1, share what is left equally: (N − 1)/(N·(n − 1)). That makes Σ_j w_ij·q(z_i|x_j)
    unbiased for q(z_i) = Σ_k q(z_i|x_k)/N. (Chen et al. 2018, eq. S6, is unbiased, too, with one of the others weighted
    differently; the widely copied matrix is not, its rows do not sum to one.)
    """
    if batch_size < 2:
        return torch.zeros(batch_size, batch_size, device=device)
    total = max(dataset_size, batch_size)
    share = math.log((total - 1) / (total * (batch_size - 1)))
    return torch.full((batch_size, batch_size), share, device=device).fill_diagonal_(-math.log(total))


def weighted(batch_size: int, dataset_size: int, device: torch.device | None = None) -> Tensor:
    """Log-weights (n, n) of minibatch-weighted sampling: 1/(N·n) each (Chen et al. 2018, eq. S2), biased but smooth."""
    return torch.full((batch_size, batch_size), -math.log(batch_size * dataset_size), device=device)


WEIGHTS: dict[str, Callable[[int, int, torch.device | None], Tensor]] = {
    "stratified": stratified,
    "weighted": weighted,
}
