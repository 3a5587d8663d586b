"""DIP-VAE-I and -II: a penalty on the distance of the codes' covariance from the prior's (Kumar et al. 2018)."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.latent.moments import Moments, moments
from submission.objectives.base import (
    Coefficients,
    ForwardPass,
    PassObjective,
    Terms,
    component_of_column,
)
from submission.objectives.schedules import WARM_UP, Schedule, TrainingPosition, weight


class DisentangledInferredPrior(PassObjective):
    """−ELBO + λ_od·‖Cov off its blocks‖² + λ_d·‖Cov's blocks − I‖², norms of Frobenius.

    Coordinates are ambient ones, divided by the prior's standard deviation, so that the prior's covariance is I. A
    block belongs to one component: on R^n it is one number, which gives Kumar et al.'s (2018) equations 6 and 7; on a
    sphere it has d + 1 coordinates and is taken as a whole, so that turning the sphere does not change the penalty.

    Args:
        space: the model's latent space; one whose posteriors' moments are known (``submission.latent.moments``).
        dataset_size: images of the training set (not used).
        off_diagonal: λ_od, weight of the covariances between components, or a schedule of it.
        diagonal: λ_d, weight of the covariances inside components, or a schedule of it.
        warm_up: updates over which the weight of everything but the reconstruction rises from 0 to 1, a tenth of the
            run at most.

    Raises:
        UsageError: the moments of the space's posteriors are not known.
    """

    same: Tensor

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        off_diagonal: float | Schedule,
        diagonal: float | Schedule,
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(warm_up)
        probe = torch.zeros(2, space.parameter_size)
        if moments(space.posterior(probe)) is None:
            what = f"DIP-VAE needs a prior with a known covariance, which {space.spec} does not have"
            raise UsageError(what, "choose R^n, spheres, tori of circles, ISA, or products of them")
        self.off_diagonal, self.diagonal = weight("off_diagonal", off_diagonal), weight("diagonal", diagonal)
        owner = component_of_column(space)
        self.register_buffer("same", owner[:, None] == owner, persistent=False)

    def coefficients(self, position: TrainingPosition) -> dict[str, float]:
        """λ_od and λ_d at ``position``."""
        weights = {"off_diagonal": self.off_diagonal(position), "diagonal": self.diagonal(position)}
        return super().coefficients(position) | weights

    def loss_from(self, run: ForwardPass, space: LatentSpace, coefficients: Coefficients) -> Terms:
        """Loss and terms of one pass."""
        with torch.autocast(run.z.device.type, enabled=False):
            found = moments(run.posterior)
            assert found is not None
            squares = (self.covariance(found) - torch.eye(len(self.same), device=self.same.device)).square()
        inside, between = (squares * self.same).sum(), (squares * ~self.same).sum()
        penalty = run.kl.sum(-1).mean() + coefficients["off_diagonal"] * between + coefficients["diagonal"] * inside
        return run.terms(space, penalty, coefficients, covariance_between=between, covariance_inside=inside)

    @abstractmethod
    def covariance(self, found: Moments) -> Tensor:
        """The covariance (A, A) that is drawn to the prior's, of the batch."""


class DipVAE1(DisentangledInferredPrior):
    """DIP-VAE-I: the covariance of the posterior means (Kumar et al. 2018, equation 6).

    Args:
        space, dataset_size, warm_up: see ``DisentangledInferredPrior``.
        off_diagonal: λ_od; the study of Locatello et al. (2019) takes 1, 2, 5, 10, 20, 50.
        diagonal: λ_d; 10·λ_od there.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        off_diagonal: float | Schedule = 10.0,
        diagonal: float | Schedule = 100.0,
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(space, dataset_size, off_diagonal, diagonal, warm_up)

    def covariance(self, found: Moments) -> Tensor:
        """Cov E[z|x]."""
        return batch_covariance(found.mean)


class DipVAE2(DisentangledInferredPrior):
    """DIP-VAE-II: the covariance of the aggregate posterior (Kumar et al. 2018, equation 7).

    Args:
        space, dataset_size, warm_up: see ``DisentangledInferredPrior``.
        off_diagonal: λ_od; the study of Locatello et al. (2019) takes 1, 2, 5, 10, 20, 50.
        diagonal: λ_d; equal to λ_od there.
    """

    def __init__(
        self,
        space: LatentSpace,
        dataset_size: int,
        off_diagonal: float | Schedule = 10.0,
        diagonal: float | Schedule = 10.0,
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(space, dataset_size, off_diagonal, diagonal, warm_up)

    def covariance(self, found: Moments) -> Tensor:
        """E Cov[z|x] + Cov E[z|x]."""
        return found.covariance + batch_covariance(found.mean)


def batch_covariance(values: Tensor) -> Tensor:
    """Covariance (A, A) of ``values`` (n, A): sums are divided by n, as in the study's code."""
    centred = values - values.mean(0)
    return centred.t() @ centred / len(values)
