"""The part of the report that shows score files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from submission.evaluation.record import read_scores
from submission.report.curves import score_bars
from submission.report.page import Section, figure, paragraph, table

Record = dict[str, Any]
NONE = "–"


def score_sections(folder: Path) -> list[Section]:
    """One section per score file in ``folder``, the newest first; none where nothing was scored yet."""
    records = [(path, read_scores(path)) for path in folder.glob("*.json")]
    records.sort(key=lambda pair: str(pair[1].get("created", "")), reverse=True)
    return [Section(f"Scores ({path.stem})", body(record)) for path, record in records]


def body(record: Record) -> str:
    """Bars of the headline scores, the table of all, and what must be known about them."""
    labels, keys = list(record["columns"]), headlines(record)
    bars = {label: {name: value(record, label, name, key) or 0.0 for name, key in keys.items()} for label in labels}
    parts = [
        paragraph(
            f"Preset {record['preset']}, seeds {', '.join(map(str, record['seeds']))}, commit {record['commit']}."
        ),
        figure(
            score_bars(bars, list(keys)), "Headline scores of the trained encoder beside the baselines.", chart=True
        ),
        table(["score", *labels], rows(record)),
        *(paragraph(f"{name}: {about['caution']}") for name, about in record["metrics"].items() if about["caution"]),
    ]
    return "".join(parts)


def headlines(record: Record) -> dict[str, str]:
    """Metric → headline key, for the metrics that lie between 0 and 1."""
    return {name: about["headline"] for name, about in record["metrics"].items() if about["range"] == [0.0, 1.0]}


def rows(record: Record) -> list[list[str]]:
    """One row per shown score, its value in every column; block-aware scores below plain ones."""
    found = []
    for name, about in record["metrics"].items():
        for key in (about["headline"], *about["shown"]):
            found.append([f"{name} {key}", *cells(record, name, key)])
            joined = cells(record, name, key, "block_values")
            found += [[f"{name} {key}, by block", *joined]] if set(joined) != {NONE} else []
    return found


def cells(record: Record, name: str, key: str, kind: str = "values") -> list[str]:
    """A score in every column, or a dash where it could not be computed."""
    numbers = [value(record, label, name, key, kind) for label in record["columns"]]
    return [NONE if number is None else f"{number:.4f}" for number in numbers]


def value(record: Record, label: str, name: str, key: str, kind: str = "values") -> float | None:
    """A column's score, or None where it could not be computed; ``kind`` may be ``block_values``."""
    return record["columns"][label]["scores"].get(name, {}).get(kind, {}).get(key)
