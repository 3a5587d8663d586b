"""What studies measure beside scores and likelihoods: degrees of maps, neighbours of codes, exponents of priors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from submission.data import GroundTruthDataset, ImageDataset
from submission.data.batches import ImageBatches
from submission.data.splits import SplitImages
from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.models.vae import VAE

Array = npt.NDArray[np.float64]
BATCH = 1024
LABELLED = (100, 600, 1000)
"""Labelled images of the neighbour classifiers, as in Davidson et al. (2018), table 2."""
NEIGHBOURS = 5
SHARES = ("captured", "torn")
"""Values that are 0 or 1 for each seed."""


def encoded(model: VAE, dataset: ImageDataset, mode: str, count: int | None = None) -> Array:
    """Codes (n, D) of the first ``count`` images, all by default."""
    batches, space = ImageBatches(dataset), model.space
    indices = np.arange(len(dataset) if count is None else min(count, len(dataset)))
    with torch.no_grad():
        rows = [space.representation(model.encoder(images), mode) for images in batches.iterate(indices, BATCH)]
    return torch.cat(rows).double().numpy()


def winding_numbers(angles: Array) -> Array | None:
    """How often angles (n, m, 2) on a periodic grid go around while each index goes around once: a 2 × 2 matrix.

    Entry (k, i) counts angle k along index i. None where two parallel loops of the grid disagree: the map is then torn
    at the grid's resolution, and has no degree.
    """
    matrix = np.empty((2, 2))
    for axis in (0, 1):
        steps = np.diff(angles, axis=axis, append=np.take(angles, [0], axis=axis))
        turns = np.rint(((steps + np.pi) % (2 * np.pi) - np.pi).sum(axis=axis) / (2 * np.pi))
        if (turns != turns[0]).any():
            return None
        matrix[:, axis] = turns[0]
    return matrix


def require_circles(space: LatentSpace, dataset: ImageDataset) -> None:
    """UsageError unless the latent space and the factors are two circles each."""
    circles = [component.topology for component in space.components] == ["circle", "circle"]
    if not circles or not isinstance(dataset, GroundTruthDataset) or len(dataset.factor_sizes) != 2:
        raise UsageError(
            "the degree is defined for two circles, such as T^2, and data with two cyclic factors",
            "drop the measure 'degree'",
        )


def degree(model: VAE, dataset: GroundTruthDataset, held_out: ImageDataset) -> dict[str, float]:
    """Degree of the encoder as a map from the torus of translations to the latent torus.

    ``captured`` is 1 where the degree is 1 or −1, which a homeomorphism has (Pérez Rey et al. 2020, section 4.2); the
    degree is 0 where the map is torn.
    """
    angles = encoded(model, dataset, "intrinsic").reshape(*dataset.factor_sizes, 2)
    matrix = winding_numbers(angles)
    found = 0.0 if matrix is None else float(np.rint(np.linalg.det(matrix)))
    return {"degree": found, "captured": float(abs(found) == 1), "torn": float(matrix is None)}


def require_labels(space: LatentSpace, dataset: ImageDataset) -> None:
    """UsageError unless the data set has class labels."""
    if not isinstance(dataset, SplitImages):
        raise UsageError(f"{dataset.name} has no class labels", "drop the measure 'neighbours'")


def neighbours(model: VAE, dataset: SplitImages, held_out: SplitImages) -> dict[str, float]:
    """Accuracy (%) of classifying held-out codes by their nearest labelled neighbours (Davidson et al. 2018)."""
    from sklearn.neighbors import KNeighborsClassifier

    mode = model.space.export_modes[0]
    codes, tests = encoded(model, dataset, mode, max(LABELLED)), encoded(model, held_out, mode)
    found = {}
    for count in LABELLED:
        classifier = KNeighborsClassifier(NEIGHBOURS).fit(codes[:count], dataset.labels[:count])
        found[f"accuracy at {count}"] = 100 * float(classifier.score(tests, held_out.labels))
    return found


def exponents(model: VAE, dataset: ImageDataset, held_out: ImageDataset) -> dict[str, float]:
    """Exponents of the prior's subspaces in rising order (Stühmer et al. 2020); none for a prior without exponents."""
    prior: Any = getattr(model.space, "prior", None)
    found = getattr(prior, "exponents", None)
    if found is None:
        return {}
    ordered = sorted(map(float, found.detach()))
    return {f"exponent {number}": value for number, value in enumerate(ordered, start=1)}


@dataclass(frozen=True)
class Measure:
    """A quantity of a trained model.

    Attributes:
        values: model, training images and held-out images → name → value.
        require: raises UsageError where a latent space and a data set have no such quantity.
    """

    values: Callable[[VAE, Any, Any], dict[str, float]]
    require: Callable[[LatentSpace, ImageDataset], None] = lambda space, dataset: None


MEASURES: Mapping[str, Measure] = {
    "degree": Measure(degree, require_circles),
    "exponents": Measure(exponents),
    "neighbours": Measure(neighbours, require_labels),
}
