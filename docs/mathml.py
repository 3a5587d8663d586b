"""Sphinx: formulas as MathML, made when the site is built. Pages need no script and no server to show them."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def inline(writer: Any, node: nodes.math) -> None:
    """A formula in a sentence."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """A formula on lines of its own, in an area that scrolls where the window is narrow."""
    start = writer.starttag(node, "div", CLASS="math", tabindex="0")
    writer.body.append(f"{start}{convert(node.astext(), display='block')}</div>\n")
    raise nodes.SkipNode


def setup(application: Any) -> dict[str, bool]:
    """Register the renderer under the name ``mathml``."""
    application.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
