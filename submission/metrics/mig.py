"""Mutual information gap.

Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in Variational Autoencoders", 2018, section 4; here
as disentanglement_lib estimates it, from a histogram of each code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, dead_note
from submission.metrics.information import entropies, mutual_information


@dataclass(frozen=True)
class MigSettings:
    """Samples drawn, and bins per code dimension."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20


def mig(codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """Mean over factors of (largest - second largest I(code; factor)) / H(factor).

    Args:
        codes: (N, D), D >= 2.
        factors: (N, K).
        num_bins: equal-width bins per code dimension.
        blocks: columns that count as one code.

    Returns:
        ``discrete_mig`` in [0, 1]; details ``mutual_information`` (codes or blocks, K) and ``gap`` (K,).
    """
    check_points(codes, factors, "mig", min_codes=2)
    information = mutual_information(bins(codes, num_bins, blocks), factors)
    ordered = np.sort(information, axis=0)
    gap = (ordered[-1] - ordered[-2]) / entropies(factors)
    details = {"mutual_information": information, "gap": gap}
    return Scores({"discrete_mig": float(gap.mean())}, details, dead_note(codes))


def score(sampler: Sampler, settings: MigSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    points = sampler.points(settings.num_train, settings.batch_size)
    return mig(points.codes, points.factors, settings.num_bins, blocks)


METRIC = Metric(
    name="mig",
    headline="discrete_mig",
    summary="how much more one code knows about a factor than the next best code",
    settings=MigSettings(),
    fast=MigSettings(num_train=2_000),
    score=score,
    block_score=score,
)
