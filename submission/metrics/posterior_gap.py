"""The mutual information gap of Chen et al. (2018), estimated from posteriors q(z|x) instead of mean codes.

Chen, Li, Grosse and Duvenaud, "Isolating sources of disentanglement in variational autoencoders", 2018, section 4 and
appendix C. With q(z) = mean_n q(z|x_n) over all images and q(z|v) the mean over the images in which the factor is v,

    H(z_j)     = -mean over samples z of q(z) of log q(z_j),
    H(z_j|v)   = the same with q(z|v), averaged over the values v with their frequencies as weights,
    I(z_j; v)  = max(0, H(z_j) - H(z_j|v)),
    MIG        = mean over factors of (largest - second largest I(z_j; v)) / log(number of values).

This is the estimator behind the figures of the paper and of ISA-VAE (Stühmer et al. 2020). Its numbers are not
comparable with ``mig``, which bins mean codes, divides by the entropy of sampled factors, and uses all factors. The
paper leaves out dSprites' shape, and the identity of the faces (``LEFT_OUT``); images differ in them, but no gap is
computed for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.arrays import as_array, as_factors_array
from submission.errors import SubmissionError
from submission.metrics.base import Factors, Metric, Posteriors, Sampler, Scores
from submission.metrics.checks import check_factors
from submission.metrics.registration import refuse_continuous

Rows = npt.NDArray[np.int64]
Densities = npt.NDArray[np.floating[Any]]
ELEMENTS = 1 << 22
"""Log densities computed at once."""
LEFT_OUT = {"dsprites": ("shape",), "faces": ("identity",)}
"""Factors over which the paper does not average, by a part of the data set's name."""


