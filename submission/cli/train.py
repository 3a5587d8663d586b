"""``train.py`` and ``python -m submission train``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from submission.cli.chosen import run_folder, seeds_of, settings_of, time_limit
from submission.cli.finished import Finished, report
from submission.cli.switches import called, refuse
from submission.run import Run

SUMMARY = "Train a model from gin configurations and export its representation."
EPILOG = """examples:
  python train.py --config demo --out runs/demo
  python train.py --config delta_vae_challenge/d10_beta1 --data cars3d --data-root data --time-budget 2h
  python train.py --config demo --bind "model.space = 'S^2'" --bind train.steps=2000 --out runs/sphere
  python train.py --resume --out runs/demo
  python train.py --config demo --seeds 0:16 --out runs/seeds
  python train.py --list

Ctrl-C and SIGTERM leave a checkpoint and an export; --resume goes on from there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``train``."""
    add = parser.add_argument
    add("--config", action="append", default=[], metavar="NAME", help="gin file, or a name that --list shows")
    add("--bind", action="append", default=[], metavar="BINDING", help="gin binding, e.g. train.steps=2000")
    add("--data", metavar="NAME", help="data set (instead of the configuration's)")
    add("--data-root", type=Path, metavar="FOLDER", help="folder of data files (default: $DISENTANGLEMENT_LIB_DATA)")
    add("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/NAME of the last --config)")
    add("--resume", action="store_true", help="continue the run in --out; --config may be left out")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add("--seed", type=int, help="seed of weights, data order and noise")
    add("--seeds", metavar="A:B", help="a run for each seed from A to B - 1, into OUT/seed_N")
    add("--together", action=argparse.BooleanOptionalAction, help="train --seeds as one program (default: on a GPU)")
    add("--time-budget", metavar="TIME", help="be done, export included, after e.g. 90s, 45m, 2h or 1h30m")
    precisions = ("auto", "float32", "bfloat16")
    add("--precision", type=called("bfloat16", "bf16"), choices=precisions, help="of the matrix products")
    add("--list", action="store_true", help="show the configurations that are shipped")


def run(arguments: argparse.Namespace) -> int:
    """Train, once or for several seeds, or list what can be trained."""
    started = time.monotonic()
    if arguments.list:
        return show_configurations()
    out = run_folder(arguments)
    limit = time_limit(arguments)
    if arguments.seeds is None:
        refuse(arguments, add_arguments, ["together"], "means nothing without --seeds", "add --seeds A:B")
        report(train_one(arguments, out, started, limit), arguments.data_root)
        return 0
    seeds = seeds_of(arguments)
    if together(arguments, out, seeds):
        train_group(arguments, out, seeds, started, limit)
    else:
        train_each(arguments, out, seeds, started, limit)
    return 0


def train_each(arguments: argparse.Namespace, out: Path, seeds: range, started: float, limit: float | None) -> None:
    """A run for each seed, one after another, within ``limit`` seconds of ``started`` for all.

    A loss that is not finite ends its own run; whatever else goes wrong would meet the others, too, and ends the row.
    """
    from submission.training import NotFiniteError

    finished = Finished(arguments.data_root)
    for number, seed in enumerate(seeds):
        arguments.seed, now = seed, time.monotonic()
        share = None if limit is None else (limit - (now - started)) / (len(seeds) - number)
        try:
            finished.add(train_in_row(arguments, out, seeds, now, share))
        except NotFiniteError as error:
            finished.fail(seed, error)
    finished.close()


def train_in_row(arguments: argparse.Namespace, out: Path, seeds: range, started: float, limit: float | None) -> Run:
    """The run of ``arguments.seed``; a signal that stops it stops the row, which is what to go on with."""
    from submission.training import StoppedError, resuming

    try:
        return train_one(arguments, out / f"seed_{arguments.seed}", started, limit)
    except StoppedError as error:
        row = resuming(out, arguments.data_root, arguments.device, seeds)
        what = f"seed {arguments.seed} of {arguments.seeds}: {error.what}"
        raise StoppedError(what, f"continue with {row}", error.number) from error


def together(arguments: argparse.Namespace, out: Path, seeds: range) -> bool:
    """Whether the seeds are trained at the same time: as told, else on a GPU where nothing stands in the way."""
    from submission.cli.console import warn
    from submission.device import usable
    from submission.training import obstacle
    from submission.training.together import seed_folders

    if arguments.together is not None or usable(arguments.device).type != "cuda":
        return bool(arguments.together)
    reason = obstacle(settings_of(arguments, out / f"seed_{seeds[0]}"), seed_folders(out, seeds), arguments.resume)
    if reason:
        warn(f"{reason}: the seeds are trained one after another")
    return not reason


def train_group(arguments: argparse.Namespace, out: Path, seeds: range, started: float, limit: float | None) -> None:
    """All seeds as one program, within ``limit`` seconds of ``started``."""
    from submission.training import train_together

    settings = settings_of(arguments, out / f"seed_{seeds[0]}")
    for folder in train_together(settings, seeds, out, **told(arguments, started, limit)):
        report(folder, arguments.data_root)


def train_one(arguments: argparse.Namespace, out: Path, started: float, limit: float | None) -> Run:
    """One run into ``out``, within ``limit`` seconds of ``started``."""
    from submission.training import train

    return train(settings_of(arguments, out), out, **told(arguments, started, limit))


def told(arguments: argparse.Namespace, started: float, limit: float | None) -> dict[str, Any]:
    """What training takes besides settings and folder."""
    from submission.cli.console import Bars, warn

    return {
        "data_root": arguments.data_root,
        "resume": arguments.resume,
        "device": arguments.device,
        "time_budget": limit,
        "started": started,
        "progress": Bars(),
        "tell": warn,
    }


def show_configurations() -> int:
    """One line per shipped run configuration."""
    from submission.cli.console import say
    from submission.configuration.catalogue import catalogue

    known = catalogue()
    width = max(map(len, known), default=0)
    for name, line in known.items():
        say(f"{name:<{width}}  {line}")
    return 0
