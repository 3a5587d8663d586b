"""``python -m submission udr``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import data_root_option, seed_within
from submission.errors import UsageError

if TYPE_CHECKING:
    from submission.metrics.agreement import Similarity

SUMMARY = (
    "Rank the runs of a method by agreement with one another (unsupervised disentanglement ranking), without factors."
)
EPILOG = """examples:
  python train.py --config demo --seeds 0:5 --out runs/demos
  python -m submission udr runs/demos/*
  python -m submission udr runs/beta_vae/* runs/factor_vae/* --similarity spearman --json udr.json

Runs that differ only in their seed belong to one method. A run's score is its median similarity to the other runs of
its method. If a component has several columns (a circle, a sphere), the score by block takes it as one latent, and the
runs are ordered by that score. UDR also works on data without factors. See docs/metrics.md, "udr"."""
FEWEST = 10
"""Images that are compared at least."""


@dataclass(frozen=True)
class UdrOptions:
    """The command line of ``udr``.

    Attributes:
        runs: run folders.
        similarity: of two latents.
        images: how many images are encoded.
        seed: of the choice of images.
        root: folder of data files.
        json: where to write the scores; None for nowhere.
    """

    runs: tuple[Path, ...]
    similarity: Similarity
    images: int
    seed: int
    root: Path | None
    json: Path | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> UdrOptions:
        """The command line, checked."""
        if arguments.images < FEWEST:
            raise UsageError(f"--images {arguments.images} is too few", f"compare at least {FEWEST} images")
        seed_within(arguments.seed)
        return cls(
            tuple(arguments.runs),
            arguments.similarity,
            arguments.images,
            arguments.seed,
            arguments.data_root,
            arguments.json,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``udr``."""
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="trained run folders, or folders of them")
    add(
        "--similarity",
        choices=("lasso", "spearman"),
        default="lasso",
        help="similarity of two latents (default: lasso)",
    )
    add("--images", type=int, default=1000, metavar="N", help="compare the codes of N images (default: 1000)")
    add("--seed", type=int, default=0, help="seed for choosing the images (default: 0)")
    data_root_option(parser)
    add("--json", type=Path, metavar="FILE", help="write the scores as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Encode, compare, write, show."""
    options = UdrOptions.of(arguments)
    from submission.cli.console import Bars, say, table
    from submission.cli.folders import open_runs
    from submission.files import output_json
    from submission.studies.udr import agreements, plain, rows

    folders = open_runs(options.runs)
    found, alone = agreements(folders, options.similarity, options.images, options.seed, options.root, Bars())
    if options.json:
        about = {"similarity": options.similarity, "images": options.images, "seed": options.seed}
        output_json(options.json, plain(found, about))
    table("agreement between seeds (UDR)", ["method", "run", "udr", "by block", "informative"], rows(found))
    for path in alone:
        say(f"{path} is the only run of its configuration and was left out.")
    return 0
