"""How figures look and how they are saved: themes, print sizes, files that are equal byte for byte.

Figures are made through matplotlib's object-oriented interface. The global backend, ``pyplot`` and the user's
``matplotlibrc`` are neither read nor changed.
"""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from submission.errors import SubmissionError, UsageError
from submission.files import output, user_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = 180.0
"""Width in millimetres of both columns of a printed page."""
FORMATS = ("png", "svg", "pdf")
SALT = "submission"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7F8C")
"""Okabe and Ito's colours, which people with colour-vision deficiencies can tell apart (without yellow and black)."""
MARKERS = "osD^vP*"
"""Marks, as many as colours."""
DASHES = ("solid", (0, (4, 1.5)), (0, (1, 1)), "dashdot")
"""Line styles, so that no information is carried by colour alone."""
LABEL_WIDTH = 38
"""Letters in a line of a method's label."""
LINE = 4.4
"""Height of a line of a label in millimetres, with the space below it."""
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Theme:
    """Colours of everything but the data.

    Attributes:
        ink, soft, line, paper: of text, of axes and labels, of grid lines, and of the background.
        card: of areas that stand out from the background.
    """

    ink: str
    soft: str
    line: str
    paper: str
    card: str

    def settings(self) -> dict[str, Any]:
        """matplotlib's settings for this theme."""
        from cycler import cycler

        colours = {
            "text.color": self.ink,
            "axes.labelcolor": self.ink,
            "axes.edgecolor": self.soft,
            "axes.facecolor": self.paper,
            "axes.prop_cycle": cycler(color=PALETTE),
            "figure.facecolor": self.paper,
            "savefig.facecolor": self.paper,
            "axes3d.xaxis.panecolor": self.card,
            "axes3d.yaxis.panecolor": self.card,
            "axes3d.zaxis.panecolor": self.card,
            "grid.color": self.line,
            "xtick.color": self.soft,
            "ytick.color": self.soft,
            "xtick.labelcolor": self.ink,
            "ytick.labelcolor": self.ink,
        }
        return FIXED | colours


LIGHT = Theme("#1d2330", "#5d6678", "#dfe3ea", "#ffffff", "#f2f4f8")
DARK = Theme("#e8eaf0", "#9aa3b5", "#343b4c", "#14171f", "#222734")
FIXED: dict[str, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "grid.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "image.interpolation": "nearest",
    "savefig.dpi": 300,
    "svg.hashsalt": SALT,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # names are shown as they are, whatever signs they have
}

AS_TEXT: dict[str, Any] = {"svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans", "Verdana"]}
"""Settings of SVG files whose text stays text: two fonts of the same widths."""


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, with the settings of its keyword argument ``theme`` (``LIGHT`` if it is left out)."""

    @functools.wraps(function)
    def drawn(*arguments: P.args, **options: P.kwargs) -> R:
        theme = options.get("theme", LIGHT)
        assert isinstance(theme, Theme)
        with _settings(theme.settings()):
            return function(*arguments, **options)

    return drawn


def _settings(changes: dict[str, Any]) -> Any:
    """A context in which matplotlib has its own defaults and ``changes``; the backend is left alone."""
    matplotlib = require_matplotlib()
    left_alone = {"backend", "backend_fallback", "interactive", "toolbar", "webagg.port", "webagg.address"}
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in left_alone}
    return matplotlib.rc_context(defaults | changes)


def require_matplotlib() -> Any:
    """matplotlib, or a SubmissionError that says how to install it."""
    try:
        import matplotlib
    except ImportError:
        raise SubmissionError("figures need matplotlib", "pip install 'disentanglement-submission[report]'") from None
    return matplotlib


def new_figure(width: float = PAGE, height: float = 60.0) -> Figure:
    """An empty figure of ``width`` × ``height`` millimetres that arranges its axes so that nothing overlaps."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 25.4, height / 25.4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def wrapped(label: str, width: int = LABEL_WIDTH) -> str:
    """A method's label in lines of at most ``width`` letters."""
    return textwrap.fill(label, width)


def panel_title(title: str, across: int) -> str:
    """A title in lines that fit above one of ``across`` panels with labels to their left."""
    return wrapped(title, 100 // (across + 1))


def mark(number: int) -> dict[str, str]:
    """Colour and mark of the method ``number``; the first 49 all differ."""
    turns, place = divmod(number, len(PALETTE))
    return {"color": PALETTE[place], "marker": MARKERS[(place + turns) % len(MARKERS)]}


def legend_height(labels: Sequence[str]) -> float:
    """Height in millimetres of a legend of ``labels`` below each other, each with as many lines as the longest."""
    return LINE * len(labels) * max((1 + label.count("\n") for label in labels), default=0)


def rows_height(labels: Sequence[str]) -> float:
    """Height in millimetres of a panel with a row for each of ``labels``, two rows at least."""
    return max([6.0, *(3.6 * (1 + label.count("\n")) for label in labels)]) * max(2, len(labels))


def add_grid(axes: Axes, axis: Any = "y") -> None:
    """Light lines behind the data."""
    axes.grid(axis=axis)


def to_bytes(figure: Figure, kind: str = "png", dpi: int = 300, text: bool = False, title: str = "") -> bytes:
    """The figure as a PNG, SVG or PDF file; the same figure gives the same bytes.

    Args:
        figure: what a function of ``submission.plots`` returned.
        kind: ``png``, ``svg`` or ``pdf``.
        dpi: pixels per inch of PNG files, and of the point clouds inside the others.
        text: SVG files keep text as text, in the viewer's fonts, instead of outlines; they are about half as large.
        title: what the figure shows, for those who do not see it; SVG and PDF files hold it.
    """
    if kind not in FORMATS:
        raise UsageError(f"figures cannot be saved as {kind!r}", f"choose one of {', '.join(FORMATS)}")
    undated: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    if title and kind != "png":
        undated[kind]["Title"] = title
    buffer = io.BytesIO()
    with _settings(FIXED | (AS_TEXT if text else {})):
        figure.savefig(buffer, format=kind, metadata=undated[kind], dpi=dpi, facecolor=figure.get_facecolor())
    return buffer.getvalue()


def save(figure: Figure, path: Path | str, dpi: int = 300, text: bool = False, title: str = "") -> Path:
    """Write the figure to ``path``, whose ending (.png, .svg or .pdf) chooses the format; returns the path.

    ``dpi``, ``text`` and ``title`` as for ``to_bytes``.
    """
    path = user_path(path)
    content = to_bytes(figure, path.suffix.lower().removeprefix("."), dpi, text, title)
    with output(path) as file:
        file.write(content)
    return path
