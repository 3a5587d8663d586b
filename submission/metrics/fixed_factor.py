"""The FactorVAE and the BetaVAE score: a classifier predicts which factor was fixed while codes were sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Era, Factors, InterventionSampler, Scores
from submission.metrics.blocks import check_blocks, columns_of, lengths
from submission.metrics.checks import check_codes, check_number, constant_columns, constant_note, single_note
from submission.metrics.classifiers import accuracy, fit, logistic_regression
from submission.metrics.registration import of_interventions
from submission.metrics.sampling.given import ResamplingSampler, sampler_of

Columns = npt.NDArray[np.integer[Any]]
Values = npt.NDArray[np.floating[Any]]
RESAMPLED = "not a full grid: batches were drawn with replacement from the given samples"


@dataclass(frozen=True)
class FactorVaeSettings:
    """Votes for the classifier and for its accuracy, samples per vote, and when a dimension counts as inactive."""

    num_train: int = 10_000
    num_eval: int = 5_000
    num_variance_estimate: int = 10_000
    batch_size: int = 64
    prune_threshold: float = 0.05


@dataclass(frozen=True)
class Votes:
    """One row per vote: the fixed factor (V,), and the codes' variances (V, D) in its batch."""

    fixed: npt.NDArray[np.int64]
    variances: Values


