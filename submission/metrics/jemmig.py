"""JEMMIG: the joint entropy minus the mutual information gap.

Do and Tran, "Theory and evaluation metrics for learning disentangled representations", ICLR 2020, section 4.3. For
factor y with best code z* and second best z', all discretised into B bins,

    JEMMIG = H(z*, y) - I(z*; y) + I(z'; y),   normalised:  1 - JEMMIG / (H(y) + log B).

Unlike MIG it also asks that the best code knows nothing but its factor.
"""

from __future__ import annotations

import numpy as np

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, dead_note
from submission.metrics.information import entropies, mutual_information
from submission.metrics.mig import MigSettings


def jemmig(codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """JEMMIG of codes (N, D >= 2) and factors (N, K).

    Returns:
        ``jemmig``, normalised so that 1 is best, in [0, 1], and ``jemmig_nats``, the paper's quantity averaged over
        factors, where lower is better. Details: ``per_factor`` (K,), normalised.
    """
    check_points(codes, factors, "jemmig", min_codes=2)
    binned = bins(codes, num_bins, blocks)
    information = mutual_information(binned, factors)
    best, second = np.argsort(-information, axis=0, kind="stable")[:2]
    factor, columns = entropies(factors), np.arange(factors.shape[1])
    # H(z, y) - I(z; y) = H(z) + H(y) - 2 I(z; y)
    nats = entropies(binned)[best] + factor - 2 * information[best, columns] + information[second, columns]
    per_factor = 1 - nats / (factor + np.log(num_bins))
    values = {"jemmig": float(per_factor.mean()), "jemmig_nats": float(nats.mean())}
    return Scores(values, {"per_factor": per_factor}, dead_note(codes))


def score(sampler: Sampler, settings: MigSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return jemmig(*sampler.points(settings.num_train, settings.batch_size), settings.num_bins, blocks)


METRIC = Metric(
    name="jemmig",
    headline="jemmig",
    summary="MIG that also asks whether the best code knows nothing but its factor",
    settings=MigSettings(),
    fast=MigSettings(num_train=2_000),
    score=score,
    block_score=score,
)
