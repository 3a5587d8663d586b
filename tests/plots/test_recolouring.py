"""A figure in another theme is the recoloured one, byte for byte."""

from __future__ import annotations

import pytest

from submission.plots import decoder, latent_space, tradeoff
from tests.plots.conftest import Make, assert_recoloured


@pytest.mark.parametrize("spec", ["S^2 x T^2 x R^3", "Torus x RP^2", "SO(3)", "Klein", "S^5 x R^1"])
def test_a_latent_space(spec: str, make: Make) -> None:
    model, encoded = make(spec)
    assert_recoloured(lambda theme: latent_space(encoded, decoder(model), theme=theme))


def test_a_chart() -> None:
    points = {"A": [(1.0, 0.2), (1.2, 0.3)], "B": [(2.0, 0.4)]}
    assert_recoloured(lambda theme: tradeoff(points, "mig", theme=theme), "svg")
