"""The challenge's rank aggregation, by hand and against a literal transcription."""

from __future__ import annotations

import numpy as np
import pytest

from submission.errors import SubmissionError, UsageError
from submission.studies.entries import Entry
from submission.studies.leaderboard import leaderboard
from submission.studies.ranking import aggregate, ranks


def test_ties_share_the_better_rank() -> None:
    assert ranks(np.array([[0.5, 1.0], [0.5, 3.0], [0.9, 2.0], [0.1, 3.0]])).tolist() == [
        [2, 4],
        [2, 1],
        [1, 3],
        [4, 1],
    ]


def test_an_example_worked_by_hand() -> None:
    """Ann enters twice, Bob and Cleo once, with two scores.

    All four: first score 9 8 7 1 → ranks 1 2 3 4; second score 1 8 5 9 → ranks 4 2 3 1. Mean ranks: Ann's first 2.5,
    Ann's second 2, Bob 3, Cleo 2.5. Ann's second wins, and both of hers leave. Bob against Cleo: ranks (1, 2) and
    (2, 1), both 1.5: Bob is earlier. Best entries: 8 7 1 → 1 2 3 and 8 5 9 → 2 3 1; means 1.5, 2.5, 2.
    """
    scores = np.array([[9.0, 1.0], [8.0, 8.0], [7.0, 5.0], [1.0, 9.0]])
    places = aggregate(scores, ["ann", "ann", "bob", "cleo"])
    assert [(place.entry, place.ranks, place.mean_rank) for place in places] == [
        (1, (1, 2), 1.5),
        (3, (3, 1), 2.0),
        (2, (2, 3), 2.5),
    ]


def literal(scores: np.ndarray, participants: list[str]) -> list[tuple[int, float]]:
    """The four steps as they are written, entry by entry."""

    def mean_rank(entry: int, pool: list[int]) -> float:
        columns = range(scores.shape[1])
        return sum(1 + sum(scores[o, c] > scores[entry, c] for o in pool) for c in columns) / scores.shape[1]

    pool, best = list(range(len(scores))), []
    while pool:
        winner = min(pool, key=lambda entry: (mean_rank(entry, pool), entry))
        best.append(winner)
        pool = [entry for entry in pool if participants[entry] != participants[winner]]
    return sorted(((entry, mean_rank(entry, best)) for entry in best), key=lambda pair: (pair[1], pair[0]))


@pytest.mark.parametrize("seed", range(20))
def test_it_follows_the_literal_steps(seed: int) -> None:
    random = np.random.RandomState(seed)
    scores = random.randint(6, size=(25, 5)).astype(float)
    participants = [f"p{number}" for number in random.randint(8, size=25)]
    assert [(place.entry, place.mean_rank) for place in aggregate(scores, participants)] == literal(
        scores, participants
    )


def test_no_entries_and_bad_scores() -> None:
    assert aggregate(np.zeros((0, 5)), []) == []
    with pytest.raises(SubmissionError, match="not finite"):
        aggregate(np.array([[np.nan]]), ["a"])


def entry(run: str, method: str, seed: int, mig: float, sap: float | None) -> Entry:
    """An entry with one or two scores."""
    scores = {"mig": mig} | ({} if sap is None else {"sap": sap})
    return Entry(run, "dsprites_full", "challenge", scores, seed, method=method)


RUNS = [
    entry("a0", "a", 0, 0.1, 0.5),
    entry("a1", "a", 1, 0.5, 0.1),
    entry("b0", "b", 0, 0.4, 0.2),
    entry("c0", "c", 0, 0.9, None),
]


def test_seeds_are_averaged_and_a_missing_score_is_not_ranked() -> None:
    rows = leaderboard(RUNS, ["mig", "sap"])
    assert [(row.method, row.place, row.seeds, row.mean_rank) for row in rows] == [
        ("a", 1, 2, 1.5),
        ("b", 2, 1, 1.5),
        ("c", None, 1, None),
    ]
    assert rows[0].scores == pytest.approx({"mig": 0.3, "sap": 0.3})
    assert rows[0].spread == pytest.approx({"mig": 0.08**0.5, "sap": 0.08**0.5})
    assert rows[0].ranks == {"mig": 2, "sap": 1}


def test_the_best_run_or_every_run_may_count() -> None:
    best = leaderboard(RUNS, ["mig", "sap"], repetitions="best")
    assert [(row.method, row.run, row.seeds) for row in best if row.place] == [("a", "a0", 2), ("b", "b0", 1)]
    each = leaderboard(RUNS, ["mig", "sap"], repetitions="each")
    assert [row.method for row in each if row.place] == ["a0", "a1", "b0"]


def test_any_score_may_decide() -> None:
    rows = leaderboard(RUNS, ["mig", "sap"], by="mig")
    assert [row.method for row in rows] == ["c", "b", "a"]
    with pytest.raises(UsageError, match=r"no entry has a score 'dci'.*mig, sap"):
        leaderboard(RUNS, ["mig", "sap"], by="dci")
