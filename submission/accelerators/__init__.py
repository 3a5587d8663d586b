"""Faster implementations of some functions, mostly C kernels that are built at installation where a compiler is.

``submission.acceleration`` is the only module that imports this package. Without it the program is complete, and slower
(docs/results/accelerators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def replacements() -> Mapping[str, Callable[..., Any]]:
    """Name of a ``@replaceable`` function → the implementation that is called before it."""
    from submission.accelerators import aggregate, encoders, memory, trees

    return {
        "submission.objectives.aggregate.aggregate_log_prob": aggregate.aggregate_log_prob,
        "submission.export.verified.faster_encoder": encoders.faster_encoder,
        "submission.metrics.boosting.classification_trees": trees.classification_trees,
        "submission.device.prepare_memory": memory.prepare_memory,
    }
