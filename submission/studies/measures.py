"""What studies measure beside scores and likelihoods: degrees of maps, neighbours, exponents, components in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from submission.data import GroundTruthDataset, ImageDataset
from submission.data.batches import ImageBatches, at_once
from submission.data.splits import SplitImages
from submission.device import seeded_randomness
from submission.errors import UsageError
from submission.latent.base import Component, LatentSpace
from submission.models.vae import VAE

Array = npt.NDArray[np.float64]
BATCH = 1024
LABELLED = (100, 600, 1000)
"""Labelled images of the neighbour classifiers, as in Davidson et al. (2018), table 2."""
NEIGHBOURS = 5
IN_USE = 0.1
"""Nats of KL, in the mean over images, from which a component counts as used."""
USED, KL_OF, ACCURACY, EXPONENT = " in use", "KL of ", "accuracy at ", "exponent "
SHARES = ("captured", "torn")
"""Values that are 0 or 1 for each seed."""


def encoded(model: VAE, dataset: ImageDataset, mode: str, count: int | None = None) -> Array:
    """Codes (n, D) of the first ``count`` images, all by default."""
    batches, space, batch = ImageBatches(dataset), model.space, at_once(BATCH, *dataset.image_shape[:2])
    indices = np.arange(len(dataset) if count is None else min(count, len(dataset)))
    with torch.no_grad():
        rows = [space.representation(model.encoder(images), mode) for images in batches.iterate(indices, batch)]
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
        found[f"{ACCURACY}{count}"] = 100 * float(classifier.score(tests, held_out.labels))
    return found


def exponents(model: VAE, dataset: ImageDataset, held_out: ImageDataset) -> dict[str, float]:
    """Exponents of the prior's subspaces in rising order (Stühmer et al. 2020); none for a prior without exponents."""
    prior: Any = getattr(model.space, "prior", None)
    found = getattr(prior, "exponents", None)
    if found is None:
        return {}
    ordered = sorted(map(float, found.detach()))
    return {f"{EXPONENT}{number}": value for number, value in enumerate(ordered, start=1)}


def component_kl(model: VAE, dataset: ImageDataset) -> Array:
    """KL of each component in nats (C,), the mean over the images."""
    sums = []
    with torch.no_grad(), seeded_randomness(0):
        for images in ImageBatches(dataset).iterate(np.arange(len(dataset)), at_once(BATCH, *dataset.image_shape[:2])):
            posterior = model.space.posterior(model.encoder(images))
            sums.append(posterior.kl(posterior.rsample()).double().sum(0))
    return torch.stack(sums).sum(0).numpy() / len(dataset)


def kind(component: Component) -> str:
    """What components of its topology and size are called together: ``circles``, ``lines``, ``S^10``, ..."""
    own = component.name.rpartition(":")[2].partition("[")[0]
    return f"{component.topology}s" if component.topology in ("circle", "line") else own


def components(model: VAE, dataset: ImageDataset, held_out: ImageDataset) -> dict[str, float]:
    """Components that a trained model uses, by kind, and their KL: the break-up that the ELBO keeps.

    ``S^10 in use`` counts the 10-spheres whose KL exceeds ``IN_USE``; ``KL of S^10 (nats)`` is the sum over all of
    them.
    """
    values: dict[str, float] = {}
    for component, nats in zip(model.space.components, component_kl(model, held_out), strict=True):
        used, total = f"{kind(component)}{USED}", f"{KL_OF}{kind(component)} (nats)"
        values[used] = values.get(used, 0.0) + float(nats > IN_USE)
        values[total] = values.get(total, 0.0) + float(nats)
    return values


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
    "components": Measure(components),
    "degree": Measure(degree, require_circles),
    "exponents": Measure(exponents),
    "neighbours": Measure(neighbours, require_labels),
}
