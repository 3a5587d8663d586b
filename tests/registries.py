"""What a test registers or imports by name is gone after it, as it is in a new process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from submission import plugins
from submission.data.registry import REGISTRY as DATA
from submission.latent.spaces import SPACES
from submission.metrics.registry import REGISTRY as METRICS
from submission.models.networks import NETWORKS
from submission.objectives import OBJECTIVES
from submission.plots.charts import CHARTS
from submission.studies.measures import MEASURES

REGISTRIES: tuple[dict[str, Any], ...] = (DATA, METRICS, SPACES, NETWORKS, OBJECTIVES, CHARTS, MEASURES)


@contextmanager
def put_back() -> Iterator[None]:
    """All registries, and the list of modules that were asked for by name, are as before when the block ends."""
    known, asked = [dict(registry) for registry in REGISTRIES], list(plugins._imported)
    try:
        yield
    finally:
        for registry, before in zip(REGISTRIES, known, strict=True):
            if registry != before:
                registry.clear()
                registry.update(before)
        for name in set(plugins._imported) - set(asked):
            sys.modules.pop(name, None)
        plugins._imported[:] = asked
