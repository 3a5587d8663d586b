"""Codes of images by a run's model, and the information in each component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from submission.data import ImageBatches, ImageDataset
from submission.device import seeded_randomness
from submission.evaluation.likelihood import batch_of
from submission.latent.base import LatentSpace
from submission.latent.families import COLLAPSED
from submission.metrics.base import Blocks
from submission.models.vae import VAE
from submission.run import Run


@dataclass(frozen=True)
class Latents:
    """What one run makes of the images.

    Attributes:
        codes: what the decoder sees of the posteriors' centres (N, decoder_size), float32; on projective spaces these
            do not depend on the sign of the centre, which is arbitrary.
        kl: mean KL divergence (decoder_size,) in nats of the component that each column belongs to.
        blocks: the columns of each component, or ISA subspace.
        threshold: KL in nats up to which a component has collapsed and UDR leaves it out: the one that training, plots
            and reports use.
    """

    codes: npt.NDArray[np.float32]
    kl: npt.NDArray[np.float64]
    blocks: Blocks
    threshold: float

    @property
    def informative(self) -> int:
        """Number of blocks with a KL above the threshold."""
        return sum(bool((self.kl[list(block)] > self.threshold).any()) for block in self.blocks)


def run_latents(folder: Run, dataset: ImageDataset, indices: npt.NDArray[np.integer], seed: int = 0) -> Latents:
    """``encode`` with the trained model of a run folder."""
    return encode(folder.model(), dataset, indices, seed)


def encode(model: VAE, dataset: ImageDataset, indices: npt.NDArray[np.integer], seed: int) -> Latents:
    """Codes and KL divergences of the images ``indices`` (N,); ``seed`` is that of samples where a KL needs them."""
    model.eval()
    codes, kl = [], []
    with seeded_randomness(seed), torch.inference_mode():
        for images in ImageBatches(dataset).iterate(indices, batch_of(dataset)):
            parameters = model.encode(images).float()
            posterior = model.space.posterior(parameters)
            codes.append(model.space.representation(parameters, "ambient"))
            kl.append(posterior.kl(posterior.rsample()).double())
    blocks = [list(range(block.start, block.stop)) for block in model.space.blocks("ambient")]
    columns = column_kl(model.space, torch.cat(kl).mean(0).numpy())
    return Latents(torch.cat(codes).numpy(), columns, blocks, COLLAPSED)


def column_kl(space: LatentSpace, kl: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """KL (decoder_size,) of the component that each column belongs to, from that of the C components (C,)."""
    components = zip(space.components, kl, strict=True)
    columns: list[float] = []
    for block in space.blocks("ambient"):
        width = block.stop - block.start
        component, own = next(components)
        if component.topology == "line" and component.stop - component.start < width:  # coordinates of a subspace
            columns += [own, *(next(components)[1] for _ in range(width - 1))]
        else:
            columns += [own] * width
    return np.array(columns)
