"""Codes and posteriors of images by a model, as arrays for figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.data import GroundTruthDataset, ImageDataset
from submission.data.batches import at_once
from submission.device import seeded_randomness
from submission.latent.base import Component, LatentSpace
from submission.metrics.information import discretise, entropies, mutual_information
from submission.models.vae import VAE

MOST = 4_096
BATCH = 512
BINS = 20
LONGEST = 12
"""Letters of a label beside an axis."""


@dataclass(frozen=True)
class Encoded:
    """Posteriors of N images over a latent space with C components.

    Attributes:
        space: the latent space.
        parameters: the encoder's output (N, parameter_size).
        centres: centres of the posteriors (N, ambient_size), as points of the space.
        kl: KL divergence from the prior per component (N, C), in nats.
        factors: factor values (N, K), or None where the data set has none.
        factor_names, factor_sizes, periodic: of the K factors.
        dataset: its name.
        labels: what the values of each factor are called (K,); numbers where it is empty.
    """

    space: LatentSpace
    parameters: Tensor
    centres: npt.NDArray[np.float32]
    kl: npt.NDArray[np.float64]
    factors: npt.NDArray[np.int64] | None
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    periodic: tuple[bool, ...] = ()
    dataset: str = ""
    labels: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(component.name for component in self.space.components)

    @property
    def mean_kl(self) -> npt.NDArray[np.float64]:
        """Mean KL divergence per component (C,), in nats."""
        return np.asarray(self.kl.mean(0))

    def points(self, component: Component) -> npt.NDArray[np.float32]:
        """Centres (N, e) of one component."""
        return self.centres[:, component.start : component.stop]

    def label(self, factor: int, number: float) -> str:
        """What the value of a factor that is numbered ``number`` is called, in short; empty where there is none."""
        if number not in range(self.factor_sizes[factor]):
            return ""
        text = self.labels[factor][int(number)] if self.labels else f"{number:g}"
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

    def order(self) -> npt.NDArray[np.int64]:
        """Components (C,), the one with the greatest KL first."""
        return np.argsort(-self.mean_kl, kind="stable")

    @property
    def middle(self) -> int:
        """The image whose factors lie nearest to the middle of their ranges; the first where there are no factors."""
        if self.factors is None:
            return 0
        sizes = np.maximum(np.array(self.factor_sizes) - 1, 1)
        return int(np.abs(self.factors / sizes - 0.5).sum(1).argmin())

    def information(self) -> npt.NDArray[np.float64]:
        """The share in [0, 1] of each factor's entropy that each component has at least: (C, K).

        The plug-in mutual information of the component's best column with the factor, ``BINS`` equal bins. Columns
        are angles on circles and what the decoder sees elsewhere, so that points that are one have one value.
        """
        return np.stack([self.shares(index) for index in range(len(self.names))])

    def shares(self, index: int) -> npt.NDArray[np.float64]:
        """One component's row of ``information``: (K,), empty where there are no factors."""
        return np.zeros(0) if self.factors is None else self.column_shares(index).max(0)

    def column_shares(self, index: int) -> npt.NDArray[np.float64]:
        """The same of each of a component's w columns: (w, K); of none where there are no factors."""
        if self.factors is None:
            return np.zeros((0, 0))
        known = mutual_information(discretise(self.columns(self.space.components[index]), BINS), self.factors)
        return np.asarray(known / np.maximum(entropies(self.factors), 1e-12))

    def columns(self, component: Component) -> npt.NDArray[np.float32]:
        """The numbers (N, w) that describe one component: an angle on a circle, else coordinates or their squares."""
        points = self.points(component)
        if component.topology == "circle":
            return np.arctan2(points[:, 1:2], points[:, :1])
        if component.topology in ("projective", "rotation"):
            rows, columns = np.triu_indices(points.shape[1])
            return points[:, rows] * points[:, columns]
        return points


def encode_dataset(model: VAE, dataset: ImageDataset, most: int = MOST, seed: int = 0) -> Encoded:
    """Encode a data set's images: all of them where there are at most ``most``, else a random ``most`` of them.

    Args:
        model: a trained VAE, on the CPU.
        dataset: images, with factors of variation or without.
        most: number of images at most.
        seed: of the choice, and of the sample where a KL divergence is estimated at one.
    """
    indices = np.arange(len(dataset))
    if len(dataset) > most:
        indices = np.sort(np.random.default_rng(seed).choice(len(dataset), most, replace=False))
    parameters, kl = [], []
    with seeded_randomness(seed), torch.inference_mode():
        model.eval()
        for images in batches(dataset, indices):
            output = model.encode(images).float()
            posterior = model.space.posterior(output)
            parameters.append(output)
            kl.append(posterior.kl(posterior.rsample()).double())
        joined = torch.cat(parameters)
        centres = model.space.representation(joined, "mean").numpy()
    if not isinstance(dataset, GroundTruthDataset):
        return Encoded(model.space, joined, centres, torch.cat(kl).numpy(), None, dataset=dataset.name)
    return Encoded(
        model.space, joined, centres, torch.cat(kl).numpy(), dataset.factors(indices), dataset.factor_names,
        dataset.factor_sizes, tuple(dataset.periodic), dataset.name,
        tuple(factor.texts() for factor in dataset.factors_of_variation),
    )  # fmt: skip


def batches(dataset: ImageDataset, indices: npt.NDArray[np.integer]) -> Iterator[Tensor]:
    """Images (n, C, H, W) in [0, 1] by index, ``BATCH`` at a time, fewer where they are large."""
    rows = at_once(BATCH, *dataset.image_shape[:2])
    for start in range(0, len(indices), rows):
        yield torch.from_numpy(dataset.observations(indices[start : start + rows])).movedim(3, 1)


Decode = Callable[[Tensor], npt.NDArray[np.uint8]]


def decoder(model: VAE) -> Decode:
    """Samples z (n, ambient_size) → expected images (n, H, W, C) as bytes, a batch at a time."""

    rows = at_once(BATCH, *model.image_shape[:2])

    def decode(z: Tensor) -> npt.NDArray[np.uint8]:
        with torch.inference_mode():
            return np.concatenate([image_bytes(model.expected_images(part)) for part in z.split(rows)])

    return decode


def image_bytes(images: Tensor) -> npt.NDArray[np.uint8]:
    """(n, C, H, W) in [0, 1] → (n, H, W, C) uint8."""
    scaled = images.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()
