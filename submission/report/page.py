"""The elements of a report page, and its rendering as one self-contained HTML file.

Sections hold items: text, tables, pictures, code. ``templates/page.html.j2`` draws them; all text is escaped there.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from submission.errors import SubmissionError

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: its words.
        tone: ``""``, ``warning`` or ``note``.
    """

    text: str
    tone: str = ""
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it shows.
        mark: ``""``, ``low`` (at or below the untrained encoder), ``own`` (of this run) or ``section``.
    """

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table that scrolls inside itself.

    Attributes:
        header: titles of the columns.
        rows: cells, or plain strings, of each row.
        caption: above it.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    caption: str = ""
    kind: str = field(default="table", init=False)

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows with every string as a cell."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """A picture, drawn for light and for dark pages.

    Attributes:
        light, dark: ``data:`` URIs; without ``dark`` one picture serves both. Printed pages show ``light``.
        alt: what it shows, for people who do not see it.
        caption: what one sees.
        chart: charts keep a width at which they can be read, images shrink with the page.
    """

    light: str
    alt: str
    caption: str
    dark: str = ""
    chart: bool = True
    kind: str = field(default="picture", init=False)


@dataclass(frozen=True)
class Slider:
    """A strip of frames side by side; with scripts one frame is shown and a slider chooses it.

    Attributes:
        name: of what moves.
        strip: ``data:`` URI of the frames in a row.
        frames: how many.
        note: beside the name.
    """

    name: str
    strip: str
    frames: int
    note: str = ""


@dataclass(frozen=True)
class Sliders:
    """Several strips."""

    sliders: Sequence[Slider]
    kind: str = field(default="sliders", init=False)


@dataclass(frozen=True)
class Code:
    """Commands or configuration as they are typed; ``folded``: shown on demand under ``title``."""

    text: str
    title: str = ""
    folded: bool = False
    kind: str = field(default="code", init=False)


@dataclass(frozen=True)
class Facts:
    """Names and values; ``folded``: shown on demand under ``title``."""

    pairs: Sequence[tuple[str, str]]
    title: str = ""
    folded: bool = False
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Download:
    """A file inside the page."""

    name: str
    mime: str
    content: str
    kind: str = field(default="download", init=False)

    @property
    def uri(self) -> str:
        """The file as a ``data:`` URI."""
        return data_uri(self.content.encode(), self.mime)


Item = Text | Table | Picture | Sliders | Code | Facts | Download


@dataclass(frozen=True)
class Section:
    """A titled part of a page."""

    title: str
    items: Sequence[Item]

    @property
    def anchor(self) -> str:
        """Its address inside the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Page:
    """A whole page.

    Attributes:
        title, subtitle: what it is about.
        sections: its parts, listed in the contents.
        verdict: the result in a sentence.
        warnings: what a reader must know before the numbers.
        data: for the JSON that is embedded in the page.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    verdict: str = ""
    warnings: Sequence[str] = ()
    data: Any = None


def render(page: Page) -> str:
    """The page as HTML.

    Raises:
        SubmissionError: jinja2 is not installed.
    """
    template = environment().get_template("page.html.j2")
    data = json.dumps(page.data, allow_nan=False, sort_keys=True) if page.data is not None else ""
    return template.render(page=page, sections=distinct(page.sections), data=script_safe(data))


def distinct(sections: Sequence[Section]) -> list[Section]:
    """The sections that hold something; those of one title get numbers, so that each has an address of its own."""
    seen: Counter[str] = Counter()
    found = []
    for section in (section for section in sections if section.items):
        seen[section.anchor] += 1
        count = seen[section.anchor]
        found.append(section if count == 1 else replace(section, title=f"{section.title} ({count})"))
    return found


@functools.cache
def environment() -> Environment:
    """jinja2 with this package's templates; everything is escaped."""
    try:
        import jinja2
    except ImportError:
        fix = "pip install 'disentanglement-submission[report]'"
        raise SubmissionError("reports need jinja2", fix) from None
    loader = jinja2.PackageLoader("submission.report")
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


def script_safe(text: str) -> str:
    """JSON that cannot end the ``<script>`` element that it stands in."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_uri(content: bytes, mime: str) -> str:
    """``content`` as a ``data:`` URI."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
