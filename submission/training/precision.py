"""Which precision the networks' products are computed in; sums, densities and the optimiser stay in float32."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import torch
from torch import Tensor

from submission.models.vae import VAE
from submission.objectives import Objective, TrainingPosition
from submission.training.captured import WARM_UP, quick_step
from submission.training.mixed_step import make_step
from submission.training.settings import TrainSettings

TRIALS = 3
GAIN = 1.1
TOLERANCE = 0.01
UNITS = ("avx512_bf16", "amx_bf16", " bf16")


def resolve(model: VAE, objective: Objective, settings: TrainSettings, images: Tensor) -> str:
    """``settings.precision``, or for ``auto`` the faster of float32 and bfloat16 on copies of the model.

    bfloat16 is taken where the device has units for it, a few updates on ``images`` are at least 1.1 times as fast,
    and the last loss agrees with float32's to one per cent.
    """
    if settings.precision != "auto":
        return settings.precision
    if not has_units(images.device):
        return "float32"
    seconds, loss = trial(model, objective, settings, images, "float32")
    seconds_16, loss_16 = trial(model, objective, settings, images, "bfloat16")
    accurate = abs(loss_16 - loss) <= TOLERANCE * abs(loss)
    return "bfloat16" if accurate and seconds_16 * GAIN < seconds else "float32"


def has_units(device: torch.device) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and any(unit in cpuinfo.read_text() for unit in UNITS)


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
