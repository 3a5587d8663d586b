"""Open HTML pages in a headless Chromium: what goes wrong in it, screenshots, and the printed page.

    python scripts/look_at_pages.py PAGE... [--out FOLDER] [--site FOLDER]

For each page, at 1280 and 390 pixels, light and dark: console errors, requests, content that is wider than the window,
and what axe finds; dark pictures on printed pages; screenshots and a PDF in
FOLDER. Needs Chromium, playwright and axe-playwright-python.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DARK_PICTURES = "[...document.querySelectorAll('img.dark')].filter(image => image.offsetParent).length"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def chromium() -> str | None:
    """The browser's path, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def look(page: Path, out: Path | None = None, site: Path | None = None) -> list[str]:
    """Everything that is wrong with one page; screenshots and a PDF go to ``out``; ``site``: files that it may use."""
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), headless=True, args=list(FLAGS)
        )
        tab = context.pages[0]
        tab.set_default_timeout(180_000)
        tab.on("console", lambda message: message.type == "error" and problems.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: problems.append(f"script: {error}"))
        tab.on("request", lambda one: outside(one.url, site or page) and problems.append(f"request: {one.url[:80]}"))
        for width in WIDTHS:
            for scheme in SCHEMES:
                problems += [f"{width} px, {scheme}: {text}" for text in look_once(tab, page, width, scheme, out)]
        tab.emulate_media(color_scheme="dark", media="print")
        problems += [f"printed: {count} dark pictures" for count in [tab.evaluate(DARK_PICTURES)] if count]
        if out is not None:
            tab.pdf(path=str(out / f"{page.stem}.pdf"), format="A4")
        context.close()
    return problems


def outside(url: str, own: Path) -> bool:
    """Whether a request goes anywhere but to the page (or its site) and the data in it."""
    return not url.startswith(("data:", own.resolve().as_uri()))


def look_once(tab: Any, page: Path, width: int, scheme: str, out: Path | None) -> Iterator[str]:
    """What is wrong at one width and in one colour scheme."""
    from axe_playwright_python.sync_playwright import Axe

    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme, media="screen")
    tab.goto(page.resolve().as_uri())
    tab.wait_for_load_state("load")
    wider = tab.evaluate(OVERFLOW)
    if wider > 0:
        yield f"the page is {wider} px wider than the window"
    for violation in Axe().run(tab).response["violations"]:
        where = "; ".join(str(node["target"]) for node in violation["nodes"][:3])
        yield f"axe {violation['id']} ({len(violation['nodes'])}): {where}"
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=str(out / f"{page.stem}-{width}-{scheme}.png"), full_page=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is wrong; 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of screenshots and PDFs")
    parser.add_argument("--site", type=Path, metavar="FOLDER", help="folder whose files the pages may refer to")
    options = parser.parse_args(arguments)
    if chromium() is None:
        sys.stderr.write("error: there is no Chromium — apt-get install chromium\n")
        return 1
    found = {page: look(page, options.out, options.site) for page in options.pages}
    for page, problems in found.items():
        sys.stdout.write("".join(f"{page}: {problem}\n" for problem in problems) or f"{page}: nothing wrong\n")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
