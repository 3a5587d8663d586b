"""Draw the documentation's pictures from runs: python scripts/pictures.py NAME=RUN... [--out FOLDER]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from submission.plots.kinds import draw
from submission.plots.style import save

DPI = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the latent space of each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", metavar="NAME=RUN", help="picture NAME.png of the run folder RUN")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    for picture in options.pictures:
        name, _, run = picture.partition("=")
        save(draw("latent", [run]), options.out / f"{name}.png", DPI)
    return 0


if __name__ == "__main__":
    sys.exit(main())
