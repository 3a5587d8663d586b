"""Make the documentation's pictures from runs.

    python scripts/pictures.py torus=runs/torus sphere=runs/sphere demo=runs/demo/report.html [--out FOLDER]

NAME=RUN draws the latent space of a run folder into NAME.png. NAME=PAGE.html photographs the top of a report at 1280
pixels into NAME.png, and at 390 pixels, dark, into NAME-phone.png; this needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from submission.plots.kinds import draw
from submission.plots.style import save

DPI = 130
SHOTS = {"": (1280, 1500, "light"), "-phone": (390, 1500, "dark")}
"""Ending of the name → width and height in pixels, and colour scheme."""
COLOURS = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Make each picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", metavar="NAME=RUN", help="picture NAME.png of a run folder or a page")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    for picture in options.pictures:
        name, _, source = picture.partition("=")
        if source.endswith(".html"):
            photograph(Path(source), options.out, name)
        else:
            save(draw("latent", [source]), options.out / f"{name}.png", DPI)
    return 0


def photograph(page: Path, out: Path, name: str) -> None:
    """The top of a page in each of ``SHOTS``."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        flags = ["--no-sandbox", "--disable-gpu"]
        context = playwright.chromium.launch_persistent_context(profile, executable_path=browser, args=flags)
        tab = context.pages[0]
        for ending, (width, height, scheme) in SHOTS.items():
            tab.set_viewport_size({"width": width, "height": height})
            tab.emulate_media(color_scheme=scheme)
            tab.goto(page.resolve().as_uri())
            reduce(tab.screenshot(), out / f"{name}{ending}.png")
        context.close()


def reduce(png: bytes, path: Path) -> None:
    """Write a screenshot with ``COLOURS`` colours, which takes a third of the space."""
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


if __name__ == "__main__":
    sys.exit(main())
