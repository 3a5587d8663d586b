"""MIG-sup: the mutual information gap seen from the codes.

Li, Murkute, Gyawali and Wang, "Progressive learning and disentanglement of hierarchical representations", ICLR 2020,
equation 10: MIG asks whether one code stands out for each factor, MIG-sup whether one factor stands out for each code,

    mean over codes of  largest_k - second largest_k  of  I(code; factor k) / H(factor k).

All codes count, as in the equation. The authors' program leaves out codes whose posterior means have a variance below
0.01; that of Zaidi, Boilard, Gagnon and Carbonneau (2020) divides by the entropy of the code instead.
"""

from __future__ import annotations

import numpy as np

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, dead_note
from submission.metrics.information import entropies, mutual_information
from submission.metrics.mig import MigSettings


def mig_sup(codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None) -> Scores:
    """MIG-sup of codes (N, D) and factors (N, K >= 2).

    Returns:
        ``mig_sup`` in [0, 1]; every code counts the same, so codes that know nothing pull it towards 0. Details:
        ``gap`` (codes or blocks,).
    """
    check_points(codes, factors, "mig_sup", min_factors=2)
    information = mutual_information(bins(codes, num_bins, blocks), factors) / entropies(factors)
    ordered = np.sort(np.pad(information, ((0, 0), (1, 0))), axis=1)
    gap = ordered[:, -1] - ordered[:, -2]
    return Scores({"mig_sup": float(gap.mean())}, {"gap": gap}, dead_note(codes))


def score(sampler: Sampler, settings: MigSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    return mig_sup(*sampler.points(settings.num_train, settings.batch_size), settings.num_bins, blocks)


METRIC = Metric(
    name="mig_sup",
    headline="mig_sup",
    summary="how much more each code knows about one factor than about the next",
    settings=MigSettings(),
    fast=MigSettings(num_train=2_000),
    score=score,
    block_score=score,
    caution="codes that know nothing count as entangled",
)
