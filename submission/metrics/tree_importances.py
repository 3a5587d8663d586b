"""DCI: disentanglement, completeness and informativeness from the importances of boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Factors, Scores
from submission.metrics.blocks import check_blocks
from submission.metrics.boosting import fit_boosted_trees, fit_regression_trees
from submission.metrics.checks import check_points, constant_note, flags
from submission.metrics.classifiers import accuracy, determination
from submission.metrics.importance import completeness, disentanglement
from submission.metrics.registration import of_train_test
from submission.metrics.sampling.points import train_test


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
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    seed: int = 0,
    blocks: Blocks | None = None,
    rounds: int = 100,
    depth: int = 3,
    continuous: Sequence[bool] = (),
) -> Scores:
    """DCI from the importances R[i, k] of code i when gradient boosted trees predict factor k from all codes.

    Eastwood and Williams, "A framework for the quantitative evaluation of disentangled representations", ICLR 2018
    (``submission.metrics.importance`` has the formulas), with the trees of Locatello et al., "Challenging common
    assumptions ...", ICML 2019. Informativeness is the mean accuracy over the factors.

    Args:
        codes: training points (N, D), D >= 2; float64 codes are handled as ``submission.metrics.boosting`` says.
        factors: (N, K), K >= 2.
        test_codes, test_factors: test points; without them a third of the points, drawn from ``seed``, is held out.
        seed: of the trees, as ``numpy.random.seed(seed)`` before disentanglement_lib's call.
        blocks: columns that count as one code: their importances are added.
        rounds, depth: of the boosted trees.
        continuous: which factors (K,) have real values. Regression trees with squared error predict them, and their
            informativeness is the coefficient of determination, 0 where it is negative.

    Returns:
        ``disentanglement``, ``completeness``, ``informativeness_train``, ``informativeness_test`` in [0, 1]; a
        representation of constants scores 0 in the first two. Details: ``importance`` (codes or blocks, K).
    """
    train, test = train_test(codes, factors, test_codes, test_factors, seed)
    train = check_points(*train, "dci", min_codes=2, min_factors=2, continuous=continuous)
    test = check_points(*test, "dci", continuous=continuous, varied=False)
    random_state = np.random.RandomState(seed)
    importances, informed = [], []
    real = flags(continuous, train.factors.shape[1])
    for label, test_label, is_real in zip(train.factors.T, test.factors.T, real, strict=True):
        fit, grade = (fit_regression_trees, determination) if is_real else (fit_boosted_trees, accuracy)
        model = fit(train.codes, label, random_state, rounds, depth)
        importances.append(np.abs(model.feature_importances_))
        informed.append((grade(model, train.codes, label), grade(model, test.codes, test_label)))
    importance = np.stack(importances, axis=1)
    on_train, on_test = np.mean(informed, axis=0)
    informativeness = {"informativeness_train": float(on_train), "informativeness_test": float(on_test)}
    values = {**from_importance(importance), **informativeness}
    scores = Scores(values, {"importance": importance}, constant_note(train.codes))
    return scores if blocks is None else join(scores, blocks)


def join(scores: Scores, blocks: Blocks) -> Scores:
    """DCI by block from DCI by column: importances are added up within blocks, predictions are the same."""
    single = scores.details["importance"]
    check_blocks(blocks, len(single))
    importance = np.stack([single[list(columns)].sum(axis=0) for columns in blocks])
    return Scores({**scores.values, **from_importance(importance)}, {"importance": importance}, scores.notes)


def from_importance(importance: npt.NDArray[Any]) -> dict[str, float]:
    """The scores that follow from importances (codes or blocks, K)."""
    return {"disentanglement": disentanglement(importance), "completeness": completeness(importance)}


DCI = replace(
    of_train_test(
        dci,
        name="dci",
        headline="disentanglement",
        shown=("completeness", "informativeness_test"),
        summary="whether each code is important for one factor only (importances of boosted trees)",
        settings=DciSettings(),
        fast=DciSettings(num_train=2000, num_test=1000),
        caution="seeds differ by about 0.001; compare only scores from equally many training points",
    ),
    join=join,
)

DCI_FAST = replace(
    DCI,
    name="dci_fast",
    summary="dci from fewer points and trees: an approximation",
    settings=FastDciSettings(),
    fast=FastDciSettings(num_train=1000, num_test=1000),
    caution="within about 0.05 of dci; not comparable with published values",
)
