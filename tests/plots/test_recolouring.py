"""A figure in another theme is the recoloured one, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from submission.plots import DARK, LIGHT, Theme, decoder, latent_space, tradeoff
from submission.plots.recolouring import recolour
from submission.plots.style import to_bytes
from tests.plots.conftest import Make

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def assert_recoloured(draw: Callable[[Theme], Figure], kind: str = "png") -> None:
    """Drawing in the dark theme gives the same file as recolouring; recolouring back gives the first one."""
    figure = draw(LIGHT)
    light = to_bytes(figure, kind, 60)
    recolour(figure, LIGHT, DARK)
    dark = to_bytes(figure, kind, 60)
    assert dark == to_bytes(draw(DARK), kind, 60) != light
    recolour(figure, DARK, LIGHT)
    assert to_bytes(figure, kind, 60) == light


@pytest.mark.parametrize("spec", ["S^2 x T^2 x R^3", "Torus x RP^2", "SO(3)", "Klein", "S^5 x R^1"])
def test_a_latent_space(spec: str, make: Make) -> None:
    model, encoded = make(spec)
    assert_recoloured(lambda theme: latent_space(encoded, decoder(model), theme=theme))


def test_a_chart() -> None:
    points = {"A": [(1.0, 0.2), (1.2, 0.3)], "B": [(2.0, 0.4)]}
    assert_recoloured(lambda theme: tradeoff(points, "mig", theme=theme), "svg")
