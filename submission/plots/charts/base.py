"""What a chart is, and the register of charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
PI = np.pi
GREY = "#7A7F8C"
"""Of lines that belong to a manifold; legible on light and on dark paper."""
REVERSED: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.2}
"""How a boundary is drawn whose points are identified."""


@dataclass(frozen=True)
class Chart:
    """A picture of one manifold.

    Attributes:
        name: what is shown, for titles and alternative text: ``sphere, Hammer projection``.
        project: points (N, e) of the manifold → places (N, 2) or (N, 3).
        limits: half widths of the picture along each axis.
        outline: draws the boundary and labels on the axes.
        invert: places (M, 2) → points (M, e) and which places lie inside (M,); None where no plane shows the
            manifold, or a part of it, without overlap. Decoded images are drawn there.
        note: what a reader must know, such as which boundary points are one point.
        plane: what the places of ``invert`` are where they are not those of ``project``, such as ``slice z = 0``.
        plane_limits: half widths of the plane of ``invert``; those of the picture by default.
        normals: outward normals (N, 3) of a closed surface at points (N, e), by which hidden points are left out.
    """

    name: str
    project: Callable[[Array], Array]
    limits: tuple[float, ...]
    outline: Callable[[Any], None]
    invert: Callable[[Array], tuple[Array, npt.NDArray[np.bool_]]] | None = None
    note: str = ""
    plane: str = ""
    plane_limits: tuple[float, float] = (0.0, 0.0)
    normals: Callable[[Array], Array] | None = None

    @property
    def spatial(self) -> bool:
        """Whether the picture is in three dimensions."""
        return len(self.limits) == 3


ChartMaker = Callable[[Array, Any], Sequence[Chart]]
"""Points (N, e) and the space they belong to → the charts that show it, the most informative one first."""
CHARTS: dict[str, ChartMaker] = {}


def register_chart(topology: str) -> Callable[[ChartMaker], ChartMaker]:
    """Name the function that makes the charts of a ``Component.topology``; for manifolds of one's own."""

    def register(maker: ChartMaker) -> ChartMaker:
        CHARTS[topology] = maker
        return maker

    return register
