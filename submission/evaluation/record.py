"""Scores as JSON: every number with all that it depends on (docs/metrics.md, "The score file")."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission import provenance
from submission.errors import SubmissionError
from submission.evaluation.evaluate import Column, Outcome
from submission.evaluation.plan import Plan
from submission.evaluation.statistics import summarise
from submission.metrics.base import Metric, Scores
from submission.run.scores import FORMAT

ACTIVE = 0.05
"""Standard deviation from which a dimension counts as active, as in the FactorVAE score."""


def record(plan: Plan, columns: Sequence[Column], about: dict[str, Any]) -> dict[str, Any]:
    """The score file's contents.

    Args:
        plan: what was computed.
        columns: the outcomes.
        about: what the caller knows of the representation and the data (file, hash, device, precision, data set).
    """
    return {
        "format": FORMAT,
        **provenance.record(),
        "preset": plan.preset,
        "era": plan.era,
        "backend": plan.backend,
        "seeds": list(plan.seeds),
        **about,
        "metrics": {metric.name: describe(metric, settings) for metric, settings in plan.metrics},
        "columns": {column.subject.label: describe_column(column) for column in columns},
    }


def describe(metric: Metric, settings: Any) -> dict[str, Any]:
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


def describe_column(column: Column) -> dict[str, Any]:
    """One subject: its factors and codes, and each metric's outcome."""
    subject = column.subject
    return {
        "factors": subject.factors,
        "codes": subject.codes,
        "blocks": dict(zip(subject.layout.names, map(list, subject.layout.blocks), strict=True)),
        "angles": list(subject.layout.angles),
        "samples": subject.samples,
        "standard_deviations": list(column.deviations),
        "active_dimensions": [k for k, deviation in enumerate(column.deviations) if deviation >= ACTIVE],
        "scores": {outcome.metric.name: describe_outcome(outcome) for outcome in column.outcomes},
    }


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """Mean values over seeds, each seed's values, and the arrays behind the first."""
    if outcome.error:
        return {"error": outcome.error, "seconds": round(outcome.seconds, 3)}
    blocks = describe_blocks(outcome.block_runs) if outcome.block_runs else {}
    blocks |= {"block_error": outcome.block_error} if outcome.block_error else {}
    spread = {"summary": summaries(outcome.runs)} if len(outcome.runs) > 1 else {}
    return {
        "values": mean_values(outcome.runs),
        **spread,
        "per_seed": [run.values for run in outcome.runs],
        **blocks,
        "notes": list(outcome.runs[0].notes),
        "details": plain_details(outcome.runs[0]),
        "seconds": round(outcome.seconds, 3),
    }


def describe_blocks(runs: Sequence[Scores]) -> dict[str, Any]:
    """The same of the block-aware variant."""
    return {
        "block_values": mean_values(runs),
        "block_per_seed": [run.values for run in runs],
        "block_details": plain_details(runs[0]),
    }


def plain_details(scores: Scores) -> dict[str, Any]:
    """The arrays behind the numbers."""
    return {name: plain(array) for name, array in scores.details.items()}


def mean_values(runs: Sequence[Scores]) -> dict[str, float]:
    """Mean over seeds of every named score."""
    return {key: float(np.mean([run.values[key] for run in runs])) for key in runs[0].values}


def summaries(runs: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation and bootstrap interval over seeds of every named score."""
    return {key: dataclasses.asdict(summarise([run.values[key] for run in runs])) for key in runs[0].values}


def plain(array: npt.NDArray[Any]) -> Any:
    """An array as nested lists, with None where a number is not finite."""
    if not np.issubdtype(array.dtype, np.floating):
        return array.tolist()
    return np.where(np.isfinite(array), array, np.array(None, dtype=object)).tolist()


def sha256(path: Path) -> str:
    """Hash of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check the path") from None
