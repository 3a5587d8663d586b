"""MED: DCI's disentanglement with mutual information in place of importances.

Cao, Nai, Yang, Huang and Gao, "An empirical study on disentanglement of negative-free contrastive learning", NeurIPS
2022, section 3: R[i, k] = I(code i; factor k) / sum over codes of I(code; factor k), and DCI's formula on R. No
classifier is trained, so wide codes cost little and nothing is random.
"""

from __future__ import annotations

import numpy as np

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, dead_note
from submission.metrics.dci import disentanglement
from submission.metrics.information import mutual_information
from submission.metrics.mig import MigSettings


def med(codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """MED of codes (N, D) and factors (N, K >= 2).

    Returns:
        ``med`` in [0, 1]. Details: ``mutual_information`` and ``importance`` (codes or blocks, K).
    """
    check_points(codes, factors, "med", min_factors=2)
    information = mutual_information(bins(codes, num_bins, blocks), factors)
    known = information.sum(axis=0)
    importance = np.divide(information, known, out=np.zeros_like(information), where=known > 0)
    details = {"mutual_information": information, "importance": importance}
    return Scores({"med": disentanglement(importance)}, details, dead_note(codes))


def score(sampler: Sampler, settings: MigSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return med(*sampler.points(settings.num_train, settings.batch_size), settings.num_bins, blocks)


METRIC = Metric(
    name="med",
    headline="med",
    summary="dci's disentanglement from mutual information instead of trees",
    settings=MigSettings(),
    fast=MigSettings(num_train=2_000),
    score=score,
    block_score=score,
    version=2,
)
