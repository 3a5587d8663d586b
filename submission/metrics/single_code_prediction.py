"""SAP: separated attribute predictability, from predictions of each factor by single codes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Scores
from submission.metrics.blocks import columns_of
from submission.metrics.checks import check_points, constant_note, flags
from submission.metrics.registration import of_train_test
from submission.metrics.sampling.points import train_test
from submission.parallel import available_cores

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
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    continuous_factors: bool = False,
    era: Era = "installed",
    seed: int = 0,
    blocks: Blocks | None = None,
    continuous: Sequence[bool] = (),
) -> Scores:
    """Mean over factors of (best - second best) prediction from a single code.

    Kumar, Sattigeri and Balakrishnan, "Variational inference of disentangled latent concepts from unlabeled
    observations", 2018, section 3, as disentanglement_lib computes it. Classes are predicted by a linear support vector
    machine with C = 0.01 and balanced classes, and graded by its accuracy on test points. Real values are predicted by
    linear regression, and graded by the squared correlation on training points (multiple correlation for a block).

    Args:
        codes: training points (N, D), D >= 2.
        factors: (N, K).
        test_codes, test_factors: test points; without them a third of the points, drawn from ``seed``, is held out.
        continuous_factors: take every factor for real-valued.
        era: ``2019`` solves the machine in the dual, as scikit-learn did then, with randomness from ``seed``.
        seed: see ``era``.
        blocks: columns that count as one code; the machine is given all of a block's columns.
        continuous: which factors (K,) have real values.

    Returns:
        ``SAP_score`` in [0, 1]; details ``predictability`` (codes or blocks, K).
    """
    given = train_test(codes, factors, test_codes, test_factors, seed)
    train, test = (check_points(*points, "sap", min_codes=2, continuous=continuous) for points in given)
    columns = columns_of(blocks, train.codes.shape[1])
    classes, reals = classes_and_reals(train.factors.shape[1], continuous_factors, continuous)
    matrix = np.zeros((len(columns), train.factors.shape[1]))
    for code, block in enumerate(columns):
        matrix[code, reals] = squared_correlations(train.codes[:, list(block)], train.factors[:, reals])
    matrix[:, classes] = accuracies(
        train.codes, train.factors[:, classes], test.codes, test.factors[:, classes], columns, era, seed
    )
    ordered = np.sort(matrix, axis=0)
    value = float(np.mean(ordered[-1] - ordered[-2]))
    notes = constant_note(train.codes) + few_note(len(train.codes), columns, bool(reals.size))
    return Scores({"SAP_score": value}, {"predictability": matrix}, notes)


def few_note(samples: int, columns: Blocks, regression: bool) -> tuple[str, ...]:
    """A note that names blocks of so many columns that regression on them fits anything, or nothing."""
    wide = [str(block) for block, own in enumerate(columns) if len(own) + 1 >= samples]
    if not wide or not regression:
        return ()
    return (f"{samples} points determine a regression: blocks {', '.join(wide)} explain any factor",)


def classes_and_reals(
    count: int, everything: bool, continuous: Sequence[bool]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which of ``count`` factors are classes, and which have real values."""
    real = flags(continuous, count) | everything
    return np.flatnonzero(~real), np.flatnonzero(real)


def squared_correlations(code: Codes, factors: Factors) -> npt.NDArray[np.float64]:
    """Squared multiple correlation (K,) of one code's columns (N, c) with factors (N, K).

    The share of each factor's variance that linear regression from the columns explains; columns of variance <= 1e-12
    do not count, nor do directions that columns have only by their rounding, as a repeated column's.
    """
    moving = code.astype(np.float64)[:, code.var(axis=0, ddof=1, dtype=np.float64) > FLAT]
    if not moving.shape[1]:
        return np.zeros(factors.shape[1])
    centred, moving = factors - factors.mean(axis=0), moving - moving.mean(axis=0)
    directions, sizes, _ = np.linalg.svd(moving / np.linalg.norm(moving, axis=0), full_matrices=False)
    basis = directions[:, sizes > 100 * np.finfo(code.dtype).eps * sizes.max()]
    explained: npt.NDArray[np.float64] = np.square(basis.T @ centred).sum(axis=0) / (centred**2).sum(axis=0)
    return explained


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


SAP = of_train_test(
    sap,
    name="sap",
    headline="SAP_score",
    summary="how much better the best code predicts a factor than the next best code",
    settings=SapSettings(),
    fast=SapSettings(num_train=2_000, num_test=1_000),
    version=2,
    caution="depends on the scale of the codes: the support vector machine's C is fixed at 0.01",
)
