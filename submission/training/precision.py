"""Which precision the networks' products are computed in; sums, densities and the optimiser stay in float32."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor

from submission.models.vae import VAE
from submission.native.processor import SLOW, multiplies_bfloat16
from submission.objectives import Objective, TrainingPosition
from submission.training.captured import WARM_UP, quick_step
from submission.training.mixed_step import make_step
from submission.training.settings import TrainSettings

TRIALS = 3
GAIN = 1.1
TOLERANCE = 0.01


def resolve(model: VAE, objective: Objective, settings: TrainSettings, images: Tensor) -> str:
    """``settings.precision``, or for ``auto`` the faster of float32 and bfloat16 on copies of the model.

    bfloat16 is taken where the device has units for it, a few updates on ``images`` are at least 1.1 times as fast,
    and the last loss agrees with float32's to one per cent.
    """
    if settings.precision != "auto":
        return settings.precision
    if not multiplies_bfloat16(images.device):
        return "float32"
    seconds, loss = trial(model, objective, settings, images, "float32")
    seconds_16, loss_16 = trial(model, objective, settings, images, "bfloat16")
    accurate = abs(loss_16 - loss) <= TOLERANCE * abs(loss)
    return "bfloat16" if accurate and seconds_16 * GAIN < seconds else "float32"


def warn(settings: TrainSettings, device: torch.device, tell: Callable[[str], None]) -> None:
    """Tell who asks for bfloat16 where it is slow."""
    if settings.precision == "bfloat16" and not multiplies_bfloat16(device):
        tell(f"{SLOW} (--precision auto chooses)")


def trial(
    model: VAE, objective: Objective, settings: TrainSettings, images: Tensor, precision: str
) -> tuple[float, float]:
    """Seconds of the fastest of a few updates of copies on ``images``, and the last loss."""
    step = make_step(copy.deepcopy(model), copy.deepcopy(objective), settings, precision)
    quick = quick_step(step, images.device, lambda message: None)
    warm_up = 1 if quick is step else WARM_UP + 1
    coefficients = objective.coefficients(TrainingPosition(0, 1))
    torch.manual_seed(settings.seed)
    seconds, loss = [], float("nan")
    for _ in range(warm_up + TRIALS):
        start = time.perf_counter()
        loss = float(quick(images, coefficients).loss.detach())  # waits for the device
        seconds.append(time.perf_counter() - start)
    return min(seconds[warm_up:]), loss
