"""Score files: the JSON of one evaluation (docs/metrics.md, "The score file")."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from submission import schema
from submission.errors import SubmissionError
from submission.files import write_json

if TYPE_CHECKING:
    import pandas

FORMAT = 1
UNTRAINED, IDEAL = "untrained", "true factors"
"""Labels of the baselines' columns."""
FIX = "evaluate the run again"


@dataclass(frozen=True)
class RepresentationRecord:
    """What was scored.

    Attributes:
        file: its path; empty for a model in memory.
        sha256: of the file.
        size, modified_ns: bytes of the file, and when it was last changed, in nanoseconds.
        width: columns of the codes.
        codes: ``mean``, ``sample``, an export mode, or ``unknown``.
        precision: the encoder's.
        extra: whatever else is recorded, e.g. device and layout.
    """

    file: str = ""
    sha256: str = ""
    size: int = 0
    modified_ns: int = 0
    width: int = 0
    codes: str = "unknown"
    precision: str = "float32"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataRecord:
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
class SeedSummary:
    """One score over several seeds of the protocol: mean, standard deviation, and an interval of the mean."""

    mean: float
    sd: float
    low: float
    high: float
    count: int = 0
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.sd:.4f}\n[{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class OutcomeRecord:
    """One metric's result for one representation.

    Attributes:
        values: score → mean over the seeds; empty where the metric failed.
        block_values: the same by block of the latent space.
        per_seed: values of each seed.
        summary, block_summary: score → mean, standard deviation and interval over seeds, where there are several.
        notes: remarks on the numbers.
        details: arrays behind the first seed's numbers.
        seconds: that it took.
        error, block_error: why there are no values, where computing them failed.
        unavailable: why this metric was not computed, where that is not a failure.
    """

    values: Mapping[str, float | None] = field(default_factory=dict)
    block_values: Mapping[str, float | None] = field(default_factory=dict)
    per_seed: tuple[Mapping[str, float | None], ...] = ()
    summary: Mapping[str, SeedSummary] = field(default_factory=dict)
    block_summary: Mapping[str, SeedSummary] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    block_error: str = ""
    unavailable: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def remarks(self, failure: bool = True) -> list[str]:
        """Notes on the values, and why there are none; a failure only where asked for."""
        blocks = [f"by block: {self.block_error}"] if self.block_error else []
        found = [self.unavailable, *([self.error] if failure else []), *self.notes, *blocks]
        return [text for text in found if text]


@dataclass(frozen=True)
class ColumnRecord:
    """One representation: its codes, and metric → outcome.

    Attributes:
        codes: as in ``RepresentationRecord``.
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
        name: what its owner calls the representation, in tables of several; empty where it has no name.
        created, commit, machine, versions: when, by what and where.
    """

    preset: str
    metrics: Mapping[str, MetricRecord]
    columns: Mapping[str, ColumnRecord]
    data: DataRecord = field(default_factory=lambda: DataRecord())
    era: str = "installed"
    backend: str = "submission"
    seeds: tuple[int, ...] = ()
    representation: RepresentationRecord = field(default_factory=RepresentationRecord)
    created: str = ""
    commit: str = "unknown"
    machine: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
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
        pandas = data_frames()
        index = [(metric, key, "block" if block else "column") for metric, key, block, _ in self.rows()]
        return pandas.DataFrame(
            [values for *_, values in self.rows()],
            index=pandas.MultiIndex.from_tuples(index, names=["metric", "score", "by"]),
            columns=list(self.columns),
        )

    @property
    def title(self) -> str:
        """What was scored, on what, and how."""
        return f"{self.name or self.representation.file or self.label} on {self.data.name}, {self.protocol}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of the table of scores: the one that terminal, report and notebook show."""
        rows = [
            [
                "  by block" if block else self.row_title(metric, key),
                *(self.cell(label, metric, key, block) for label in self.columns),
            ]
            for metric, key, block, _ in self.rows()
        ]
        return ["score", *self.columns], rows

    def row_title(self, metric: str, key: str) -> str:
        """Name of a score, and its direction where lower is better."""
        about = self.metrics[metric]
        name = metric if key == about.headline and not about.shown else f"{metric} {key}"
        return name if about.higher_is_better else f"{name} (lower is better)"

    def cell(self, label: str, metric: str, key: str, block: bool = False) -> str:
        """A score as text, with standard deviation and interval where there are several seeds."""
        outcome = self.columns[label].scores.get(metric, OutcomeRecord())
        summary = (outcome.block_summary if block else outcome.summary).get(key)
        return digits(self.value(label, metric, key, block)) if summary is None else str(summary)

    def remarks(self, failures: bool = True) -> list[str]:
        """Cautions about metrics, notes on values, and reasons for gaps; each once, whatever columns it concerns.

        Args:
            failures: whether to name the metrics that failed for the representation itself.
        """
        cautions = [f"{name}: {about.caution}" for name, about in self.metrics.items() if about.caution]
        labels: dict[str, list[str]] = {}
        for label, column in self.columns.items():
            for metric, outcome in column.scores.items():
                for note in outcome.remarks(failures or label != self.label):
                    text = note if note.startswith((f"{metric} ", f"{metric}:")) else f"{metric}: {note}"
                    labels.setdefault(text, []).append(label)
        return cautions + [f"{', '.join(own)}, {text}" for text, own in labels.items()]

    def failures(self) -> dict[str, str]:
        """Metric → why it failed for the representation itself."""
        scores = self.columns[self.label].scores
        return {metric: outcome.error for metric, outcome in scores.items() if outcome.error}

    def is_stale(self, exported: Path) -> bool:
        """Whether a run's ``exported`` encoder is another one than was scored.

        A file of the recorded size and time of change is taken for the one that was scored; otherwise its hash decides.
        Without a file or a recorded hash nothing is known, and the scores count.
        """
        scored = self.representation
        if not scored.sha256 or not exported.is_file():
            return False
        try:
            status = exported.stat()
            if (scored.size, scored.modified_ns) == (status.st_size, status.st_mtime_ns):
                return False
            with exported.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() != scored.sha256
        except OSError:
            return False

    def _repr_html_(self) -> str:
        """The table that a notebook shows, and the remarks on it."""
        return html_table(*self.table(), self.title) + html_list(self.remarks())


def data_frames() -> ModuleType:
    """pandas; SubmissionError where it is not installed."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        fix = "pip install 'disentanglement-submission[notebook]'"
        raise SubmissionError("data frames need pandas", fix) from None


def digits(value: float | None) -> str:
    """A score, or a dash where there is none."""
    return "–" if value is None else f"{value:.4f}"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A plain HTML table; every text is escaped."""
    from html import escape

    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_list(lines: Sequence[str]) -> str:
    """A plain HTML list; every text is escaped, and nothing is shown where there are no lines."""
    from html import escape

    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
