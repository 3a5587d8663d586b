"""The part of the report that shows score files."""

from __future__ import annotations

from submission.report.curves import score_bars
from submission.report.page import Section, figure, paragraph, table
from submission.run import Run, ScoreFile

NONE = "–"


def score_sections(run: Run) -> list[Section]:
    """One section per score file of ``run``, the newest first; none where nothing was scored yet."""
    records = list(zip(run.score_paths(), run.scores(), strict=True))
    records.sort(key=lambda pair: pair[1].created, reverse=True)
    return [Section(f"Scores ({path.stem})", body(record)) for path, record in records]


def body(scores: ScoreFile) -> str:
    """Bars of the headline scores, the table of all, and what must be known about them."""
    names = [name for name, about in scores.metrics.items() if about.range == (0.0, 1.0)]
    bars = {label: {name: scores.value(label, name) or 0.0 for name in names} for label in scores.columns}
    parts = [
        paragraph(f"Preset {scores.preset}, seeds {', '.join(map(str, scores.seeds))}, commit {scores.commit}."),
        figure(score_bars(bars, names), "Headline scores of the trained encoder beside the baselines.", chart=True),
        table(["score", *scores.columns], rows(scores)),
        *(paragraph(f"{name}: {about.caution}") for name, about in scores.metrics.items() if about.caution),
    ]
    return "".join(parts)


def rows(scores: ScoreFile) -> list[list[str]]:
    """One row per shown score, its value in every column; block-aware scores below plain ones."""
    return [
        [f"{metric} {key}{', by block' * block}", *map(digits, values)] for metric, key, block, values in scores.rows()
    ]


def digits(value: float | None) -> str:
    """A score, or a dash where it could not be computed."""
    return NONE if value is None else f"{value:.4f}"