def factor_vae(
    codes: Codes,
    factors: Factors,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    num_variance_estimate: int = 10_000,
    batch_size: int = 64,
    prune_threshold: float = 0.05,
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Scores:
    """Accuracy of guessing the fixed factor from the code whose normalised variance is smallest.

    Kim and Mnih, "Disentangling by factorising", 2018, section 4, as disentanglement_lib computes it. A vote holds a
    random factor fixed in a batch of ``batch_size`` samples and takes the code that varies least, relative to its
    variance over the data. A majority table code → factor is the classifier.

    Args:
        codes: (N, D).
        factors: (N, K). Where they are a full grid, the draws are disentanglement_lib's for ``seed``; otherwise batches
            are drawn with replacement from the samples that share a value.
        num_train: votes that make the classifier.
        num_eval: votes whose accuracy is the score.
        num_variance_estimate: samples for the codes' variances over the data.
        batch_size: samples per vote.
        prune_threshold: dimensions of smaller standard deviation are left out.
        seed: of the draws.
        blocks: dimensions that count as one code, whose variance is the sum of its active dimensions'.

    Returns:
        ``eval_accuracy`` and ``train_accuracy`` in [0, 1], ``num_active_dims`` (dimensions or blocks); detail
        ``votes`` (K, dimensions or blocks) of training. Where no dimension is active the accuracies are 0 by
        convention, and a note says so.
    """
    sampler = sampler_of(codes, factors, "factor_vae", seed)
    settings = FactorVaeSettings(num_train, num_eval, num_variance_estimate, batch_size, prune_threshold)
    return noted(factor_vae_score(sampler, settings, blocks), sampler)


def factor_vae_score(sampler: InterventionSampler, settings: FactorVaeSettings, blocks: Blocks | None = None) -> Scores:
    """Draw votes and score them."""
    codes = sampler.codes(sampler.sample_factors(settings.num_variance_estimate))
    check_codes(codes, "factor_vae")
    variances = np.var(codes, axis=0, ddof=1)
    train = Votes(*sampler.fixed_factor(settings.num_train, settings.batch_size, batch_variances))
    evaluation = Votes(*sampler.fixed_factor(settings.num_eval, settings.batch_size, batch_variances))
    variances[constant_columns(codes)] = 0.0  # rounding leaves a trace
    scores = score_votes(variances, train, evaluation, len(sampler.factor_sizes), settings.prune_threshold, blocks)
    notes = constant_note(codes) + scores.notes + single_note(sampler.factor_sizes)
    return Scores(scores.values, scores.details, notes)


def batch_variances(codes: Codes) -> Values:
    """Variances (R, D) within each batch of codes (R, B, D)."""
    variances: Values = np.var(codes, axis=1, ddof=1)
    return variances


def score_votes(
    global_variances: Values,
    train: Votes,
    evaluation: Votes,
    num_factors: int,
    threshold: float,
    blocks: Blocks | None = None,
) -> Scores:
    """Scores of votes.

    Args:
        global_variances: (D,) over the whole data set.
        train: votes that make the majority table.
        evaluation: votes whose accuracy is the score.
        num_factors: K.
        threshold, blocks: see ``factor_vae``.
    """
    active = np.flatnonzero(np.sqrt(global_variances) >= threshold)
    if not active.size:
        note = f"every code dimension has a standard deviation below {threshold}: all pruned, 0 by convention"
        return Scores({"eval_accuracy": 0.0, "train_accuracy": 0.0, "num_active_dims": 0.0}, notes=(note,))
    columns = [np.intersect1d(block, active) for block in columns_of(blocks, len(global_variances))]
    training = count_votes(train, global_variances, columns, num_factors)
    evaluated = count_votes(evaluation, global_variances, columns, num_factors)
    guess = training.argmax(axis=0), np.arange(len(columns))
    values = {
        "eval_accuracy": float(evaluated[guess].sum() / evaluated.sum()),
        "train_accuracy": float(training[guess].sum() / training.sum()),
        "num_active_dims": float(sum(block.size > 0 for block in columns)),
    }
    return Scores(values, {"votes": training}, pruned_note(global_variances, active, threshold))


def count_votes(
    votes: Votes, global_variances: Values, columns: Sequence[Columns], num_factors: int
) -> npt.NDArray[np.int64]:
    """How often (K, codes) each code, of its active dimensions, varied least while each factor was fixed."""
    active = np.array([index for index, block in enumerate(columns) if block.size])
    relative = [
        votes.variances[:, columns[index]].sum(axis=1) / global_variances[columns[index]].sum() for index in active
    ]
    table = np.zeros((num_factors, len(columns)), np.int64)
    np.add.at(table, (votes.fixed, active[np.argmin(relative, axis=0)]), 1)
    return table


def pruned_note(global_variances: Values, active: npt.NDArray[np.int64], threshold: float) -> tuple[str, ...]:
    """A note that names the dimensions left out, or nothing where there are none."""
    pruned = np.setdiff1d(np.arange(len(global_variances)), active)
    if not pruned.size:
        return ()
    return (f"left out, standard deviation below {threshold}: dimensions {', '.join(map(str, pruned))}",)


@dataclass(frozen=True)
class BetaVaeSettings:
    """Pairs of batches for the classifier and for its accuracy, pairs per batch, and whose classifier."""

    num_train: int = 10_000
    num_eval: int = 5_000
    batch_size: int = 64
    era: Era = "installed"


def beta_vae(
    codes: Codes,
    factors: Factors,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    era: Era = "installed",
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Scores:
    """Accuracy of logistic regression that guesses the shared factor from the codes' mean absolute differences.

    Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework", 2017, section
    3, as disentanglement_lib computes it.

    Args:
        codes: (N, D).
        factors: (N, K), K >= 2. Where they are a full grid, the draws are disentanglement_lib's for ``seed``;
            otherwise the second of a pair is a random sample that shares the factor's value.
        num_train: batches of pairs that the regression is fitted to.
        num_eval: batches that its accuracy is measured on.
        batch_size: pairs per batch.
        era: ``2019`` fits one regression per factor with liblinear, as scikit-learn did then by default.
        seed: of the draws.
        blocks: dimensions that count as one code, whose difference is a Euclidean distance.

    Returns:
        ``eval_accuracy`` and ``train_accuracy`` in [0, 1].
    """
    sampler = sampler_of(codes, factors, "beta_vae", seed)
    return noted(beta_vae_score(sampler, BetaVaeSettings(num_train, num_eval, batch_size, era), blocks), sampler)


def beta_vae_score(sampler: InterventionSampler, settings: BetaVaeSettings, blocks: Blocks | None = None) -> Scores:
    """Draw pairs and score them."""
    check_number(len(sampler.factor_sizes), "beta_vae", 2)

    def differences(codes: Codes) -> Values:
        return mean_differences(codes, blocks)

    shared, features = sampler.fixed_factor(settings.num_train, settings.batch_size, differences, pairs=True)
    # scikit-learn of 2019 drew the solver's seed from the protocol's generator, between the two sets.
    seed = int(sampler.random_state.randint(2**31 - 1)) if settings.era == "2019" else 0
    test_shared, test_features = sampler.fixed_factor(settings.num_eval, settings.batch_size, differences, pairs=True)
    features, test_features = features.astype(np.float64), test_features.astype(np.float64)
    model = fit(logistic_regression(settings.era, seed), features, shared)
    values = {
        "eval_accuracy": accuracy(model, test_features, test_shared),
        "train_accuracy": accuracy(model, features, shared),
    }
    return Scores(values, notes=constant_note(features) + single_note(sampler.factor_sizes))


def mean_differences(codes: Codes, blocks: Blocks | None = None) -> Values:
    """Mean absolute difference (R, D) of the first half and the second half of each row of codes (R, 2 B, D).

    Where blocks are given, the mean Euclidean distance of each block.
    """
    if blocks is not None:
        check_blocks(blocks, codes.shape[-1])
    check_codes(codes.reshape(-1, codes.shape[-1]), "beta_vae")
    half = codes.shape[1] // 2
    means: Values = lengths(codes[:, :half] - codes[:, half:], blocks).mean(axis=1)
    return means


def noted(scores: Scores, sampler: InterventionSampler) -> Scores:
    """``scores``, with a note where the draws are not those on a full grid."""
    extra = (RESAMPLED,) if isinstance(sampler, ResamplingSampler) else ()
    return Scores(scores.values, scores.details, scores.notes + extra)


FACTOR_VAE = of_interventions(
    factor_vae_score,
    blocks=True,
    name="factor_vae",
    headline="eval_accuracy",
    summary="how reliably the code that varies least indicates which factor was fixed",
    settings=FactorVaeSettings(),
    fast=FactorVaeSettings(num_train=1_000, num_eval=500, num_variance_estimate=2_000),
    caution="depends on the scale of the codes: dimensions of standard deviation below 0.05 are left out",
)
BETA_VAE = of_interventions(
    beta_vae_score,
    blocks=True,
    name="beta_vae",
    headline="eval_accuracy",
    summary="how reliably a linear classifier predicts which factor pairs of images share",
    settings=BetaVaeSettings(),
    fast=BetaVaeSettings(num_train=1_000, num_eval=500),
    caution="depends on the scale of the codes: the logistic regression's penalty is fixed",
)
