"""``python -m submission likelihood``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import data_root_option, seed_within, within
from submission.errors import UsageError

if TYPE_CHECKING:
    from submission.run import LikelihoodFile, Run

SUMMARY = "Estimate the log-likelihood, ELBO, KL and reconstruction error of runs on held-out images."
EPILOG = """examples:
  python -m submission likelihood runs/mine
  python -m submission likelihood runs/seeds --samples 100 --images 1000
  python -m submission likelihood runs/mine --split train

The images are the test split of the run's data set, or, if it has none, the images that the run held out. The estimate
is importance-sampled (Burda et al., 2016) and saved in the run's likelihood.json, unless --split chooses the images.
See docs/likelihood.md."""
MOST_SAMPLES = 1_000_000
"""Importance samples per image; more are a mistyped number."""


@dataclass(frozen=True)
class LikelihoodOptions:
    """The command line of ``likelihood``.

    Attributes:
        runs: run folders.
        samples: importance samples per image.
        images: images at most.
        seed: of the samples and of the choice of images.
        device: where the model runs.
        root: folder of data files.
        split: of the data set, instead of the held-out images; empty for these.
        json: where to write the result; ``-`` for standard output, None for nowhere.
    """

    runs: tuple[Path, ...]
    samples: int
    images: int
    seed: int
    device: str
    root: Path | None
    split: str
    json: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``likelihood``."""
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="trained run folders, or folders of them")
    add("--samples", type=int, default=500, metavar="L", help="importance samples per image (default: 500)")
    add("--images", type=int, default=10_000, metavar="N", help="use at most N held-out images (default: 10000)")
    add("--seed", type=int, default=0, help="seed of the samples and of the choice of images (default: 0)")
    add("--device", default="cpu", help="where the model runs: cpu, cuda, cuda:1, ... (default: cpu)")
    data_root_option(parser)
    add("--split", default="", metavar="NAME", help="show another split: train, valid or test; nothing is saved")
    add("--json", nargs="?", const="-", metavar="FILE", help="write the result to FILE, or print it")


def run(arguments: argparse.Namespace) -> int:
    """Estimate, show, and keep the results in the runs' folders."""
    options = options_of(arguments)
    from submission.cli.folders import open_runs

    runs = open_runs(options.runs)
    if len(runs) > 1 and options.json is not None:
        raise UsageError(f"--json takes one run, got {len(runs)}", "each run's likelihood.json has its result")
    for folder in runs:
        warn_of_early_weights(folder, options.root)
        estimate(folder, options)
    return 0


def options_of(arguments: argparse.Namespace) -> LikelihoodOptions:
    """The command line as typed options; UsageError for anything but run folders, and for numbers out of range."""
    for path in arguments.runs:
        if not path.is_dir():
            raise UsageError(f"{path} is not a run folder", "pass a run folder, e.g. runs/demo")
    if not arguments.runs:
        raise UsageError("there is no run", "pass a run folder, e.g. runs/demo")
    if arguments.images < 1:
        raise UsageError(f"--images {arguments.images} is out of range", "use at least 1")
    within("samples", arguments.samples, 1, MOST_SAMPLES)
    seed_within(arguments.seed)
    return LikelihoodOptions(
        tuple(arguments.runs),
        arguments.samples,
        arguments.images,
        arguments.seed,
        arguments.device,
        arguments.data_root,
        arguments.split,
        arguments.json,
    )


def warn_of_early_weights(folder: Run, root: Path | None) -> None:
    """Say so where a run was not trained to its end."""
    from submission.cli.console import warn
    from submission.training import resume_command

    if not folder.meta.training.finished:
        warn(
            f"{folder.path} was not trained to the end: these are the weights of its last checkpoint "
            f"(continue with {resume_command(folder.path, root, 'auto')})"
        )


def estimate(folder: Run, options: LikelihoodOptions) -> None:
    """The likelihood of one run."""
    from submission.cli.console import Bars, print_json, say
    from submission.device import usable
    from submission.evaluation.held_out import estimate_likelihood
    from submission.files import output_json

    choice = (options.samples, options.images, options.seed, options.split, options.root)
    found = estimate_likelihood(folder, *choice, str(usable(options.device)), Bars())
    if options.json not in (None, "-"):
        output_json(Path(str(options.json)), found.to_json())
    if options.json == "-":
        print_json(found.to_json())
        return
    show(found, folder.path)
    if not options.split:
        say(f"kept in {folder.likelihood_file}")


def show(found: LikelihoodFile, path: Path) -> None:
    """One row per quantity."""
    from submission.cli.console import table

    table(f"{path} on {found.title}", ["per image", "mean", "standard error"], found.cells())
