"""Metrics that follow from the mutual information of binned codes and factors: MIG, MIG-sup, JEMMIG, DCIMIG and MED.

All five cut each code into equal-width bins (a block into cells) and compute the matrix I(code; factor), as
disentanglement_lib does for MIG. They differ in how the matrix becomes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Scores
from submission.metrics.blocks import bins
from submission.metrics.checks import check_points, constant_note
from submission.metrics.importance import completeness, disentanglement, disentanglement_per_code
from submission.metrics.information import discretise, entropies, mutual_information
from submission.metrics.registration import of_points

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MigSettings:
    """Samples drawn, bins per code dimension, and whose bin edges."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20
    era: Era = "installed"


def mig(
    codes: Codes,
    factors: Factors,
    num_bins: int = 20,
    blocks: Blocks | None = None,
    era: Era = "installed",
    continuous: Sequence[bool] = (),
) -> Scores:
    """Mutual information gap: mean over factors of (largest - second largest I(code; factor)) / H(factor).

    Chen, Li, Grosse and Duvenaud, "Isolating sources of disentanglement in variational autoencoders", 2018, section 4,
    with disentanglement_lib's estimator: a histogram of each code. ``mig_chen`` is the authors' own estimator.

    Args:
        codes: (N, D), D >= 2.
        factors: (N, K).
        num_bins: equal-width bins per code dimension, and per continuous factor.
        blocks: columns that count as one code.
        era: of the bins' edges, see ``submission.metrics.information.bin_edges``.
        continuous: which factors (K,) have real values. They are cut into ``num_bins`` equal-width bins.

    Returns:
        ``discrete_mig`` in [0, 1]; details ``mutual_information`` (codes or blocks, K) and ``gap`` (K,).
    """
    codes, factors = check_points(codes, factors, "mig", min_codes=2, continuous=continuous)
    classes, notes = as_classes(factors, num_bins, continuous)
    information = mutual_information(bins(codes, num_bins, blocks, era), classes)
    gap = gaps(information.T) / entropies(classes)
    details = {"mutual_information": information, "gap": gap}
    return Scores({"discrete_mig": float(gap.mean())}, details, constant_note(codes) + notes)