class NormalPosteriors:
    """Normal posteriors with independent coordinates, each of which is a component.

    Args:
        mean: (N, D).
        scale: standard deviations (N, D), positive.

    Raises:
        SubmissionError: other shapes, or scales that are not positive numbers.
    """

    def __init__(self, mean: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        self.mean, self.scale = (np.asarray(as_array(x, "posteriors"), np.float64) for x in (mean, scale))
        self.components = self.mean.shape[-1]
        if self.mean.ndim != 2 or self.scale.shape != self.mean.shape:
            raise SubmissionError(
                f"normal posteriors have means (N, D) and scales (N, D), not {self.mean.shape} and {self.scale.shape}",
                "reshape them",
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise SubmissionError("means must be finite, and scales finite and positive", "repair the posteriors")

    def __len__(self) -> int:
        return len(self.mean)

    def sample(self, rows: Rows, random_state: np.random.RandomState) -> npt.NDArray[np.float64]:
        """Samples (n, D) of the posteriors of ``rows`` (n,)."""
        noise = random_state.standard_normal((len(rows), self.components))
        drawn: npt.NDArray[np.float64] = self.mean[rows] + self.scale[rows] * noise
        return drawn

    def log_density(self, samples: npt.NDArray[np.float64], rows: Rows) -> Densities:
        """Log density (s, n, D) of samples (s, D) under the posteriors of ``rows`` (n,)."""
        scale = self.scale[rows]
        standard = (samples[:, None] - self.mean[rows]) / scale
        density: Densities = -0.5 * standard**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
        return density


@dataclass(frozen=True)
class ChenSettings:
    """Samples of each aggregate posterior, and how many random images are used; 0 for all."""

    num_samples: int = 10_000
    num_images: int = 0


def mig_chen(
    posteriors: Posteriors,
    factors: Factors,
    num_samples: int = 10_000,
    num_images: int = 0,
    columns: Sequence[int] | None = None,
    seed: int = 0,
) -> Scores:
    """MIG of Chen et al. (2018) from posteriors.

    Args:
        posteriors: q(z|x) of N images over C >= 2 components (a coordinate, a circle, a sphere, ...).
        factors: their factors (N, K), integers.
        num_samples: samples of every aggregate posterior.
        num_images: how many random images are used; 0 for all. The cost is num_samples * images * C * (K + 1).
        columns: the factors to average over; all by default.
        seed: of the samples.

    Returns:
        ``mig_chen`` in [0, 1], up to the error of the samples. Details: ``mutual_information`` (C, K), ``entropy`` (C,)
        and ``gap`` (K,), in nats; K the chosen factors.

    Raises:
        SubmissionError: arrays of other lengths, fewer than two components, or a factor with a single value.
    """
    factors = as_factors_array(factors, "factors")
    check_posteriors(posteriors, factors)
    random_state = np.random.RandomState(seed)
    rows = np.arange(len(posteriors))
    if 0 < num_images < len(rows):
        rows = np.sort(random_state.permutation(len(rows))[:num_images])
    chosen = check_factors(factors[rows][:, list(columns) if columns is not None else slice(None)], "mig_chen")
    entropy = aggregate_entropy(posteriors, rows, num_samples, random_state)
    conditional = [conditional_entropy(posteriors, rows, value, num_samples, random_state) for value in chosen.T]
    information = np.maximum(entropy[:, None] - np.stack(conditional, axis=1), 0)
    ordered = np.sort(information, axis=0)
    gap = (ordered[-1] - ordered[-2]) / np.log([len(np.unique(value)) for value in chosen.T])
    details = {"mutual_information": information, "entropy": entropy, "gap": gap}
    return Scores({"mig_chen": float(gap.mean())}, details)


def check_posteriors(posteriors: Posteriors, factors: Factors) -> None:
    """Refuse factors of another shape, or fewer than two components."""
    if factors.ndim != 2 or len(factors) != len(posteriors):
        raise SubmissionError(
            f"mig_chen: {len(posteriors)} posteriors but factors of shape {factors.shape}",
            "give factors (N, K), one row per posterior",
        )
    if posteriors.components < 2:
        raise SubmissionError(
            "mig_chen needs at least 2 components, got 1",
            "leave this metric out: it compares the best component with the second best",
        )


def conditional_entropy(
    posteriors: Posteriors, rows: Rows, value: npt.NDArray[Any], num_samples: int, random_state: np.random.RandomState
) -> npt.NDArray[np.float64]:
    """H(z|v) (C,) of a factor with a value (n,) in each of ``rows`` (n,)."""
    total = np.zeros(posteriors.components)
    for one in np.unique(value):
        own = rows[value == one]
        total += len(own) / len(rows) * aggregate_entropy(posteriors, own, num_samples, random_state)
    return total


def aggregate_entropy(
    posteriors: Posteriors, rows: Rows, num_samples: int, random_state: np.random.RandomState
) -> npt.NDArray[np.float64]:
    """Entropy (C,) of each component of the mean of the posteriors of ``rows`` (n,), from so many samples of it."""
    from scipy.special import logsumexp

    drawn = (
        random_state.permutation(rows)[:num_samples]
        if len(rows) >= num_samples
        else np.resize(random_state.permutation(rows), num_samples)  # every image equally often
    )
    total, step = np.zeros(posteriors.components), max(1, ELEMENTS // (len(rows) * posteriors.components))
    for start in range(0, num_samples, step):
        samples = posteriors.sample(drawn[start : start + step], random_state)
        density = posteriors.log_density(samples, rows)
        total -= (logsumexp(density, axis=1) - np.log(len(rows))).sum(axis=0)
    return total / num_samples


def chosen_factors(data: str, names: Sequence[str]) -> list[int]:
    """Columns of the factors that the paper averages over: those called ``names`` of the data set called ``data``.

    >>> chosen_factors("dsprites_full", ("shape", "scale", "orientation"))
    [1, 2]
    """
    out = [name for part, left in LEFT_OUT.items() if part in data.lower() for name in left]
    kept = [column for column, name in enumerate(names) if name not in out]
    return kept or list(range(len(names)))


def score(sampler: Sampler, settings: ChenSettings) -> Scores:
    """The score of a model's posteriors.

    Raises:
        SubmissionError: the sampler has codes only.
    """
    refuse_continuous(sampler, "mig_chen")
    if sampler.posteriors is None:
        raise SubmissionError(
            f"mig_chen needs posteriors q(z|x), and {sampler.name} has codes only",
            "score the folder of a trained run, or call submission.metrics.mig_chen",
        )
    table = sampler.posteriors()
    columns = chosen_factors(sampler.name, sampler.factor_names)
    return mig_chen(*table, settings.num_samples, settings.num_images, columns, sampler.seed)


MIG_CHEN = Metric(
    name="mig_chen",
    headline="mig_chen",
    summary="Chen et al.'s own MIG: information from posteriors, over the paper's factors",
    settings=ChenSettings(),
    fast=ChenSettings(num_samples=1_000, num_images=2_000),
    score=score,
    caution="from posteriors of a run's checkpoint; not comparable with mig",
)
