"""Which precision the networks' products are computed in; sums, densities and the optimiser stay in float32."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from submission.configuration.settings import TrainSettings
from submission.device import NO_UNITS, multiplies_bfloat16
from submission.models.vae import VAE
from submission.objectives import Objective, TrainingPosition
from submission.training.cuda_graph import EAGER_UPDATES, on_device
from submission.training.mixed_step import make_step
from submission.training.step import SingleUpdate

logger = logging.getLogger(__name__)

TRIALS = 3
GAIN = 1.1
TOLERANCE = 0.01
ALIKE, LARGE = 0.6, 1000
"""Least cosine between two precisions' updates of a weight, and the numbers from which a weight counts."""


@dataclass(frozen=True)
class Trial:
    """A few updates of copies of model and objective on one batch.

    Attributes:
        seconds: of the fastest.
        loss: the last one.
        moves: what the first update added to each large weight.
    """

    seconds: float
    loss: float
    moves: tuple[Tensor, ...]


def resolve(model: VAE, objective: Objective, settings: TrainSettings, images: Tensor) -> str:
    """``settings.precision``, or for ``auto`` the faster of float32 and bfloat16 on copies of the model.

    bfloat16 is taken where the device has units for it, a few updates on ``images`` are at least 1.1 times as fast,
    the last loss agrees with float32's to one per cent, and the first update moves every layer the same way.
    """
    if settings.precision != "auto":
        return settings.precision
    if not multiplies_bfloat16(images.device):
        return "float32"
    exact, mixed = (trial(model, objective, settings, images, name) for name in ("float32", "bfloat16"))
    faster = mixed.seconds * GAIN < exact.seconds
    return "bfloat16" if faster and accurate(exact, mixed) else "float32"


def accurate(exact: Trial, mixed: Trial) -> bool:
    """Whether losses and first updates agree. (Adam's first update is little more than the gradient's sign.)"""
    pairs = zip(exact.moves, mixed.moves, strict=True)
    alike = [float(cosine_similarity(first.flatten(), second.flatten(), 0)) for first, second in pairs]
    return abs(mixed.loss - exact.loss) <= TOLERANCE * abs(exact.loss) and all(value > ALIKE for value in alike)


def warn_if_slow(settings: TrainSettings, device: torch.device) -> None:
    """Warn where bfloat16 was asked for and is slow."""
    if settings.precision == "bfloat16" and not multiplies_bfloat16(device):
        logger.warning("%s: float32 is more exact and tens of times faster here (--precision auto chooses)", NO_UNITS)


def trial(model: VAE, objective: Objective, settings: TrainSettings, images: Tensor, precision: str) -> Trial:
    """Train copies of ``model`` and ``objective`` on ``images`` for a moment."""
    own = copy.deepcopy(model)
    step = make_step(own, copy.deepcopy(objective), settings, precision)
    update = on_device(SingleUpdate(step), images.device)
    warm_up = EAGER_UPDATES + 1 if images.is_cuda else 1
    coefficients = {**objective.coefficients(TrainingPosition(0, 1)), "ema_share": 1.0}
    torch.manual_seed(settings.seed)
    seconds, loss, moves = [], float("nan"), tuple[Tensor, ...]()
    for _ in range(warm_up + TRIALS):
        start = time.perf_counter()
        loss = float(update(images, coefficients)[0].loss.detach())  # waits for the device
        seconds.append(time.perf_counter() - start)
        moves = moves or moved(model, own)
    return Trial(min(seconds[warm_up:]), loss, moves)


def moved(start: VAE, end: VAE) -> tuple[Tensor, ...]:
    """Differences of the weights that are large enough for a direction to mean something."""
    pairs = zip(start.parameters(), end.parameters(), strict=True)
    return tuple((after - before).detach() for before, after in pairs if before.numel() >= LARGE)
