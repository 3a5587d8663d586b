"""Functions of a posterior that some estimators need: coordinates in which it is normal, and score-function terms.

Both functions dispatch on the posterior's class; a class without an implementation gets the general answer.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

from torch import Tensor

from submission.latent.base import Posterior


class NormalCoordinates(NamedTuple):
    """m samples, and posteriors of n images, in D coordinates in which the posteriors are N(mean, diag(scale²)).

    Attributes:
        value: of the samples (m, D).
        mean, scale: (n, D).
        sizes: number of neighbouring coordinates of each of the C components, in order.
        circular: whether each coordinate is an angle with a wrapped normal distribution.
    """

    value: Tensor
    mean: Tensor
    scale: Tensor
    sizes: tuple[int, ...]
    circular: tuple[bool, ...]


@singledispatch
def normal_coordinates(posterior: Posterior, z: Tensor) -> NormalCoordinates | None:
    """Samples ``z`` (m, ambient_size) in coordinates in which the posterior is normal; None where there are none."""
    return None


@singledispatch
def add_score_terms(posterior: Posterior, z: Tensor, cost: Tensor) -> Tensor:
    """``cost`` (n,) of the samples ``z`` (n, ambient_size), unchanged in value, with its complete gradient.

    Reparameterised samples carry the complete gradient by themselves. The exception is the two-term estimator of
    Davidson et al. (2018), whose score-function term is added here.
    """
    return cost
