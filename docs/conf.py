"""Sphinx: the site made of the Markdown in this folder and of the package's docstrings."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from pygments.lexers.python import PythonLexer  # noqa: E402

from submission import __version__  # noqa: E402

gc.disable()  # a build is short; two fifths of its time were searches for garbage

project = "Disentanglement submission"
copyright = "the authors, MIT licence"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "sphinx.ext.apidoc"]
html_math_renderer = "mathml"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "notebooks"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = project
html_extra_path = ["llms.txt"]
apidoc_modules = [
    {
        "path": str(ROOT / "submission"),
        "destination": "reference/modules",
        "exclude_patterns": ["*/__main__.py"],
        "separate_modules": False,
        "module_first": True,
        "implicit_namespaces": False,
    }
]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_mock_imports = ["tensorflow", "disentanglement_lib", "crowdai_api", "pythae"]
napoleon_google_docstring = True
napoleon_use_ivar = True
nitpicky = False
suppress_warnings = ["myst.header", "ref.python"]  # sections at any level; types of one name in several modules
autodoc_default_options = {"ignore-module-all": True}
LITERAL = re.compile(r"(``.*?``)")
"""What is code in a docstring."""


def escape(application: Any, what: str, name: str, owner: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: |x|, *shape and names that end in _ are not markup."""
    for number, line in enumerate(lines):
        bullet = re.match(r"\s*(\* )?", line)
        start = bullet.end() if bullet else 0
        parts = LITERAL.split(line[start:])
        lines[number] = line[:start] + "".join(
            part if part.startswith("``") else re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts
        )


ACCESSIBLE = {
    'role="heading">': 'role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer': '<aside aria-label="This page" class="toc-drawer',
    '<div class="content-icon-container">': '<div class="content-icon-container" role="region" aria-label="Tools">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    "<pre>": '<pre tabindex="0">',
}
"""What the theme leaves out for keyboards and screen readers: levels, names, and the focus of areas that scroll."""


def complete(application: Any, exception: Exception | None) -> None:
    """Apply ``ACCESSIBLE`` to the pages that were written."""
    if exception is not None or application.builder.format != "html":
        return
    for page in Path(application.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for old, new in ACCESSIBLE.items():
            text = text.replace(old, new)
        page.write_text(text, encoding="utf-8")


def setup(application: Any) -> None:
    """Colour gin files as Python; connect ``escape`` before napoleon reads docstrings, and ``complete`` at the end."""
    application.add_lexer("gin", PythonLexer)
    application.connect("autodoc-process-docstring", escape, priority=100)
    application.connect("build-finished", complete)
