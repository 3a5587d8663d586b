"""A run, an encoder or a table of codes → scores with their provenance.

``evaluate`` scores whatever makes codes of images, ``score`` codes and factors in memory; both return ``Results``.
"""

from submission.evaluation.api import EvaluationInterrupted, evaluate, score, score_target
from submission.evaluation.plan import PRESETS, Plan, make_plan
from submission.evaluation.results import Results
from submission.evaluation.targets import TargetOptions, open_target

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
