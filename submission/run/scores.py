"""Score files: the JSON of one evaluation (docs/metrics.md, "The score file")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission import schema
from submission.errors import SubmissionError
from submission.files import write_json

if TYPE_CHECKING:
    import pandas

FORMAT = 1
FIX = "evaluate the run again"


@dataclass(frozen=True)
class ScoredRepresentation:
    """What was scored.

    Attributes:
        file: its path.
        sha256: of the file.
        width: columns of the codes.
        codes: ``mean``, ``sample``, an export mode, or ``unknown``.
        precision: the encoder's.
        extra: whatever else is recorded, e.g. device and layout.
    """

    file: str = ""
    sha256: str = ""
    width: int = 0
    codes: str = "unknown"
    precision: str = "float32"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredData:
    """The data set that it was scored on; ``extra`` holds factors, number of images and their origin."""

    name: str = ""
    periodic: tuple[bool, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricRecord:
    """What a metric's numbers mean and how they were made.

    Attributes:
        headline: key of its first score.
        shown: keys of the scores to show after it.
        version, summary, higher_is_better, caution: of the metric.
        range: lowest and highest value; None where there is no bound.
        settings: what it was computed with.
    """

    headline: str
    shown: tuple[str, ...] = ()
    version: int | str = 1
    summary: str = ""
    higher_is_better: bool = True
    range: tuple[float | None, ...] = ()
    caution: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OutcomeRecord:
    """One metric's result for one representation.

    Attributes:
        values: score → mean over the seeds; empty where the metric failed.
        block_values: the same by block of the latent space.
        per_seed: values of each seed.
        summary: score → mean, standard deviation and interval over seeds.
        notes: remarks on the numbers.
        details: arrays behind the first seed's numbers.
        seconds: that it took.
        error, block_error: why there are no values.
    """

    values: Mapping[str, float | None] = field(default_factory=dict)
    block_values: Mapping[str, float | None] = field(default_factory=dict)
    per_seed: tuple[Mapping[str, float | None], ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    block_error: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnRecord:
    """One representation: its codes, and metric → outcome.

    Attributes:
        codes: as in ``ScoredRepresentation``.
        blocks: name → columns that belong together.
        angles: columns that hold angles.
        standard_deviations: of each column.
        active_dimensions: columns that vary.
        scores: metric → outcome.
        extra: factors and number of samples.
    """

    scores: Mapping[str, OutcomeRecord]
    codes: str = "unknown"
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    angles: tuple[int, ...] = ()
    standard_deviations: tuple[float, ...] = ()
    active_dimensions: tuple[int, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreFile:
    """One evaluation: every number with all that it depends on.

    Attributes:
        format: of the file.
        preset, era, backend, seeds: the protocol.
        representation, data: what was scored, and on what.
        metrics: name → what it is.
        columns: label → scores; the first is the representation itself, the others are baselines.
        created, commit, machine, versions: when, by what and where.
    """

    preset: str
    metrics: Mapping[str, MetricRecord]
    columns: Mapping[str, ColumnRecord]
    data: ScoredData = field(default_factory=lambda: ScoredData())
    era: str = "installed"
    backend: str = "submission"
    seeds: tuple[int, ...] = ()
    representation: ScoredRepresentation = field(default_factory=ScoredRepresentation)
    created: str = ""
    commit: str = "unknown"
    machine: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> ScoreFile:
        """The score file ``path``; SubmissionError where it is something else, or damaged."""
        return cls.of(schema.read_json(path, FIX), path)

    @classmethod
    def of(cls, value: object, where: Path | str) -> ScoreFile:
        """The score file with the JSON ``value``; ``where`` names it in errors."""
        if not isinstance(value, dict) or value.get("format") != FORMAT or "columns" not in value:
            raise SubmissionError(f"{where} is not a score file of this version", FIX)
        scores = schema.record(cls, value, where, FIX)
        if not scores.columns:
            raise SubmissionError(f"{where} holds no scores", FIX)
        unknown = {name for column in scores.columns.values() for name in column.scores} - scores.metrics.keys()
        if unknown:
            raise SubmissionError(f"{where} lacks 'metrics.{min(unknown)}'", FIX)
        return scores

    def write(self, path: Path) -> None:
        """Replace ``path`` atomically."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The contents of the file."""
        plain: dict[str, Any] = schema.to_json(self)
        return plain

    @property
    def label(self) -> str:
        """The first column's label: the representation itself."""
        return next(iter(self.columns))

    @property
    def protocol(self) -> str:
        """What must agree for scores to be comparable: preset; era, precision and backend where not the default."""
        found = {"installed": self.era, "submission": self.backend, "float32": self.representation.precision}
        return " ".join([self.preset, *(given for default, given in found.items() if given != default)])

    def headlines(self) -> dict[str, float]:
        """Metric → the first of its scores, of the representation itself; failed metrics are left out."""
        found = {name: self.value(self.label, name) for name in self.columns[self.label].scores}
        return {name: value for name, value in found.items() if value is not None}

    def value(self, label: str, metric: str, key: str = "", block: bool = False) -> float | None:
        """One score of a column, the metric's headline by default; None where it could not be computed."""
        outcome = self.columns[label].scores.get(metric)
        if outcome is None:
            return None
        values = outcome.block_values if block else outcome.values
        return values.get(key or self.metrics[metric].headline)

    def rows(self) -> list[tuple[str, str, bool, list[float | None]]]:
        """Metric, score, whether it is by block, and its value in every column, for every score to show."""
        found = []
        for metric, about in self.metrics.items():
            for key in dict.fromkeys((about.headline, *about.shown)):
                for block in (False, True):
                    values = [self.value(label, metric, key, block) for label in self.columns]
                    if not block or any(value is not None for value in values):
                        found.append((metric, key, block, values))
        return found

    def to_frame(self) -> pandas.DataFrame:
        """One row per score, one column per representation, as a pandas data frame.

        Raises:
            SubmissionError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            fix = "pip install 'disentanglement-submission[notebook]'"
            raise SubmissionError("data frames need pandas", fix) from None
        index = [(metric, key, "block" if block else "column") for metric, key, block, _ in self.rows()]
        return pandas.DataFrame(
            [values for *_, values in self.rows()],
            index=pandas.MultiIndex.from_tuples(index, names=["metric", "score", "by"]),
            columns=list(self.columns),
        )

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        header = ["score", *self.columns]
        body = [
            [f"{metric} {key}{', by block' * block}", *map(digits, values)]
            for metric, key, block, values in self.rows()
        ]
        return html_table(header, body, f"{self.representation.file} on {self.data.name}, {self.protocol}")


def digits(value: float | None) -> str:
    """A score, or a dash where there is none."""
    return "–" if value is None else f"{value:.4f}"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A plain HTML table; every text is escaped."""
    from html import escape

    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
