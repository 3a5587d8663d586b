"""A small VAE per latent space, and posteriors of a data set with known factors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from submission.data import load
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.plots import DARK, LIGHT, Encoded, Theme, encode_dataset, to_bytes
from submission.plots.recolouring import recolour

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

pytest.importorskip("matplotlib")
Make = Callable[[str], tuple[VAE, Encoded]]


@pytest.fixture(scope="session")
def make() -> Make:
    """Spec of a latent space → an untrained VAE and the posteriors of some translations of a periodic picture."""
    dataset = load("torus_pictures", simple=True)
    known: dict[str, tuple[VAE, Encoded]] = {}

    def made(spec: str) -> tuple[VAE, Encoded]:
        if spec not in known:
            torch.manual_seed(0)
            model = build("mlp_small", parse(spec), dataset.image_shape).eval()
            known[spec] = model, encode_dataset(model, dataset, most=200)
        return known[spec]

    return made


def assert_recoloured(draw: Callable[[Theme], Figure], kind: str = "png") -> None:
    """Drawing in the dark theme gives the same file as recolouring; recolouring back gives the first one."""
    figure = draw(LIGHT)
    light = to_bytes(figure, kind, 60)
    recolour(figure, LIGHT, DARK)
    dark = to_bytes(figure, kind, 60)
    assert dark == to_bytes(draw(DARK), kind, 60) != light
    recolour(figure, DARK, LIGHT)
    assert to_bytes(figure, kind, 60) == light


def assert_legible(figure: Figure) -> None:
    """All texts, such as titles, labels of ticks and names in legends, are inside the figure and cover no other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, whole = canvas.get_renderer(), figure.bbox.padded(1)
    boxes = {text: text.get_window_extent(renderer) for text in texts_of(figure)}
    for text, box in boxes.items():
        assert "$" not in text.get_text()
        assert all(whole.contains(*corner) for corner in (box.min, box.max)), text.get_text()
    for (first, box), (second, other) in itertools.combinations(boxes.items(), 2):
        assert not box.overlaps(other), (first.get_text(), second.get_text())


def texts_of(figure: Figure) -> list[Text]:
    """The texts that are seen: without labels of ticks beyond the ends of an axis."""
    from matplotlib.text import Text

    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            outside = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high or not axes.axison]
            hidden.update(label for tick in outside for label in (tick.label1, tick.label2))
    found = [item for item in figure.findobj(Text) if isinstance(item, Text) and item.get_text().strip()]
    return [text for text in found if text.get_visible() and text not in hidden]
