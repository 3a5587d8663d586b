"""UDR: unsupervised disentanglement ranking, agreement between models that differ in their seed.

Duan, Matthey, Saraiva, Watters, Burgess, Lerchner and Higgins, "Unsupervised model selection for variational
disentangled representation learning", ICLR 2020. For two models, R[a, b] >= 0 is the similarity of latent a of one to
latent b of the other; over the latents that are informative (KL above a threshold),

    UDR = (mean_b max_a R^2 / sum_a R  +  mean_a max_b R^2 / sum_b R) / 2,

and a model's score is the median over the other models. A latent of several columns (a circle, a sphere) can be taken
as one: R of two blocks is then the Frobenius norm of their columns' similarities over the root of the smaller one's
size, so that a rotated circle resembles itself. As in disentanglement_lib's code, and not in the paper, a mean over the
latents that remain replaces the sum over the mean number of informative latents. Identical ideal models score about 0.9
with Lasso, because its penalty shrinks R.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from submission.arrays import as_array
from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Scores
from submission.metrics.blocks import columns_of
from submission.metrics.checks import as_codes, check_codes
from submission.metrics.classifiers import fit

Similarity = Literal["lasso", "spearman"]
Matrix = npt.NDArray[np.float64]
INFORMATIVE = 0.01
"""A latent of a normal posterior is informative if its mean KL divergence exceeds this many nats."""


def udr(
    codes: Sequence[Codes],
    kl: Sequence[npt.NDArray[np.floating[Any]]],
    similarity: Similarity = "lasso",
    blocks: Blocks | None = None,
    threshold: float = INFORMATIVE,
) -> Scores:
    """UDR of M >= 2 models from their codes of the same images.

    Args:
        codes: mean codes (N, D) of each model, row by row of the same images.
        kl: average KL divergence (D,) of each latent, in nats, of each model; columns of one block have the block's.
        similarity: ``lasso`` (coefficients, penalty 0.1) or ``spearman`` (rank correlations).
        blocks: columns that count as one latent, in every model.
        threshold: a latent is informative if its KL exceeds this many nats.

    Returns:
        ``model_0``, ``model_1``, ...: the models' scores in [0, 1]; ``mean``. Details: ``pairs`` (M, M). A model
        without informative latents scores 0.
    """
    codes, kl = [as_codes(x, "udr") for x in codes], [as_array(divergence, "kl") for divergence in kl]
    check_models(codes, kl)
    columns = columns_of(blocks, codes[0].shape[1])
    informative = [divergence > threshold for divergence in kl]
    scaled = [standardised(x) * mask for x, mask in zip(codes, informative, strict=True)]
    kept = [np.array([mask[list(block)].any() for block in columns]) for mask in informative]
    pairs = np.zeros((len(codes), len(codes)))
    for i, left in enumerate(scaled):
        for j, right in enumerate(scaled):
            if i != j:
                matrix = joined(SIMILARITIES[similarity](left, right), columns)
                pairs[i, j] = relative_strength(matrix[kept[i]][:, kept[j]])
    scores = [float(np.median(np.delete(pairs[:, model], model))) for model in range(len(codes))]
    values = {f"model_{model}": score for model, score in enumerate(scores)}
    return Scores({**values, "mean": float(np.mean(scores))}, {"pairs": pairs})


def check_models(codes: Sequence[Codes], kl: Sequence[npt.NDArray[np.floating[Any]]]) -> None:
    """Refuse fewer than two models, or models that do not fit each other."""
    if len(codes) < 2:
        raise SubmissionError(f"udr compares models, got {len(codes)}", "give two or more models")
    if len(kl) != len(codes) or len({x.shape for x in codes}) != 1:
        raise SubmissionError("udr needs equally shaped codes, and KL divergences of every model", "reshape them")
    for x, divergence in zip(codes, kl, strict=True):
        check_codes(x, "udr")
        if np.shape(divergence) != x.shape[1:]:
            raise SubmissionError(
                f"{np.shape(divergence)} KL divergences of {x.shape[1]} latents", "give one per latent"
            )


def joined(matrix: Matrix, columns: Blocks) -> Matrix:
    """Similarities of blocks (B, B) from those of columns (D, D); those of single columns as they are."""
    owner = np.zeros((len(columns), len(matrix)))
    for block, own in enumerate(columns):
        owner[block, list(own)] = 1
    smaller = np.minimum.outer(owner.sum(axis=1), owner.sum(axis=1))
    similarity: Matrix = np.sqrt(owner @ np.square(matrix) @ owner.T / smaller)
    return similarity


def standardised(codes: Codes) -> Matrix:
    """Columns (N, D) with mean 0 and standard deviation 1; constant columns become 0."""
    wide = codes.astype(np.float64)
    deviation = wide.std(axis=0)
    scaled: Matrix = (wide - wide.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return scaled


def relative_strength(matrix: Matrix) -> float:
    """Mean over rows and over columns of max^2 / sum of similarities (a, b); rows of 0 count 0, none at all give 0."""
    if matrix.size == 0:
        return 0.0
    sides = []
    for axis in (0, 1):
        total = matrix.sum(axis=axis)
        sides.append(np.divide(matrix.max(axis=axis) ** 2, total, out=np.zeros(len(total)), where=total > 0).mean())
    return float(np.mean(sides))


def lasso(left: Matrix, right: Matrix) -> Matrix:
    """Absolute coefficients (D, D) of predicting columns of ``right`` (N, D) from those of ``left`` (N, D)."""
    from sklearn.linear_model import Lasso

    coefficients: Matrix = np.abs(np.atleast_2d(fit(Lasso(alpha=0.1), left, right).coef_)).T
    return coefficients


def spearman(left: Matrix, right: Matrix) -> Matrix:
    """Absolute rank correlations (D, D) of columns of ``left`` and ``right`` (N, D); 0 for constant columns."""
    from scipy.stats import rankdata

    own, other = (standardised(rankdata(codes, axis=0)) for codes in (left, right))
    table: Matrix = np.abs(own.T @ other) / len(left)
    return table


SIMILARITIES = {"lasso": lasso, "spearman": spearman}
