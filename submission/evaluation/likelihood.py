"""Likelihood of held-out images under a model: importance-sampled log-likelihood, ELBO and its parts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.data import ImageBatches, ImageDataset
from submission.data.batches import at_once
from submission.device import seeded_randomness
from submission.errors import SubmissionError, UsageError
from submission.latent.base import Posterior
from submission.objectives.model import Model
from submission.objectives.reconstruction import log_density
from submission.progress import QUIET, Progress
from submission.run import Estimate, Likelihood

BATCH = 64
ROWS = 4096
"""Images encoded, and images decoded, at once; fewer where they are large."""


def batch_of(dataset: ImageDataset) -> int:
    """How many images of ``dataset`` are encoded at once."""
    return min(BATCH, at_once(ROWS, *dataset.image_shape[:2]))


def estimate(values: Tensor) -> Estimate:
    """The mean of one value per image (n,), and its standard error where there are several images."""
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else None
    return Estimate(float(values.mean()), error)


def likelihood(
    model: Model,
    dataset: ImageDataset,
    indices: npt.NDArray[np.integer],
    samples: int = 500,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress = QUIET,
) -> Likelihood:
    """Evaluate ``model`` on the images ``indices`` (n,) of ``dataset``, which should not be training images.

    The posterior is the one that training uses. Memory does not grow with n or ``samples``; the global generator is
    left as it was.

    Args:
        samples: L of the importance-sampled estimate: 500 in Davidson et al. (2019), 100 in Pérez Rey et al. (2020).
        seed: of the samples.

    Raises:
        SubmissionError: no images, no samples, or a model whose densities are not finite.
    """
    if len(indices) == 0 or samples < 1:
        raise UsageError(
            f"{len(indices)} images and {samples} samples are too few for a likelihood", "give at least one of each"
        )
    with (
        seeded_randomness(seed, device),
        torch.inference_mode(),
        progress.task("likelihood", len(indices)) as task,
    ):
        parts = []
        for images in ImageBatches(dataset, torch.device(device)).iterate(indices, batch_of(dataset)):
            parts.append(image_values(model, images, samples))
            task.advance(len(images))
    values = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    check_finite(values, indices)
    estimates = {name: estimate(column) for name, column in values.items()}
    return Likelihood(**estimates, images=len(indices), samples=samples)


def image_values(model: Model, images: Tensor, samples: int) -> dict[str, Tensor]:
    """Every quantity of ``Likelihood`` per image (n,), float64 on the CPU, of images (n, channels, height, width)."""
    posterior = model.space.posterior(model.encode(images).float())
    chunk = max(1, at_once(ROWS, *images.shape[-2:]) // len(images))
    totals = Totals(len(images))
    for start in range(0, samples, chunk):
        totals.add(*sampled(model, posterior, images, min(chunk, samples - start)))
    return totals.values()


def sampled(model: Model, posterior: Posterior, images: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Log-weights, log p(x|z), KL and squared errors (count, n) of ``count`` samples for each of n images."""
    z = posterior.rsample((count,))
    outputs = model.decode(z.flatten(0, 1)).float().unflatten(0, z.shape[:2])
    log_pixels = log_density(model, outputs, images)
    log_ratio = (model.space.prior_log_prob(z) - posterior.log_prob(z)).sum(-1)
    expected = outputs.sigmoid() if model.likelihood == "bernoulli" else outputs
    errors = (expected - images).square().flatten(2).mean(-1)
    kl = torch.stack([posterior.kl(sample).sum(-1) for sample in z])
    return log_pixels + log_ratio, log_pixels, kl, errors


class Totals:
    """Running sums over samples for n images, float64 on the CPU."""

    def __init__(self, images: int) -> None:
        self.samples = 0
        self.log_weight = torch.full((images,), -math.inf, dtype=torch.float64)
        self.log_square = self.log_weight.clone()
        self.sums = torch.zeros(3, images, dtype=torch.float64)

    def add(self, log_weights: Tensor, *terms: Tensor) -> None:
        """Take in more samples: log-weights, log p(x|z), KL and squared errors, (samples, n) each."""
        log_weights = log_weights.cpu().double()
        self.samples += len(log_weights)
        self.log_weight = torch.logaddexp(self.log_weight, log_weights.logsumexp(0))
        self.log_square = torch.logaddexp(self.log_square, (2 * log_weights).logsumexp(0))
        self.sums += torch.stack([term.cpu().double().sum(0) for term in terms])

    def values(self) -> dict[str, Tensor]:
        """Every quantity of ``Likelihood`` per image."""
        log_pixels, kl, errors = self.sums / self.samples
        return {
            "log_likelihood": self.log_weight - math.log(self.samples),
            "elbo": log_pixels - kl,
            "kl": kl,
            "reconstruction": -log_pixels,
            "mse": errors,
            "effective_samples": (2 * self.log_weight - self.log_square).exp(),
        }


def check_finite(values: dict[str, Tensor], indices: npt.NDArray[np.integer]) -> None:
    """Refuse NaN and infinities, naming the quantity and the first image that gives one."""
    for name, column in values.items():
        bad = (~column.isfinite()).nonzero().flatten()
        if len(bad):
            raise SubmissionError(
                f"{name} of image {int(indices[int(bad[0])])} is {float(column[bad[0]])}",
                "the model's weights or this image are broken; try an earlier checkpoint",
            )
