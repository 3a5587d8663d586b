"""A finished figure in the colours of another theme, without drawing and arranging it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from submission.plots.style import Theme

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

RGB = tuple[float, ...]
PROPERTIES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def recolour(figure: Figure, old: Theme, new: Theme) -> None:
    """Give a figure that was drawn, and saved once, in the theme ``old`` the colours of ``new``.

    Saved again, it is byte for byte the figure drawn in ``new``; tests/plots/test_recolouring.py compares all kinds.
    """
    from matplotlib.axis import Axis
    from matplotlib.colors import to_rgb

    pairs: dict[RGB, RGB] = {to_rgb(getattr(old, own.name)): to_rgb(getattr(new, own.name)) for own in fields(Theme)}
    figure.set_layout_engine("none")  # everything stays where it is
    for artist in artists_of(figure):
        for name in PROPERTIES:
            recolour_property(artist, name, pairs)
        if isinstance(artist, Axis):  # ticks are made anew whenever a figure is drawn
            artist.set_tick_params(which="both", color=new.soft, labelcolor=new.ink, grid_color=new.line)
            recolour_space(artist, new)


def artists_of(figure: Figure) -> Iterator[Artist]:
    """Everything in a figure, the boxes behind its texts included."""
    from matplotlib.text import Text

    for artist in figure.findobj():
        yield artist
        box = artist.get_bbox_patch() if isinstance(artist, Text) else None
        if box is not None:
            yield box


def recolour_property(artist: Artist, name: str, pairs: dict[RGB, RGB]) -> None:
    """Replace one colour, or the colours of a collection; transparency stays."""
    from matplotlib.colors import to_rgba, to_rgba_array

    get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
    if get is None or put is None:
        return
    value: Any = get()
    if isinstance(value, str) and value in ("auto", "none"):
        return
    if isinstance(value, str | tuple):
        *colour, alpha = to_rgba(value)
        if tuple(colour) in pairs:
            put((*pairs[tuple(colour)], alpha))
    else:
        colours = [tuple(row) for row in to_rgba_array(value).tolist()]
        if any(row[:3] in pairs for row in colours):
            put([(*pairs.get(row[:3], row[:3]), row[3]) for row in colours])


def recolour_space(axis: Any, new: Theme) -> None:
    """The pane, the line and the grid of an axis in three dimensions."""
    if hasattr(axis, "set_pane_color"):
        axis.set_pane_color(new.card)
        axis.line.set_color(new.soft)
        axis._axinfo["grid"]["color"] = new.line
