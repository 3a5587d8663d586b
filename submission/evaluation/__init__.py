"""A run folder, model file or table of codes → scores with their provenance."""

from submission.evaluation.evaluate import Column, Outcome, evaluate
from submission.evaluation.plan import PRESETS, Plan, make_plan
from submission.evaluation.record import record

__all__ = ["PRESETS", "Column", "Outcome", "Plan", "evaluate", "make_plan", "record"]
