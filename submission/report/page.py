"""The report page: one self-contained HTML file, made from a run folder."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

STYLE = """
:root { --ink: #1d2330; --soft: #5d6678; --line: #e3e6ec; --paper: #ffffff; --card: #f7f8fa; --accent: #2456c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaf0; --soft: #9aa3b5; --line: #2d3342; --paper: #14171f; --card: #1c202b; --accent: #86a8ff; }
  img.chart { filter: invert(0.91) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 2.5rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p, figcaption, .facts { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
td.best { font-weight: 700; color: var(--accent); }
figure { margin: 1rem 0; overflow-x: auto; }
img { max-width: 100%; image-rendering: pixelated; }
img.chart { image-rendering: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); padding: 1rem; overflow-x: auto; font-size: .82rem; }
"""


@dataclass(frozen=True)
class Section:
    """One titled part of the page; ``body`` is HTML that is already escaped."""

    title: str
    body: str


def render(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML; it refers to nothing outside itself."""
    parts = "\n".join(f"<section><h2>{html.escape(part.title)}</h2>\n{part.body}</section>" for part in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(subtitle)}</p>\n{parts}\n</body></html>\n"
    )


def paragraph(text: str) -> str:
    """Escaped text in a paragraph."""
    return f"<p>{html.escape(text)}</p>\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], best: Sequence[int | None] = ()) -> str:
    """A table; ``best[i]`` is the column to emphasise in row i, or None."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = []
    for number, row in enumerate(rows):
        mark = best[number] if number < len(best) else None
        cells = (
            f"<td{' class=best' if column == mark else ''}>{html.escape(cell)}</td>" for column, cell in enumerate(row)
        )
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>\n"


def figure(uri: str, caption: str, chart: bool = False) -> str:
    """A picture given as a ``data:`` URI; charts are recoloured for dark screens, photographs are not."""
    kind = ' class="chart"' if chart else ""
    text = html.escape(caption)
    return f'<figure><img{kind} src="{uri}" alt="{text}"><figcaption>{text}</figcaption></figure>\n'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """A list of names and values."""
    return "<dl>" + "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in pairs) + "</dl>\n"


def code(text: str) -> str:
    """Preformatted text."""
    return f"<pre>{html.escape(text)}</pre>\n"
