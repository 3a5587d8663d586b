"""DCIMIG: one gap per factor, taken from the codes that know it best.

Sepliarskaia, Kiseleva and de Rijke, "How to not measure disentanglement", 2019 (there 3CharM). Each code belongs to
the factor that it knows most about; its gap is that information minus the information about its second factor; a
factor's score is the largest gap among its codes, 0 if it has none, and

    DCIMIG = sum_k score_k / sum_k H(factor k).
"""

from __future__ import annotations

import numpy as np

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, dead_note
from submission.metrics.information import entropies, mutual_information
from submission.metrics.mig import MigSettings


def dcimig(codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """DCIMIG of codes (N, D) and factors (N, K).

    Returns:
        ``dcimig`` in [0, 1]. Details: ``per_factor`` (K,), each factor's gap over its entropy.
    """
    check_points(codes, factors, "dcimig")
    information = mutual_information(bins(codes, num_bins, blocks), factors)
    ordered = np.sort(np.pad(information, ((0, 0), (1, 0))), axis=1)
    gaps = np.zeros(factors.shape[1])
    np.maximum.at(gaps, information.argmax(axis=1), ordered[:, -1] - ordered[:, -2])
    entropy = entropies(factors)
    return Scores({"dcimig": float(gaps.sum() / entropy.sum())}, {"per_factor": gaps / entropy}, dead_note(codes))


def score(sampler: Sampler, settings: MigSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return dcimig(*sampler.points(settings.num_train, settings.batch_size), settings.num_bins, blocks)


METRIC = Metric(
    name="dcimig",
    headline="dcimig",
    summary="the largest gap among the codes of each factor",
    settings=MigSettings(),
    fast=MigSettings(num_train=2_000),
    score=score,
    block_score=score,
)
