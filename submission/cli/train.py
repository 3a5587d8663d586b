"""``train.py`` and ``python -m submission train``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from submission.cli.switches import called, data_root_option, refuse, unpickling_option
from submission.cli.train_options import TrainCommand
from submission.cli.training_summary import Summaries, summarise
from submission.run import Run

SUMMARY = "Train a VAE from a configuration, and export its encoder."
EPILOG = """examples:
  python train.py --config demo --out runs/demo
  python train.py --config delta_vae_challenge/d10_beta1 --data cars3d --data-root data --time-budget 2h
  python train.py --config demo --bind "model.space = 'S^2'" --bind train.steps=2000 --out runs/sphere
  python train.py --resume --out runs/demo
  python train.py --config demo --seeds 0:16 --out runs/seeds
  python train.py --list

Ctrl-C, SIGTERM and a closed terminal (SIGHUP) save a checkpoint and an export; --resume continues from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``train``."""
    add = parser.add_argument
    add(
        "--config",
        action="append",
        default=[],
        metavar="NAME",
        help="gin file or shipped configuration (see --list); may be repeated",
    )
    add(
        "--bind",
        action="append",
        default=[],
        metavar="BINDING",
        help="override a setting, e.g. train.steps=2000; may be repeated",
    )
    add("--data", metavar="NAME", help="data set (default: the configuration's)")
    data_root_option(parser)
    unpickling_option(parser)
    add("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/NAME of the last --config)")
    add(
        "--resume",
        action="store_true",
        help="continue the run in --out (--config may be left out); start it if there is none",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add("--seed", type=int, help="seed of weights, data order and noise (default: the configuration's)")
    add("--seeds", metavar="A:B", help="train one run per seed from A to B - 1, in OUT/seed_N")
    add("--init-from", type=Path, metavar="RUN", help="start from the exported weights of this run folder")
    add(
        "--together",
        action=argparse.BooleanOptionalAction,
        help="train all --seeds in one process (default: only on a GPU)",
    )
    add(
        "--time-budget",
        metavar="TIME",
        help="finish, export included, within e.g. 90s, 45m or 1h30m (default: no limit)",
    )
    precisions = ("auto", "float32", "bfloat16")
    add(
        "--precision",
        type=called("bfloat16", "bf16"),
        choices=precisions,
        help="precision of matrix products (default: auto)",
    )
    add("--list", action="store_true", help="list the shipped configurations")


def run(arguments: argparse.Namespace) -> int:
    """Train, once or for several seeds, or list what can be trained."""
    started = time.monotonic()
    if arguments.list:
        return show_configurations()
    command = TrainCommand.of(arguments, started)
    if command.seeds is None:
        refuse(arguments, add_arguments, ["together"], "has no effect without --seeds", "add --seeds A:B")
        train_one(command)
    elif trains_together(command, command.seeds):
        train_group(command, command.seeds)
    else:
        train_each(command, command.seeds)
    return 0


def train_one(command: TrainCommand) -> None:
    """One run."""
    from submission.training import train_with

    summarise(train_with(command.settings(command.out), command.out, command.options), command.options.data_root)


def train_group(command: TrainCommand, seeds: range) -> None:
    """All seeds as one program."""
    from submission.training import train_together_with

    settings = command.settings(command.out / f"seed_{seeds[0]}")
    for folder in train_together_with(settings, seeds, command.out, command.options):
        summarise(folder, command.options.data_root)


def train_each(command: TrainCommand, seeds: range) -> None:
    """A run for each seed, one after another, that share the time budget.

    A loss that is not finite ends its own run; any other error would meet the other seeds, too, and ends all.
    """
    from submission.training import NotFiniteError

    summaries = Summaries(command.options.data_root)
    for number, seed in enumerate(seeds):
        try:
            summaries.add(train_seed(command, seeds, seed, len(seeds) - number))
        except NotFiniteError as error:
            summaries.fail(seed, error)
    summaries.close()


def train_seed(command: TrainCommand, seeds: range, seed: int, remaining: int) -> Run:
    """The run of one of several seeds; a signal stops all, and the error has the command that resumes.

    Args:
        remaining: number of runs, this one included, that share the time left.
    """
    from submission.training import StoppedError, train_with

    out = command.out / f"seed_{seed}"
    try:
        return train_with(command.settings(out, seed), out, command.share(remaining))
    except StoppedError as error:
        what = f"seed {seed} of {seeds[0]}:{seeds[-1] + 1}: {error.what}"
        fix = f"continue with {command.options.resume_command(command.out, seeds)}"
        raise StoppedError(what, fix, error.number) from error


def trains_together(command: TrainCommand, seeds: range) -> bool:
    """Whether the seeds are trained at the same time: as asked for, else on a GPU where nothing prevents it."""
    from submission.cli.console import warn
    from submission.device import usable
    from submission.training import obstacle, seed_folders

    if command.together is not None or usable(command.options.device).type != "cuda":
        return bool(command.together)
    settings = command.settings(command.out / f"seed_{seeds[0]}")
    reason = obstacle(settings, seed_folders(command.out, seeds), command.options.resume)
    if reason:
        warn(f"{reason}: the seeds are trained one after another")
    return not reason


def show_configurations() -> int:
    """One line per shipped run configuration."""
    from submission.cli.console import say
    from submission.configuration.catalogue import configurations

    known = configurations()
    width = max(map(len, known), default=0)
    for name, line in known.items():
        say(f"{name:<{width}}  {line}")
    return 0
