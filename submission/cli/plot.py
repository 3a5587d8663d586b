"""``submission plot``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from submission.cli.switches import data_root_option

SUMMARY = "Draw a figure of one or several runs: PNG, SVG, PDF or an animated WebP."
EPILOG = """kinds:
  latent           encoded images in the latent space, decoded images on a grid
  traversals       decoded images while one component changes (.webp: animated)
  kl               KL divergence per component, and the factor with the highest mutual information
  codes            codes over the factors of variation
  reconstructions  images and their reconstructions
  samples          decoded samples of the prior
  matrices         mutual information, DCI importance and FactorVAE votes
  curves           loss terms over the updates; several runs
  components       KL divergence of each component over the updates
  scores           scores with intervals and a dot per seed; several runs
  tradeoff         MIG against reconstruction; several runs

examples:
  python -m submission plot latent runs/demo --out torus.pdf
  python -m submission plot traversals runs/demo --out traversals.webp
  python -m submission plot scores runs/a runs/b --out scores.svg

The same run gives the same file, byte for byte. A folder of runs means all runs in it."""


@dataclass(frozen=True)
class PlotOptions:
    """The command line of ``plot``.

    Attributes:
        kind: what to draw.
        runs: run folders, or folders of them.
        out: the file; its ending chooses the format.
        root: folder of data files.
        dark: whether for dark backgrounds.
    """

    kind: str
    runs: tuple[Path, ...]
    out: Path
    root: Path | None
    dark: bool

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> PlotOptions:
        """The command line."""
        return cls(arguments.kind, tuple(arguments.runs), arguments.out, arguments.data_root, arguments.dark)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plot``."""
    parser.add_argument("kind", metavar="KIND", help="what to draw (listed below)")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folder, or a folder of run folders")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="figure to write: .png, .svg, .pdf, or .webp for an animation",
    )
    data_root_option(parser)
    parser.add_argument("--dark", action="store_true", help="use colours for a dark background")


def run(arguments: argparse.Namespace) -> int:
    """Draw the figure and print its path."""
    from submission.cli.console import say
    from submission.plots.kinds import find_runs, plot
    from submission.plots.style import DARK, LIGHT

    options = PlotOptions.of(arguments)
    runs = find_runs(options.runs)
    path = plot(options.kind, runs, options.out, options.root, DARK if options.dark else LIGHT)
    say(f"{options.kind}: {path}")
    return 0
