"""Which metrics at which settings: presets, names and eras."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from submission.errors import UsageError, did_you_mean
from submission.metrics.base import Era, Metric
from submission.metrics.registry import metric

MOST_SEEDS = 1_000
"""Repetitions; the interval of their mean has long stopped moving."""
LAST_SEED = 2**32 - 1
Backend = Literal["submission", "disentanglement_lib"]

CHALLENGE = ("mig", "factor_vae", "dci", "sap", "irs")
PRESETS: dict[str, tuple[str, ...]] = {
    "challenge": CHALLENGE,  # the starter kit's local_evaluation: unsupervised_study_v1's settings, and irs
    "study": (  # unsupervised_study_v1
        *("mig", "factor_vae", "dci", "sap", "beta_vae", "modularity", "unsupervised"),
        *("downstream", "downstream_logistic"),
    ),
    "fast": CHALLENGE,  # few samples, for a quick look
}


@dataclass(frozen=True)
class Plan:
    """What to compute.

    Attributes:
        preset: name of the settings.
        metrics: each metric with its settings.
        named: whether the user named the metrics, rather than taking the preset's.
        era: which scikit-learn's defaults.
        backend: our code, or the real disentanglement_lib.
        seeds: one or more seeds of the protocol.
    """

    preset: str
    metrics: tuple[tuple[Metric, Any], ...]
    named: bool
    era: Era
    backend: Backend
    seeds: tuple[int, ...]

    def file_name(self, *others: str) -> str:
        """``<preset>-<seed>.json``, with what differs from the plain evaluation, also in ``others``, in between."""
        parts = [self.preset, str(self.seeds[0])]
        parts += [f"seeds{len(self.seeds)}"] if len(self.seeds) > 1 else []
        parts += [self.era] if self.era != "installed" else []
        parts += [self.backend] if self.backend != "submission" else []
        parts += ["+".join(metric.name for metric, _ in self.metrics)] if self.named else []
        parts += [re.sub(r"[^\w+.]", "_", other) for other in others]
        return "-".join(parts) + ".json"

    def without_grid(self) -> Plan:
        """The same without the preset's metrics that plain samples cannot serve; metrics the user named stay."""
        kept = tuple((metric, settings) for metric, settings in self.metrics if self.named or not metric.full_grid)
        return dataclasses.replace(self, metrics=kept)


def make_plan(
    preset: str = "challenge",
    metrics: Sequence[str] = (),
    era: Era = "installed",
    backend: Backend = "submission",
    seed: int = 0,
    seeds: int = 1,
) -> Plan:
    """The plan for a preset, or for the metrics named, at the preset's settings.

    Raises:
        UsageError: no such preset or metric, a seed that numpy's generator refuses, too many of them or none, or an
            era that the backend cannot imitate.
    """
    if preset not in PRESETS:
        fix = did_you_mean(preset, PRESETS, f"choose from {', '.join(PRESETS)}")
        raise UsageError(f"there is no preset named {preset!r}", fix)
    if era not in ("installed", "2019"):
        raise UsageError(f"there is no era {era!r}", "use installed or 2019")
    if backend == "disentanglement_lib" and era != "installed":
        raise UsageError("disentanglement_lib runs with the scikit-learn that is installed", "leave --era out")
    require_seeds(seed, seeds)
    chosen = tuple(settled(metric(name), preset, era) for name in (metrics or PRESETS[preset]))
    return Plan(preset, chosen, bool(metrics), era, backend, tuple(range(seed, seed + seeds)))


def require_seeds(seed: int, seeds: int) -> None:
    """UsageError for a seed that numpy's generator refuses, or a number of them that nobody means."""
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"{seeds} repetitions are out of range", f"use 1 to {MOST_SEEDS} seeds")
    if seed < 0 or seed + seeds - 1 > LAST_SEED:
        last = f" to {seed + seeds - 1}" if seeds > 1 else ""
        raise UsageError(f"seed {seed}{last} is out of range", f"use 0 to {LAST_SEED}")


def settled(chosen: Metric, preset: str, era: Era) -> tuple[Metric, Any]:
    """A metric with the preset's settings; the era where the metric knows of one."""
    settings = chosen.fast if preset == "fast" else chosen.settings
    if any(field.name == "era" for field in dataclasses.fields(settings)):
        settings = dataclasses.replace(settings, era=era)
    return chosen, settings
