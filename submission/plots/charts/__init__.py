"""Charts: how points of a manifold are placed on paper, what is drawn around them, and where decoded images go.

Every kind of component (``Component.topology``) has a chart. ``charts_for`` finds it, and your own space either
registers one with ``register_chart`` or has a method ``charts(points)`` that returns some.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from submission.plots.charts import projective, spheres, tori
from submission.plots.charts.base import CHARTS, Array, Chart, ChartMaker, register_chart
from submission.plots.charts.euclidean import principal_plane

__all__ = ["CHARTS", "Array", "Chart", "ChartMaker", "charts_for", "projective", "register_chart", "spheres", "tori"]


def charts_for(topology: str, points: Array, space: Any = None) -> Sequence[Chart]:
    """The charts of a component: the space's own method ``charts(points)``, the registered ones, or a plane.

    Args:
        topology: as in ``Component``.
        points: centres of posteriors (N, e), to which a chart may adapt its axes.
        space: the factor that the component belongs to.
    """
    own = getattr(space, "charts", None)
    if callable(own):
        return list(own(points))
    return CHARTS.get(topology, principal_plane)(points, space)