def as_classes(
    factors: Factors, num_bins: int, continuous: Sequence[bool]
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Factors (N, K) with continuous ones cut into ``num_bins`` equal-width bins, and a note that says so."""
    real = np.flatnonzero(continuous)
    if not real.size:
        return factors, ()
    columns = [
        discretise(column[:, None], num_bins)[:, 0] if k in real else column for k, column in enumerate(factors.T)
    ]
    note = f"continuous factors, cut into {num_bins} equal-width bins: {', '.join(map(str, real))}"
    return np.stack(columns, axis=1).astype(np.int64), (note,)


def gaps(information: Matrix) -> npt.NDArray[np.float64]:
    """Largest minus second largest entry (or 0) of each row (m,) of a matrix (m, n)."""
    ordered = np.sort(np.pad(information, ((0, 0), (1, 0))), axis=1)
    difference: npt.NDArray[np.float64] = ordered[:, -1] - ordered[:, -2]
    return difference


def mig_sup(
    codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None, era: Era = "installed"
) -> Scores:
    """MIG-sup: mean over codes of the largest minus the second largest I(code; factor k) / H(factor k).

    Li, Murkute, Gyawali and Wang, "Progressive learning and disentanglement of hierarchical representations", ICLR
    2020, equation 10. MIG asks whether one code stands out for each factor, MIG-sup whether one factor stands out for
    each code. All codes count, as in the equation. The authors' program leaves out codes whose posterior means have a
    variance below 0.01; that of Zaidi, Boilard, Gagnon and Carbonneau (2020) divides by the entropy of the code.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2.
        num_bins, blocks, era: see ``mig``.

    Returns:
        ``mig_sup`` in [0, 1]; every code has the same weight, so codes without information lower it. Details: ``gap``
        (codes or blocks,).
    """
    codes, factors = check_points(codes, factors, "mig_sup", min_factors=2)
    gap = gaps(mutual_information(bins(codes, num_bins, blocks, era), factors) / entropies(factors))
    return Scores({"mig_sup": float(gap.mean())}, {"gap": gap}, constant_note(codes))


def jemmig(
    codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None, era: Era = "installed"
) -> Scores:
    """JEMMIG: the joint entropy minus the mutual information gap, H(z*, y) - I(z*; y) + I(z'; y).

    Do and Tran, "Theory and evaluation metrics for learning disentangled representations", ICLR 2020, section 4.3. For
    factor y with best code z* and second best z', all cut into B bins; normalised: 1 - JEMMIG / (H(y) + log B). Unlike
    MIG it also asks that the best code depends on nothing but its factor.

    Args:
        codes: (N, D), D >= 2.
        factors: (N, K).
        num_bins, blocks, era: see ``mig``.

    Returns:
        ``jemmig``, normalised so that 1 is best, in [0, 1], and ``jemmig_nats``, the paper's quantity averaged over
        factors, where lower is better. Details: ``per_factor`` (K,), normalised.
    """
    codes, factors = check_points(codes, factors, "jemmig", min_codes=2)
    binned = bins(codes, num_bins, blocks, era)
    information = mutual_information(binned, factors)
    best, second = np.argsort(-information, axis=0, kind="stable")[:2]
    factor, columns = entropies(factors), np.arange(factors.shape[1])
    # H(z, y) - I(z; y) = H(z) + H(y) - 2 I(z; y)
    nats = entropies(binned)[best] + factor - 2 * information[best, columns] + information[second, columns]
    per_factor = 1 - nats / (factor + np.log(num_bins))
    values = {"jemmig": float(per_factor.mean()), "jemmig_nats": float(nats.mean())}
    return Scores(values, {"per_factor": per_factor}, constant_note(codes))


def dcimig(
    codes: Codes, factors: Factors, num_bins: int = 20, blocks: Blocks | None = None, era: Era = "installed"
) -> Scores:
    """DCIMIG (3CharM): sum over factors of the largest gap among the codes of each factor / sum of H(factor).

    Sepliarskaia, Kiseleva and de Rijke, "How to not measure disentanglement", 2019. Each code belongs to the factor
    about which it has most information; its gap is that information minus the information about its second factor. A
    factor without codes has the gap 0.

    Args:
        codes: (N, D).
        factors: (N, K).
        num_bins, blocks, era: see ``mig``.

    Returns:
        ``dcimig`` in [0, 1]. Details: ``per_factor`` (K,), each factor's gap over its entropy.
    """
    codes, factors = check_points(codes, factors, "dcimig")
    information = mutual_information(bins(codes, num_bins, blocks, era), factors)
    gap = np.zeros(factors.shape[1])
    np.maximum.at(gap, information.argmax(axis=1), gaps(information))
    entropy = entropies(factors)
    return Scores({"dcimig": float(gap.sum() / entropy.sum())}, {"per_factor": gap / entropy}, constant_note(codes))


@dataclass(frozen=True)
class MedSettings(MigSettings):
    """As for MIG, and how many codes of each factor count; 0 for all."""

    top_k: int = 0


def med(
    codes: Codes,
    factors: Factors,
    num_bins: int = 20,
    blocks: Blocks | None = None,
    era: Era = "installed",
    top_k: int = 0,
) -> Scores:
    """MED: DCI's disentanglement with I(code i; factor k) / sum over codes of I(code; factor k) as importance.

    Cao, Nai, Yang, Huang and Gao, "An empirical study on disentanglement of negative-free contrastive learning",
    NeurIPS 2022, section 3. No classifier is trained, so wide codes cost little and nothing is random. Top-k MED keeps
    of the codes whose most important factor is k the ``top_k`` most disentangled ones, for each k.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2.
        num_bins, blocks, era: see ``mig``.
        top_k: how many codes of each factor count; 0 for all of them (MED).

    Returns:
        ``med`` and ``med_completeness`` in [0, 1]. Details: ``mutual_information`` and ``importance`` (codes or
        blocks, K), and ``kept``, the codes or blocks that count.
    """
    codes, factors = check_points(codes, factors, "med", min_factors=2)
    information = mutual_information(bins(codes, num_bins, blocks, era), factors)
    total = information.sum(axis=0)
    importance = np.divide(information, total, out=np.zeros_like(information), where=total > 0)
    kept = most_disentangled(importance, top_k) if top_k else np.arange(len(importance))
    values = {"med": disentanglement(importance[kept]), "med_completeness": completeness(importance[kept])}
    details: dict[str, npt.NDArray[Any]] = {
        "mutual_information": information,
        "importance": importance,
        "kept": kept,
    }
    return Scores(values, details, constant_note(codes))


def most_disentangled(importance: Matrix, count: int) -> npt.NDArray[np.int64]:
    """The ``count`` most disentangled codes of each factor, ascending; a code belongs to its most important factor.

    Args:
        importance: (D, K).
        count: codes to keep for each factor.
    """
    order = np.argsort(-disentanglement_per_code(importance), kind="stable")
    factor = importance.argmax(axis=1)[order]
    return np.sort(np.concatenate([order[factor == k][:count] for k in range(importance.shape[1])]))


FAST = MigSettings(num_train=2_000)

MIG = of_points(
    mig,
    name="mig",
    headline="discrete_mig",
    summary="how much more information one code has about a factor than the next best code",
    settings=MigSettings(),
    fast=FAST,
)
MIG_SUP = of_points(
    mig_sup,
    name="mig_sup",
    headline="mig_sup",
    summary="how much more information each code has about one factor than about the next",
    settings=MigSettings(),
    fast=FAST,
    caution="codes without information count as entangled",
)
JEMMIG = of_points(
    jemmig,
    name="jemmig",
    headline="jemmig",
    summary="MIG that also requires that the best code depends only on its factor",
    settings=MigSettings(),
    fast=FAST,
)
DCIMIG = of_points(
    dcimig,
    name="dcimig",
    headline="dcimig",
    summary="the largest gap among the codes of each factor",
    settings=MigSettings(),
    fast=FAST,
)
MED = of_points(
    med,
    name="med",
    headline="med",
    summary="dci's disentanglement from mutual information instead of trees",
    settings=MedSettings(),
    fast=MedSettings(num_train=2_000),
    version=2,
)
