"""The challenge's rank aggregation: many scores, one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError

Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """One participant's place.

    Attributes:
        entry: index of the participant's best entry.
        ranks: its rank per score among the best entries.
        mean_rank: their mean.
    """

    entry: int
    ranks: tuple[int, ...]
    mean_rank: float


def ranks(scores: Table) -> npt.NDArray[np.int64]:
    """Rank (n, m) of each of n entries in each of m scores: 1 + the number of entries with a greater score."""
    columns = [1 + len(column) - np.searchsorted(np.sort(column), column, side="right") for column in scores.T]
    return np.stack(columns, axis=1).astype(np.int64)


def aggregate(scores: Table, participants: Sequence[str]) -> list[Ranked]:
    """Participants in the order of the challenge's leaderboard.

    All entries are ranked in every score (ties share the better rank); the entry with the smallest mean rank is its
    participant's best, that participant's entries leave, and the rest is ranked anew until nobody is left. Then the
    best entries are ranked among themselves and ordered by mean rank. Equal mean ranks fall to the earlier entry; the
    challenge left the order of its database to decide the first step and took the earlier one in the second.

    Args:
        scores: (n, m) finite scores, higher is better, in order of submission.
        participants: who made each of the n entries.
    """
    if not np.isfinite(scores).all():
        raise SubmissionError("a score is not finite", "leave out entries without a score")
    best = best_entries(scores, np.asarray(participants))
    among = ranks(scores[best]) if len(best) else np.zeros((0, scores.shape[1]), np.int64)
    places = [Ranked(entry, tuple(map(int, row)), float(row.mean())) for entry, row in zip(best, among, strict=True)]
    return sorted(places, key=lambda place: (place.mean_rank, place.entry))


def best_entries(scores: Table, participants: npt.NDArray[np.str_]) -> list[int]:
    """Index of each participant's best entry, in the order in which the aggregation takes them."""
    pool = np.arange(len(scores))
    best: list[int] = []
    while len(pool):
        winner = int(pool[np.argmin(ranks(scores[pool]).mean(axis=1))])
        best.append(winner)
        pool = pool[participants[pool] != participants[winner]]
    return best
