"""DCI-ES: explicitness and size, which extend DCI.

Eastwood, Nicolicioiu, von Kügelgen, Kekić, Träuble, Dittadi and Schölkopf, "DCI-ES: an extended disentanglement
framework with connections to identifiability", ICLR 2023. Explicitness asks how much capacity a predictor needs: probes
of growing capacity c_1 < ... < c_T give losses l_1 ... l_T (each the best so far), l* is the lowest, first reached at
c_*, and l_b the loss of guessing. With the area between the loss-capacity curve and l*,

    A = sum_{t=2}^{*} (c_t - c_{t-1}) (l_{t-1} + l_t - 2 l*) / 2,   E = 1 - A / ((c_T - c_1) (l_b - l*) / 2),

so E = 1 if the smallest probe is as good as any and 0 if the loss falls in a straight line from guessing to l*. (The
authors' program puts l* = 0 into the last factor, which raises E.) Size is the number of factors over the number of
codes. The probes here are boosted trees, whose capacity is the logarithm of the number of rounds, and the loss is the
error rate on test points; E depends on that choice, as the paper says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.metrics.base import Blocks, Codes, Factors, Scores
from submission.metrics.blocks import check_blocks
from submission.metrics.boosting import fit_boosted_trees, predict_after
from submission.metrics.checks import check_points, constant_note
from submission.metrics.registration import of_train_test
from submission.metrics.sampling.points import train_test

ROUNDS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class DciEsSettings:
    """Points to draw, and how."""

    num_train: int = 10000
    num_test: int = 5000
    batch_size: int = 16


def dci_es(
    codes: Codes,
    factors: Factors,
    test_codes: Codes | None = None,
    test_factors: Factors | None = None,
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Scores:
    """Explicitness and size of training and test points.

    Args:
        codes: training points (N, D).
        factors: (N, K).
        test_codes, test_factors: test points; without them a third of the points, drawn from ``seed``, is held out.
        seed: of the trees.
        blocks: columns that count as one code, for the size; the probes use all columns either way.

    Returns:
        ``explicitness`` in [0, 1], the mean over factors that can be predicted at all, 0 if none can; ``size`` = K / D,
        above 1 for fewer codes than factors. Details: ``explicitness`` (K,), ``loss`` (K, 7) at ``rounds`` (7,).
    """
    train, test = train_test(codes, factors, test_codes, test_factors, seed)
    codes, factors = check_points(*train, "dci_es")
    test_codes, test_factors = check_points(*test, "dci_es", varied=False)
    random_state = np.random.RandomState(seed)
    losses, explicit = [], []
    for label, test_label in zip(factors.T, test_factors.T, strict=True):
        model = fit_boosted_trees(codes, label, random_state, rounds=ROUNDS[-1])
        predictions = predict_after(model, test_codes, ROUNDS)
        losses.append([float(np.mean(predicted != test_label)) for predicted in predictions])
        seen, counts = np.unique(label, return_counts=True)
        guessing = float(np.mean(seen[counts.argmax()] != test_label))
        explicit.append(explicitness(np.log2(ROUNDS), np.array(losses[-1]), guessing))
    per_factor = np.array(explicit)
    known = per_factor[np.isfinite(per_factor)]
    size = factors.shape[1] / codes.shape[1]
    values = {"explicitness": float(known.mean()) if known.size else 0.0, "size": size}
    details = {"explicitness": np.nan_to_num(per_factor), "loss": np.array(losses), "rounds": np.array(ROUNDS)}
    unpredicted = ", ".join(map(str, np.flatnonzero(~np.isfinite(per_factor))))
    notes = (f"no probe predicts factors {unpredicted} better than guessing; they are left out",) if unpredicted else ()
    scores = Scores(values, details, (*notes, *constant_note(codes)))
    return scores if blocks is None else join(scores, blocks)


def join(scores: Scores, blocks: Blocks) -> Scores:
    """The same by block: the size counts blocks, the probes use all columns either way."""
    count = len(scores.details["loss"])
    check_blocks(blocks, round(count / scores.values["size"]))
    return Scores({**scores.values, "size": count / len(blocks)}, scores.details, scores.notes)


def explicitness(
    capacity: npt.NDArray[np.floating[Any]], loss: npt.NDArray[np.floating[Any]], guessing: float
) -> float:
    """E of one loss-capacity curve, clipped to [0, 1]; nan where no probe beats guessing.

    Args:
        capacity, loss: (T,), capacities ascending.
        guessing: loss without codes.
    """
    curve = np.minimum.accumulate(loss) - loss.min()
    improvement = guessing - loss.min()
    if improvement <= 0:
        return float("nan")
    area = float(np.sum(np.diff(capacity) * (curve[1:] + curve[:-1])) / 2)
    return float(np.clip(1 - 2 * area / ((capacity[-1] - capacity[0]) * improvement), 0, 1))


DCI_ES = replace(
    of_train_test(
        dci_es,
        name="dci_es",
        headline="explicitness",
        shown=("size",),
        summary="how little capacity a predictor of the factors needs",
        settings=DciEsSettings(),
        fast=DciEsSettings(num_train=2000, num_test=1000),
        caution="depends on the family of probes (boosted trees of 1 to 64 rounds)",
    ),
    join=join,
)
