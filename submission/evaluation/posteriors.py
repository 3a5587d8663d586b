"""Posteriors of a trained model for ``submission.metrics.mig_chen``: samples, and densities by component."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.data import GroundTruthDataset, ImageBatches, ImageDataset
from submission.device import seeded_randomness
from submission.evaluation.likelihood import batch_of
from submission.evaluation.representation import ScoredRepresentation
from submission.latent.base import LatentSpace
from submission.metrics.base import PosteriorTable, Sampler
from submission.models.vae import VAE
from submission.progress import Progress
from submission.run import Run

Rows = npt.NDArray[np.int64]


class SpacePosteriors:
    """q(z|x) of N images over a latent space.

    Args:
        space: the latent space; densities are with respect to the Riemannian volume of each component.
        parameters: the encoder's output (N, parameter_size).
    """

    def __init__(self, space: LatentSpace, parameters: Tensor) -> None:
        self.components = len(space.components)
        self._space, self._parameters = space, parameters

    def __len__(self) -> int:
        return len(self._parameters)

    def sample(self, rows: Rows, random_state: np.random.RandomState) -> Tensor:
        """Samples (n, ambient_size) of the posteriors of ``rows`` (n,), seeded from ``random_state``."""
        with seeded_randomness(int(random_state.randint(2**31 - 1))), torch.inference_mode():
            return self._space.posterior(self._parameters[torch.from_numpy(rows)]).rsample()

    def log_density(self, samples: Tensor, rows: Rows) -> npt.NDArray[np.float64]:
        """Log density (s, n, C) of samples (s, ambient_size) under the posteriors of ``rows`` (n,)."""
        with torch.inference_mode():
            posterior = self._space.posterior(self._parameters[torch.from_numpy(rows)])
            return posterior.log_prob(samples[:, None]).double().numpy()


def model_posteriors(model: VAE, dataset: ImageDataset, indices: npt.NDArray[np.integer]) -> SpacePosteriors:
    """The posteriors of the images ``indices`` (N,)."""
    model.eval()
    with torch.inference_mode():
        batches = ImageBatches(dataset).iterate(indices, batch_of(dataset))
        return SpacePosteriors(model.space, torch.cat([model.encode(images).float() for images in batches]))


def with_posteriors(scored: ScoredRepresentation, run: Run, dataset: GroundTruthDataset) -> ScoredRepresentation:
    """``scored`` with samplers that give the posteriors of all images by the run's model, encoded when asked for."""

    @functools.cache
    def table() -> PosteriorTable:
        everything = np.arange(len(dataset))
        return PosteriorTable(model_posteriors(run.model(), dataset, everything), dataset.factors(everything))

    def sampler(seed: int, progress: Progress) -> Sampler:
        made = scored.sampler(seed, progress)
        made.posteriors = table
        return made

    return replace(scored, sampler=sampler)
