"""DCI: disentanglement, completeness and informativeness from the importances of boosted trees.

Eastwood and Williams, "A framework for the quantitative evaluation of disentangled representations", ICLR 2018, with
the choices of Locatello et al., "Challenging common assumptions ...", ICML 2019: gradient boosted trees predict each
factor from all codes, and R[i, k] >= 0 is the importance of code i for factor k. With the entropies' bases K and D,

    disentanglement = sum_i rho_i (1 - H_K(R[i] / sum R[i])),   rho_i = sum_k R[i, k] / sum R,
    completeness    = sum_k rho_k (1 - H_D(R[:, k] / sum R[:, k])),
    informativeness = mean accuracy over the factors, of training and of test points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import entropy

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import check_blocks
from submission.metrics.boosting import fit_boosted_trees
from submission.metrics.checks import check_codes, check_points, dead_note
from submission.metrics.classifiers import accuracy

OFFSET = 1e-11  # the reference adds it to importances before taking entropies


@dataclass(frozen=True)
class DciSettings:
    """Points to draw, and how; defaults: the published study."""

    num_train: int = 10000
    num_test: int = 5000
    batch_size: int = 16


@dataclass(frozen=True)
class FastDciSettings:
    """A quarter of the points and half of the boosting rounds: the two errors have opposite signs."""

    num_train: int = 2500
    num_test: int = 2500
    batch_size: int = 16
    rounds: int = 50


def dci(
    codes_train: Codes,
    factors_train: Factors,
    codes_test: Codes,
    factors_test: Factors,
    seed: int = 0,
    blocks: Blocks | None = None,
    rounds: int = 100,
    depth: int = 3,
) -> Scores:
    """DCI of training and test points.

    Args:
        codes_train, codes_test: (N, D), D >= 2.
        factors_train, factors_test: (N, K), K >= 2.
        seed: seed of the trees, as ``numpy.random.seed(seed)`` before the reference's call.
        blocks: columns that count as one code: their importances are added.
        rounds, depth: of the boosted trees.

    Returns:
        ``disentanglement``, ``completeness``, ``informativeness_train``, ``informativeness_test`` in [0, 1]; a
        representation of constants scores 0 in the first two. Details: ``importance`` (codes or blocks, K).
    """
    check_points(codes_train, factors_train, "dci", min_codes=2, min_factors=2)
    check_codes(codes_test, "dci")
    random_state = np.random.RandomState(seed)
    importances, accuracies = [], []
    for label, test_label in zip(factors_train.T, factors_test.T, strict=True):
        model = fit_boosted_trees(codes_train, label, random_state, rounds, depth)
        importances.append(np.abs(model.feature_importances_))
        accuracies.append((accuracy(model, codes_train, label), accuracy(model, codes_test, test_label)))
    importance = np.stack(importances, axis=1)
    on_train, on_test = np.mean(accuracies, axis=0)
    informativeness = {"informativeness_train": float(on_train), "informativeness_test": float(on_test)}
    values = {**from_importance(importance), **informativeness}
    scores = Scores(values, {"importance": importance}, dead_note(codes_train))
    return scores if blocks is None else join(scores, blocks)


def join(scores: Scores, blocks: Blocks) -> Scores:
    """DCI by block from DCI by column: importances are added up within blocks, predictions are the same."""
    single = scores.details["importance"]
    check_blocks(blocks, len(single))
    importance = np.stack([single[list(columns)].sum(axis=0) for columns in blocks])
    return Scores({**scores.values, **from_importance(importance)}, {"importance": importance}, scores.notes)


def from_importance(importance: npt.NDArray[np.float64]) -> dict[str, float]:
    """The scores that follow from importances (codes or blocks, K)."""
    return {"disentanglement": disentanglement(importance), "completeness": completeness(importance)}


def concentration(importance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 - normalised entropy of each row (m,) of importances (m, n)."""
    return 1.0 - entropy(importance.T + OFFSET, base=importance.shape[1])


def disentanglement(importance: npt.NDArray[np.float64]) -> float:
    """How few factors each code serves, averaged by the codes' importance, from importances (D, K)."""
    weights = importance.sum(axis=1) if importance.sum() > 0 else np.ones(len(importance))
    return max(0.0, float(np.sum(concentration(importance) * weights / weights.sum())))


def completeness(importance: npt.NDArray[np.float64]) -> float:
    """How few codes serve each factor, averaged by the factors' importance, from importances (D, K)."""
    return disentanglement(importance.T)


def score(sampler: Sampler, settings: DciSettings, blocks: Blocks | None = None) -> Scores:
    """Draw training points, then test points, and score them."""
    train, test = sampler.train_test(settings.num_train, settings.num_test, settings.batch_size)
    return dci(*train, *test, sampler.seed, blocks)


def score_fast(sampler: Sampler, settings: FastDciSettings, blocks: Blocks | None = None) -> Scores:
    """The same with another number of boosting rounds."""
    train, test = sampler.train_test(settings.num_train, settings.num_test, settings.batch_size)
    return dci(*train, *test, sampler.seed, blocks, settings.rounds)


METRIC = Metric(
    name="dci",
    headline="disentanglement",
    shown=("completeness", "informativeness_test"),
    summary="does each code matter for one factor only (boosted trees' importances)",
    settings=DciSettings(),
    fast=DciSettings(num_train=2000, num_test=1000),
    score=score,
    block_score=score,
    join=join,
    caution="seeds differ by about 0.001; compare only scores from equally many training points",
)

FAST = replace(
    METRIC,
    name="dci_fast",
    summary="dci from fewer points and trees: an approximation",
    settings=FastDciSettings(),
    fast=FastDciSettings(num_train=1000, num_test=1000),
    score=score_fast,
    block_score=score_fast,
    caution="within about 0.05 of dci; not comparable with published values",
)
