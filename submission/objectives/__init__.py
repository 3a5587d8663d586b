"""Loss terms from one batch of a model's output; annealing schedules. A new objective is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.objectives.base import Coefficients, Objective, PassObjective, Terms
from submission.objectives.beta_tcvae import AnnealedTCVAE, BetaTCVAE
from submission.objectives.beta_vae import BetaVAE, CapacityAnnealing, FreeBits
from submission.objectives.dip_vae import DipVAE1, DipVAE2
from submission.objectives.factor_vae import FactorVAE
from submission.objectives.model import Model
from submission.objectives.schedules import Constant, Cosine, Geometric, Linear, Schedule, TrainingPosition
from submission.plugins import choices

OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "beta_vae": BetaVAE,
    "capacity": CapacityAnnealing,
    "annealed_vae": CapacityAnnealing,  # the name in the study of Locatello et al. (2019)
    "capacity_tc": AnnealedTCVAE,
    "free_bits": FreeBits,
    "beta_tcvae": BetaTCVAE,
    "factor_vae": FactorVAE,
    "dip_vae_i": DipVAE1,
    "dip_vae_ii": DipVAE2,
}
"""Name → class; called with the model's latent space, the size of the training set and the objective's own settings."""


def create(name: str, space: LatentSpace, dataset_size: int, **settings: Any) -> Objective:
    """The objective of that name for a space and a training set of ``dataset_size`` images; UsageError if unknown."""
    if name not in OBJECTIVES:
        raise UsageError(f"unknown objective {name!r}", choices(OBJECTIVES))
    return OBJECTIVES[name](space, dataset_size, **settings)


__all__ = [
    "OBJECTIVES",
    "Coefficients",
    "Constant",
    "Cosine",
    "Geometric",
    "Linear",
    "Model",
    "Objective",
    "PassObjective",
    "Schedule",
    "Terms",
    "TrainingPosition",
    "create",
]
