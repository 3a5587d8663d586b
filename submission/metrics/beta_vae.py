"""The BetaVAE score.

Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework", 2017, section 3;
here as disentanglement_lib computes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import check_blocks, lengths
from submission.metrics.checks import check_codes, check_number, dead_note, single_note
from submission.metrics.classifiers import accuracy, fit, logistic_regression


@dataclass(frozen=True)
class BetaVaeSettings:
    """Pairs of batches for the classifier and for its accuracy, pairs per batch, and the classifier's era."""

    num_train: int = 10_000
    num_eval: int = 5_000
    batch_size: int = 64
    era: Era = "installed"


@dataclass(frozen=True)
class Differences:
    """One row per batch of pairs: which factor the pairs share (N,), and their codes' mean distances (N, D or B)."""

    shared: npt.NDArray[np.int64]
    features: npt.NDArray[np.float64]


def beta_vae(train: Differences, evaluation: Differences, era: Era = "installed", seed: int = 0) -> Scores:
    """Accuracy of logistic regression that guesses the shared factor from the codes' mean absolute differences.

    Args:
        train: what the regression is fitted to.
        evaluation: what its accuracy is measured on.
        era: ``2019`` fits one regression per factor with liblinear, as scikit-learn did then by default.
        seed: of the 2019 solver.

    Returns:
        ``eval_accuracy`` and ``train_accuracy`` in [0, 1].
    """
    model = fit(logistic_regression(era, seed), train.features, train.shared)
    values = {
        "eval_accuracy": accuracy(model, evaluation.features, evaluation.shared),
        "train_accuracy": accuracy(model, train.features, train.shared),
    }
    return Scores(values, notes=dead_note(train.features.astype(np.float32)))


def draw_differences(sampler: Sampler, num: int, batch_size: int, blocks: Blocks | None = None) -> Differences:
    """``num`` batches of pairs that share the value of one random factor."""
    shared: list[Factors] = []

    def votes() -> Iterator[Factors]:
        for factors, rows in sampler.votes(num, batch_size, sets=2):
            each = np.arange(len(factors))
            rows[each, 1, :, factors] = rows[each, 0, :, factors]
            shared.append(factors)
            yield rows

    features = sampler.reduce(votes(), lambda codes: mean_differences(codes, blocks), total=num)
    return Differences(np.concatenate(shared), features.astype(np.float64))


def mean_differences(codes: Codes, blocks: Blocks | None = None) -> npt.NDArray[np.floating]:
    """Mean absolute difference (R, D) of the first half and the second half of each row of codes (R, 2 B, D).

    Where blocks are given, the mean Euclidean distance of each block.
    """
    if blocks is not None:
        check_blocks(blocks, codes.shape[-1])
    check_codes(codes.reshape(-1, codes.shape[-1]), "beta_vae")
    half = codes.shape[1] // 2
    return lengths(codes[:, :half] - codes[:, half:], blocks).mean(axis=1)


def score(sampler: Sampler, settings: BetaVaeSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    check_number(len(sampler.factor_sizes), "beta_vae", 2)
    train = draw_differences(sampler, settings.num_train, settings.batch_size, blocks)
    # scikit-learn of 2019 drew the solver's seed from the protocol's generator, between the two sets.
    seed = int(sampler.random_state.randint(2**31 - 1)) if settings.era == "2019" else 0
    evaluation = draw_differences(sampler, settings.num_eval, settings.batch_size, blocks)
    scores = beta_vae(train, evaluation, settings.era, seed)
    return Scores(scores.values, scores.details, scores.notes + single_note(sampler.factor_sizes))


METRIC = Metric(
    name="beta_vae",
    headline="eval_accuracy",
    summary="how surely a linear classifier tells which factor pairs of images share",
    settings=BetaVaeSettings(),
    fast=BetaVaeSettings(num_train=1_000, num_eval=500),
    score=score,
    block_score=score,
    full_grid=True,
    caution="depends on the scale of the codes: the logistic regression's penalty is fixed",
)
