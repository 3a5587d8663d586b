"""``python -m submission udr``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import seed_within
from submission.errors import UsageError

if TYPE_CHECKING:
    from submission.metrics.agreement import Similarity

SUMMARY = "Which runs of a method agree with the others (unsupervised disentanglement ranking), without any factors."
EPILOG = """examples:
  python train.py --config demo --seeds 0:5 --out runs/demos
  python -m submission udr runs/demos/*
  python -m submission udr runs/beta_vae/* runs/factor_vae/* --similarity spearman --json udr.json

Runs whose configurations differ in nothing but the seed are one method; a run's score is the median of its likeness to
the others of its method. Where a component has several columns (a circle, a sphere), the score by block takes it as
one latent, and runs are ordered by that. Works on data without factors, too; see docs/metrics.md, "udr"."""
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
    add("runs", nargs="+", type=Path, metavar="RUN", help="trained run folders")
    add("--similarity", choices=("lasso", "spearman"), default="lasso", help="of two latents (default: lasso)")
    add("--images", type=int, default=1000, metavar="N", help="images whose codes are compared (default: 1000)")
    add("--seed", type=int, default=0, help="of the choice of images (default: 0)")
    add("--data-root", type=Path, metavar="FOLDER", help="folder of data files (default: $DISENTANGLEMENT_LIB_DATA)")
    add("--json", type=Path, metavar="FILE", help="write the scores")


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
