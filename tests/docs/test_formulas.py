"""Formulas of the pages become MathML when the site is built; no page needs a script or another server to show them."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.docs.pages import FENCE, PAGES, name

BLOCK = re.compile(r"^\$\$\n(.*?)^\$\$$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<![$`\\])\$([^$`\n]+)\$")


def formulas(page: Path) -> list[str]:
    """The formulas of a page, in TeX."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return BLOCK.findall(text) + INLINE.findall(re.sub(r"`[^`]*`", "", BLOCK.sub("", text)))


@pytest.mark.parametrize("page", [page for page in PAGES if formulas(page)], ids=name)
def test_every_formula_is_converted_without_a_rest(page: Path) -> None:
    """An unknown command of TeX would stand in the page with its backslash."""
    convert = pytest.importorskip("latex2mathml.converter").convert
    for formula in formulas(page):
        found = convert(formula.strip(), display="block")
        assert found.startswith("<math"), formula
        assert "\\" not in found, formula
        assert "*" not in "".join(re.findall(r">([^<>]+)<", found)), formula  # what is left of \\operatorname*


def test_the_site_asks_for_no_other_server(tmp_path: Path) -> None:
    """A page with a formula, built with the site's own settings but its reference of modules."""
    sphinx = pytest.importorskip("sphinx.application")
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text("# A page\n\nHere $x^2$ and\n\n$$\n\\frac{1}{2}\n$$\n\n```gin\na.b = 1\n```\n")
    docs = Path(__file__).resolve().parents[2] / "docs"
    settings = {"apidoc_modules": [], "html_extra_path": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generator's own libraries
        app = sphinx.Sphinx(source, docs, tmp_path / "out", tmp_path / "tree", "html", settings, status=None)
        app.build()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.count("<math") == 2
    loaded = re.findall(r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="([^"]+)"', page)
    assert len(loaded) > 4
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    styles = "".join(file.read_text(errors="replace") for file in (tmp_path / "out").rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*", styles) == []
    assert "@import" not in styles or "//" not in re.findall(r"@import[^;]*", styles)[0]
