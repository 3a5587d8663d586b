"""The FactorVAE score.

Kim, Mnih, "Disentangling by Factorising", 2018, section 4; here as disentanglement_lib computes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Factors, Metric, Sampler, Scores
from submission.metrics.blocks import columns_of
from submission.metrics.checks import check_codes, constant_columns, dead_note, single_note

Columns = npt.NDArray[np.integer]


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
    """One row per vote: which factor was fixed (V,), and the codes' variances (V, D) while it was."""

    fixed: npt.NDArray[np.int64]
    variances: npt.NDArray[np.floating]


def factor_vae(
    global_variances: npt.NDArray[np.floating],
    train: Votes,
    evaluation: Votes,
    num_factors: int,
    threshold: float,
    blocks: Blocks | None = None,
) -> Scores:
    """Accuracy of guessing the fixed factor from the dimension whose normalised variance is smallest.

    Args:
        global_variances: (D,) over the whole data set.
        train: votes that make the majority classifier dimension → factor.
        evaluation: votes whose accuracy is the score.
        num_factors: K.
        threshold: dimensions of smaller standard deviation are left out.
        blocks: dimensions that count as one code, whose variance is the sum of its active dimensions'.

    Returns:
        ``eval_accuracy`` and ``train_accuracy`` in [0, 1], ``num_active_dims`` (dimensions or blocks); detail
        ``votes`` (K, dimensions or blocks) of training. Where no dimension is active the accuracies are 0 by
        convention, and a note says so.
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
    votes: Votes, global_variances: npt.NDArray[np.floating], columns: Sequence[Columns], num_factors: int
) -> npt.NDArray[np.int64]:
    """How often (K, codes) each code, of its active dimensions, varied least while each factor was fixed."""
    active = np.array([index for index, block in enumerate(columns) if block.size])
    relative = [
        votes.variances[:, columns[index]].sum(axis=1) / global_variances[columns[index]].sum() for index in active
    ]
    table = np.zeros((num_factors, len(columns)), np.int64)
    np.add.at(table, (votes.fixed, active[np.argmin(relative, axis=0)]), 1)
    return table


def pruned_note(
    global_variances: npt.NDArray[np.floating], active: npt.NDArray[np.int64], threshold: float
) -> tuple[str, ...]:
    """A note that names the dimensions left out, or nothing where there are none."""
    pruned = np.setdiff1d(np.arange(len(global_variances)), active)
    if not pruned.size:
        return ()
    return (f"left out, standard deviation below {threshold}: dimensions {', '.join(map(str, pruned))}",)


def draw_votes(sampler: Sampler, num: int, batch_size: int) -> Votes:
    """``num`` votes: a random factor, a batch in which it has one value, the variances of its codes."""
    fixed: list[Factors] = []

    def votes() -> Iterator[Factors]:
        for factors, rows in sampler.votes(num, batch_size):
            each = np.arange(len(factors))
            rows[each, 0, :, factors] = rows[each, 0, :1, factors]
            fixed.append(factors)
            yield rows

    variances = sampler.reduce(votes(), batch_variances, total=num)
    return Votes(np.concatenate(fixed), variances)


def batch_variances(codes: Codes) -> npt.NDArray[np.floating]:
    """Variances (R, D) within each batch of codes (R, B, D)."""
    return np.var(codes, axis=1, ddof=1)


def score(sampler: Sampler, settings: FactorVaeSettings, blocks: Blocks | None = None) -> Scores:
    """Draw and compute."""
    codes = sampler.codes(sampler.sample_factors(settings.num_variance_estimate))
    check_codes(codes, "factor_vae")
    variances = np.var(codes, axis=0, ddof=1)
    train = draw_votes(sampler, settings.num_train, settings.batch_size)
    evaluation = draw_votes(sampler, settings.num_eval, settings.batch_size)
    variances[constant_columns(codes)] = 0.0  # rounding leaves a trace
    scores = factor_vae(variances, train, evaluation, len(sampler.factor_sizes), settings.prune_threshold, blocks)
    notes = dead_note(codes) + scores.notes + single_note(sampler.factor_sizes)
    return Scores(scores.values, scores.details, notes)


METRIC = Metric(
    name="factor_vae",
    headline="eval_accuracy",
    summary="how surely the least varying code tells which factor was held fixed",
    settings=FactorVaeSettings(),
    fast=FactorVaeSettings(num_train=1_000, num_eval=500, num_variance_estimate=2_000),
    score=score,
    block_score=score,
    full_grid=True,
    caution="depends on the scale of the codes: dimensions of standard deviation below 0.05 are left out",
)
