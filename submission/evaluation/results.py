"""``Results``: the scores of one evaluation, as an object in Python, a table, and a score file."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission import provenance
from submission.errors import SubmissionError, UsageError
from submission.evaluation.plan import Plan
from submission.evaluation.scoring import MetricResult, ResultColumn
from submission.evaluation.statistics import summarise
from submission.files import user_path
from submission.metrics.base import Metric, Scores
from submission.run import ScoreFile
from submission.run.scores import FORMAT

if TYPE_CHECKING:
    import pandas

ACTIVE = 0.05
"""Standard deviation from which a dimension counts as active, as in the FactorVAE score."""


@dataclass(frozen=True, repr=False)
class Results:
    """Scores of one representation, beside its baselines.

    ``results["mig"]`` is a metric's first score, a mean over the seeds. In a notebook, and printed, it is a table.

    Attributes:
        record: everything that the score file holds.
        path: where ``save`` writes by default, the run's score file; None for what is not a run.
    """

    record: ScoreFile
    path: Path | None = None

    @classmethod
    def read(cls, path: Path | str) -> Results:
        """The results in a score file; SubmissionError where it is something else."""
        path = user_path(path)
        return cls(ScoreFile.read(path), path)

    def __getitem__(self, metric: str) -> float:
        """The first score of ``metric``; SubmissionError where it could not be computed."""
        value = self.value(metric)
        if value is None:
            outcome = self.record.columns[self.record.label].scores.get(metric)
            reason = (outcome.error or outcome.unavailable) if outcome else "it was not computed"
            raise SubmissionError(
                f"there is no score {metric}: {reason}", f"there are: {', '.join(self.scores) or 'none'}"
            )
        return value

    def value(self, metric: str, key: str = "", column: str = "", by_block: bool = False) -> float | None:
        """One score, or None where there is none.

        Args:
            metric: its name.
            key: name of the score among the metric's, its headline by default.
            column: ``untrained``, ``true factors`` … ; the representation itself by default.
            by_block: whether columns of one component of the latent space count as one.
        """
        label = column or self.record.label
        if label not in self.record.columns:
            raise UsageError(f"there is no column {label!r}", f"choose from {', '.join(self.record.columns)}")
        return self.record.value(label, metric, key, by_block)

    @property
    def scores(self) -> dict[str, float]:
        """Metric → the first of its scores, of the representation itself."""
        return self.record.headlines()

    @property
    def failures(self) -> dict[str, str]:
        """Metric → why it could not be computed."""
        return self.record.failures()

    def save(self, path: Path | str | None = None) -> Path:
        """Write the score file, atomically, and return its path; a run's results have a default path."""
        target = self.path if path is None else user_path(path)
        if target is None:
            raise UsageError("these results are not of a run folder", "name a file: results.save('scores.json')")
        target.parent.mkdir(parents=True, exist_ok=True)
        self.record.write(target)
        return target

    def to_frame(self) -> pandas.DataFrame:
        """One row per score, one column per representation; SubmissionError where pandas is not installed."""
        return self.record.to_frame()

    def _repr_html_(self) -> str:
        return self.record._repr_html_()

    def __repr__(self) -> str:
        header, rows = self.record.table()
        lines = [[cell.replace("\n", " ") for cell in row] for row in (header, *rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = ("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in lines)
        return "\n".join([self.record.title, *aligned, *self.record.remarks()])


def make_results(plan: Plan, columns: Sequence[ResultColumn], about: dict[str, Any], path: Path | None) -> Results:
    """Results of a plan.

    Args:
        plan: what was computed.
        columns: the results.
        about: facts about the representation and the data (file, hash, device, precision, data set).
        path: the run's score file, if it is a run.
    """
    return Results(ScoreFile.of(to_json(plan, columns, about), "the record of this evaluation"), path)


def to_json(plan: Plan, columns: Sequence[ResultColumn], about: dict[str, Any]) -> dict[str, Any]:
    """The score file's contents (docs/metrics.md, "The score file")."""
    return {
        "format": FORMAT,
        **provenance.record(),
        "preset": plan.preset,
        "era": plan.era,
        "backend": plan.backend,
        "seeds": list(plan.seeds),
        **about,
        "metrics": {metric.name: metric_json(metric, settings) for metric, settings in plan.metrics},
        "columns": {column.representation.label: column_json(column) for column in columns},
    }


def metric_json(metric: Metric, settings: Any) -> dict[str, Any]:
    """What a metric's numbers mean and how they were made."""
    return {
        "version": metric.version,
        "headline": metric.headline,
        "shown": list(metric.shown),
        "summary": metric.summary,
        "higher_is_better": metric.higher_is_better,
        "range": [bound if math.isfinite(bound) else None for bound in metric.range],
        "caution": metric.caution,
        "settings": dataclasses.asdict(settings),
    }


def column_json(column: ResultColumn) -> dict[str, Any]:
    """One representation: its factors and codes, and each metric's result."""
    own = column.representation
    return {
        "factors": own.factors,
        "codes": own.codes,
        "blocks": dict(zip(own.layout.names, map(list, own.layout.blocks), strict=True)),
        "angles": list(own.layout.angles),
        "samples": own.samples,
        "standard_deviations": list(column.deviations),
        "active_dimensions": [k for k, deviation in enumerate(column.deviations) if deviation >= ACTIVE],
        "scores": {result.metric.name: result_json(result) for result in column.results},
    }


def result_json(result: MetricResult) -> dict[str, Any]:
    """Mean values over seeds, each seed's values, and the arrays behind the first."""
    if result.unavailable:
        return {"unavailable": result.unavailable}
    if result.error:
        return {"error": result.error, "seconds": round(result.seconds, 3)}
    blocks = blocks_json(result.block_runs) if result.block_runs else {}
    blocks |= {"block_error": result.block_error} if result.block_error else {}
    spread = {"summary": summaries(result.runs)} if len(result.runs) > 1 else {}
    return {
        "values": mean_values(result.runs),
        **spread,
        "per_seed": [run.values for run in result.runs],
        **blocks,
        "notes": list(result.runs[0].notes),
        "details": arrays_json(result.runs[0]),
        "seconds": round(result.seconds, 3),
    }


def blocks_json(runs: Sequence[Scores]) -> dict[str, Any]:
    """The same of the variant by block."""
    spread = {"block_summary": summaries(runs)} if len(runs) > 1 else {}
    return {
        "block_values": mean_values(runs),
        **spread,
        "block_per_seed": [run.values for run in runs],
        "block_details": arrays_json(runs[0]),
    }


def mean_values(runs: Sequence[Scores]) -> dict[str, float]:
    """Mean over seeds of every named score."""
    return {key: float(np.mean([run.values[key] for run in runs])) for key in runs[0].values}


def summaries(runs: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation and interval over seeds of every named score."""
    found = {key: summarise([run.values[key] for run in runs]) for key in runs[0].values}
    return {
        key: {**dataclasses.asdict(own), "low": float(own.low), "high": float(own.high)} for key, own in found.items()
    }


def arrays_json(scores: Scores) -> dict[str, Any]:
    """The arrays behind the numbers."""
    return {name: nested(array) for name, array in scores.details.items()}


def nested(array: npt.NDArray[Any]) -> Any:
    """An array as nested lists, with None where a number is not finite."""
    if not np.issubdtype(array.dtype, np.floating):
        return array.tolist()
    return np.where(np.isfinite(array), array, np.array(None, dtype=object)).tolist()


def file_json(path: Path) -> dict[str, Any]:
    """Path, hash, size and time of change of a file: enough to notice that it has changed since."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check the path") from None
    return {"file": str(path), "sha256": digest, "size": status.st_size, "modified_ns": status.st_mtime_ns}
