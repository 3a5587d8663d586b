"""The plan of an evaluation: metrics and their settings, from presets, names, your own settings and eras."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from submission.errors import UsageError, did_you_mean
from submission.metrics.base import Era, Metric
from submission.metrics.registry import metric
from submission.options import accepts, describe, plain

MOST_SEEDS = 1_000
"""Repetitions of the protocol at most."""
LAST_SEED = 2**32 - 1
Backend = Literal["submission", "disentanglement_lib"]

CHALLENGE = ("mig", "factor_vae", "dci", "sap", "irs")
PRESETS: dict[str, tuple[str, ...]] = {
    "challenge": CHALLENGE,  # the starter kit's local_evaluation: unsupervised_study_v1's settings, and irs
    "study": (  # unsupervised_study_v1
        *("mig", "factor_vae", "dci", "sap", "beta_vae", "modularity", "unsupervised"),
        *("downstream", "downstream_logistic"),
    ),
    "fast": CHALLENGE,  # few samples: inexact, in seconds
}


@dataclass(frozen=True)
class Plan:
    """What to compute.

    Attributes:
        preset: name of the settings, followed by those that differ from it, e.g. ``challenge mig.num_bins=10``.
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
        preset, _, changed = self.preset.partition(" ")
        parts = [preset, str(self.seeds[0])]
        parts += [f"seeds{len(self.seeds)}"] if len(self.seeds) > 1 else []
        parts += [self.era] if self.era != "installed" else []
        parts += [self.backend] if self.backend != "submission" else []
        parts += ["+".join(metric.name for metric, _ in self.metrics)] if self.named else []
        parts += [hashlib.sha256(changed.encode()).hexdigest()[:8]] if changed else []
        parts += [re.sub(r"[^\w+.]", "_", other) for other in others]
        return "-".join(parts) + ".json"


Settings = Mapping[str, Mapping[str, Any]]
"""Metric → the settings in which it differs from the preset, e.g. ``{"mig": {"num_bins": 10}}``."""


def make_plan(
    preset: str = "challenge",
    metrics: Sequence[str] = (),
    era: Era = "installed",
    backend: Backend = "submission",
    seed: int = 0,
    repeats: int = 1,
    settings: Settings | None = None,
) -> Plan:
    """The plan for a preset, or for the metrics named, at the preset's settings.

    Args:
        preset: ``challenge``, ``study`` or ``fast``.
        metrics: names of the metrics; the preset's where none are named.
        era: ``installed``, or ``2019`` for the challenge's scikit-learn and numpy.
        backend: whose code computes, ``submission`` or ``disentanglement_lib``.
        seed: of the protocol.
        repeats: number of seeds, from ``seed`` on.
        settings: metric → settings in which it differs from the preset.

    Raises:
        UsageError: no such preset, metric or setting, a seed that numpy's generator refuses, too many of them or none,
            or an era that the backend cannot imitate.
    """
    if preset not in PRESETS:
        fix = did_you_mean(preset, PRESETS, f"choose from {', '.join(PRESETS)}")
        raise UsageError(f"there is no preset named {preset!r}", fix)
    if era not in ("installed", "2019"):
        raise UsageError(f"there is no era {era!r}", "use installed or 2019")
    if backend not in get_args(Backend):
        raise UsageError(f"there is no backend {backend!r}", f"use {' or '.join(get_args(Backend))}")
    if backend == "disentanglement_lib" and era != "installed":
        raise UsageError("disentanglement_lib runs with the scikit-learn that is installed", "leave --era out")
    require_seeds(seed, repeats)
    found = {known.name: known for known in map(metric, named(metrics) or PRESETS[preset])}
    own = {metric(name).name: with_own_numbers(changes) for name, changes in (settings or {}).items()}
    for name in own:
        if name not in found:
            raise UsageError(f"settings are given for {name}, which is not computed", f"add it to {', '.join(found)}")
    chosen = tuple(configured(known, preset, era, own.get(name, {})) for name, known in found.items())
    return Plan(preset + shown(own), chosen, bool(metrics), era, backend, tuple(range(seed, seed + repeats)))


def with_own_numbers(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose numbers of NumPy or PyTorch are Python's own, as score files hold them."""
    return {key: plain(value) if hasattr(value, "tolist") else value for key, value in changes.items()}


def named(metrics: Sequence[str]) -> list[str]:
    """Names of metrics, which may also be given in one string with commas between them."""
    return [name.strip() for name in metrics.split(",")] if isinstance(metrics, str) else list(metrics)


def shown(settings: Settings) -> str:
    """Settings of one's own as part of a preset's name; empty where there are none."""
    pairs = (f"{name}.{key}={value}" for name, own in sorted(settings.items()) for key, value in sorted(own.items()))
    return "".join(f" {pair}" for pair in pairs)


def require_seeds(seed: int, repeats: int) -> None:
    """UsageError for a seed that numpy's generator refuses, or a number of seeds out of range."""
    if not 1 <= repeats <= MOST_SEEDS:
        raise UsageError(f"{repeats} repetitions are out of range", f"use 1 to {MOST_SEEDS} repetitions")
    if seed < 0 or seed + repeats - 1 > LAST_SEED:
        last = f" to {seed + repeats - 1}" if repeats > 1 else ""
        raise UsageError(f"seed {seed}{last} is out of range", f"use 0 to {LAST_SEED}")


def configured(chosen: Metric, preset: str, era: Era, changes: Mapping[str, Any]) -> tuple[Metric, Any]:
    """A metric with the preset's settings, the era where the metric depends on one, and ``changes``."""
    settings = chosen.fast if preset == "fast" else chosen.settings
    known = [field.name for field in dataclasses.fields(settings)]
    require_settings(chosen.name, changes, get_type_hints(type(settings)) if changes else {})
    era_of = {"era": era} if "era" in known else {}
    return chosen, dataclasses.replace(settings, **{**era_of, **changes})


def require_settings(owner: str, changes: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """UsageError for a setting that ``owner`` does not have, or a value of another type than its ``hints`` name."""
    for name, value in changes.items():
        if name not in hints:
            fix = did_you_mean(name, hints, f"it has {', '.join(hints)}")
            raise UsageError(f"{owner} has no setting {name!r}", fix)
        if not accepts(hints[name], value):
            what = f"{owner}.{name} = {value!r:.80} has the wrong type"
            raise UsageError(what, f"it takes {describe(hints[name])}")
