"""A run, an encoder or a table of codes → scores with their provenance.

``evaluate`` scores anything that maps images to codes, ``score`` codes and factors in memory; both return ``Results``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.evaluation.api import EvaluationInterrupted, evaluate, score, score_target
    from submission.evaluation.plan import PRESETS, Plan, make_plan
    from submission.evaluation.results import Results
    from submission.evaluation.targets import TargetOptions, open_target

MODULES = {
    "EvaluationInterrupted": "api",
    "evaluate": "api",
    "score": "api",
    "score_target": "api",
    "PRESETS": "plan",
    "Plan": "plan",
    "make_plan": "plan",
    "Results": "results",
    "TargetOptions": "targets",
    "open_target": "targets",
}
"""Name → module; imported when it is first used, so that tables of score files need no torch."""

__all__ = [
    "PRESETS",
    "EvaluationInterrupted",
    "Plan",
    "Results",
    "TargetOptions",
    "evaluate",
    "make_plan",
    "open_target",
    "score",
    "score_target",
]


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
