"""The leaderboard as text: cells of a table, CSV, plain data, a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from submission import provenance, text
from submission.report.page import Page, Section, Table, Text, render
from submission.studies.leaderboard import Row

LEGEND = "Ranks are in brackets; ± is the standard deviation over seeds. Places depend on the others."
"""What the numbers of a cell are."""
WITHOUT_PLACE = "Without a place: a score is missing in at least one run."


def header(metrics: Sequence[str]) -> list[str]:
    """Column titles."""
    return ["method", "place", "rank", "runs", *metrics]


def cells(rows: Sequence[Row], metrics: Sequence[str]) -> list[list[str]]:
    """One list of strings per row; scores with their standard deviation over seeds and (rank)."""
    return [[row.method, place(row), mean_rank(row), str(row.seeds), *(score(row, m) for m in metrics)] for row in rows]


def place(row: Row) -> str:
    """The place, or a dash."""
    return str(row.place) if row.place else "–"


def mean_rank(row: Row) -> str:
    """The mean rank, or a dash."""
    return "–" if row.mean_rank is None else f"{row.mean_rank:.2f}"


def score(row: Row, metric: str) -> str:
    """Value, spread and rank of one score, or a dash."""
    if metric not in row.scores:
        return "–"
    spread = f"\n±{row.spread[metric]:.4f}" if metric in row.spread else ""
    rank = f" ({row.ranks[metric]})" if metric in row.ranks else ""
    return f"{row.scores[metric]:.4f}{rank}{spread}"


def csv_text(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """The table with one column per number and every digit."""
    titles = [part for name in metrics for part in (name, f"{name}_sd", f"{name}_rank")]
    lines: list[list[object]] = [["place", "method", "seeds", "mean_rank", *titles, "run"]]
    for row in rows:
        numbers = [part.get(name, "") for name in metrics for part in (row.scores, row.spread, row.ranks)]
        first = [row.place or "", row.method, row.seeds, "" if row.mean_rank is None else row.mean_rank]
        lines.append([*first, *numbers, row.run])
    return text.csv_text(lines)


def plain(dataset: str, protocol: str, order: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The table for JSON."""
    about = {"dataset": dataset, "protocol": protocol, "order": order, "created": provenance.now()}
    return {**about, "rows": [asdict(row) for row in rows]}


def notes(rows: Sequence[Row]) -> list[str]:
    """What stands below the table: the meaning of its numbers, and why a row has no place."""
    return [LEGEND, *([WITHOUT_PLACE] if any(row.place is None for row in rows) else [])]


def page(title: str, metrics: Sequence[str], rows: Sequence[Row]) -> str:
    """A self-contained HTML page with the table."""
    texts = [Text(note, "note") for note in notes(rows)]
    return render(
        Page("Leaderboard", title, [Section("Ranking", [Table(header(metrics), cells(rows, metrics)), *texts])])
    )
