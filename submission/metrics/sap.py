"""Separated attribute predictability.

Kumar, Sattigeri, Balakrishnan, "Variational Inference of Disentangled Latent Concepts from Unlabeled Observations",
2018, section 3; here as disentanglement_lib computes it.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import columns_of
from submission.metrics.checks import check_points, dead_note
from submission.native.processor import available_cores

FLAT = 1e-12  # a code of smaller variance predicts nothing


@dataclass(frozen=True)
class SapSettings:
    """Samples drawn, how factors are predicted, and which scikit-learn's default solver to use."""

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16
    continuous_factors: bool = False
    era: Era = "installed"


def sap(
    codes_train: Codes,
    factors_train: Factors,
    codes_test: Codes,
    factors_test: Factors,
    continuous_factors: bool = False,
    era: Era = "installed",
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Scores:
    """Mean over factors of (best - second best) prediction from a single code.

    Args:
        codes_train, codes_test: (N, D), D >= 2.
        factors_train, factors_test: (N, K).
        continuous_factors: predict by squared correlation (training samples alone), multiple correlation for a block,
            instead of by the test accuracy of a linear support vector machine with C = 0.01 and balanced classes.
        era: ``2019`` solves the machine in the dual, as scikit-learn did then, with randomness from ``seed``.
        seed: see ``era``.
        blocks: columns that count as one code; the machine sees all of a block's columns.

    Returns:
        ``SAP_score`` in [0, 1]; details ``predictability`` (codes or blocks, K).
    """
    check_points(codes_train, factors_train, "sap", min_codes=2)
    check_points(codes_test, factors_test, "sap", min_codes=2)
    columns = columns_of(blocks, codes_train.shape[1])
    if continuous_factors:
        matrix = np.array([squared_correlations(codes_train[:, list(block)], factors_train) for block in columns])
    else:
        matrix = accuracies(codes_train, factors_train, codes_test, factors_test, columns, era, seed)
    ordered = np.sort(matrix, axis=0)
    value = float(np.mean(ordered[-1] - ordered[-2]))
    return Scores({"SAP_score": value}, {"predictability": matrix}, dead_note(codes_train))


def squared_correlations(code: Codes, factors: Factors) -> npt.NDArray[np.float64]:
    """Squared multiple correlation (K,) of one code's columns (N, c) with factors (N, K).

    The share of each factor's variance that linear regression from the columns explains; columns of variance <= 1e-12
    do not count.
    """
    moving = code.astype(np.float64)[:, code.var(axis=0, ddof=1, dtype=np.float64) > FLAT]
    if not moving.shape[1]:
        return np.zeros(factors.shape[1])
    centred = factors - factors.mean(axis=0)
    basis = np.linalg.svd(moving - moving.mean(axis=0), full_matrices=False)[0]
    return np.square(basis.T @ centred).sum(axis=0) / (centred**2).sum(axis=0)


def accuracies(
    codes_train: Codes,
    factors_train: Factors,
    codes_test: Codes,
    factors_test: Factors,
    columns: Blocks,
    era: Era,
    seed: int,
) -> npt.NDArray[np.float64]:
    """Test accuracy (codes, K) of predicting each factor from the ``columns`` of each code alone."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    dual = True if era == "2019" else "auto"
    generator = np.random.RandomState(seed)  # one stream through all fits, as the global generator is

    def accuracy(cell: tuple[int, ...]) -> float:
        machine = LinearSVC(C=0.01, class_weight="balanced", dual=dual, random_state=generator)
        code, factor = cell
        seen = list(columns[code])
        machine.fit(codes_train[:, seen], factors_train[:, factor])
        return float(np.mean(machine.predict(codes_test[:, seen]) == factors_test[:, factor]))

    shape = len(columns), factors_train.shape[1]
    draws = dual is True or len(codes_train) < codes_train.shape[1]  # the dual solver, which scikit-learn may choose
    with warnings.catch_warnings(), ThreadPoolExecutor(1 if draws else available_cores()) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score is defined at the default iteration limit
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # factors are classes, even many
        return np.array(list(pool.map(accuracy, np.ndindex(*shape)))).reshape(shape)


def score(sampler: Sampler, settings: SapSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    train, test = sampler.train_test(settings.num_train, settings.num_test, settings.batch_size)
    return sap(*train, *test, settings.continuous_factors, settings.era, sampler.seed, blocks)


METRIC = Metric(
    name="sap",
    headline="SAP_score",
    summary="how much better the best code predicts a factor than the next best code",
    settings=SapSettings(),
    fast=SapSettings(num_train=2_000, num_test=1_000),
    score=score,
    block_score=score,
    caution="depends on the scale of the codes: the support vector machine's C is fixed at 0.01",
)
