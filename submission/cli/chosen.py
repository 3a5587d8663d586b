"""What the command line of ``train`` chooses: configuration, run folder, seeds and time."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import LAST_SEED
from submission.errors import UsageError
from submission.run import Run

if TYPE_CHECKING:
    from submission.training import Settings


def settings_of(arguments: argparse.Namespace, out: Path) -> Settings:
    """The settings of the run in ``out``."""
    from submission.configuration import load

    return load(configurations(arguments, out), bindings(arguments))


def run_folder(arguments: argparse.Namespace) -> Path:
    """``--out``, or ``runs/NAME``; UsageError where neither is known."""
    if arguments.out is not None:
        return arguments.out
    if not arguments.config:
        if arguments.resume:
            raise UsageError("--resume does not say which run", "pass its folder, e.g. --out runs/demo")
        raise UsageError("there is nothing to train", "pass --config demo, or see --list and --help")
    return Path("runs") / Path(arguments.config[-1]).name.removesuffix(".gin")


def configurations(arguments: argparse.Namespace, out: Path) -> list[str]:
    """``--config``, or the configuration of the run that is resumed."""
    if arguments.config:
        return arguments.config
    if not arguments.resume:
        raise UsageError("--config is missing", "pass --config demo, or see --list")
    begun = [folder.config_file for folder in (Run(out), first_in_row(arguments, out)) if folder.config_file.is_file()]
    if not begun:
        raise UsageError(f"{out} holds no run to resume", "check --out, or begin one with --config")
    return [str(begun[0])]


def first_in_row(arguments: argparse.Namespace, out: Path) -> Run:
    """The run that began the row of seeds in which ``out`` is one, or ``out``."""
    return Run(out if arguments.seeds is None else out.parent / f"seed_{int(arguments.seeds.partition(':')[0])}")


def bindings(arguments: argparse.Namespace) -> list[str]:
    """``--bind`` and the switches that stand for a binding, which win."""
    switches = {"data.name": arguments.data, "train.seed": arguments.seed, "train.precision": arguments.precision}
    return [*arguments.bind, *(f"{key} = {value!r}" for key, value in switches.items() if value is not None)]


def seeds_of(arguments: argparse.Namespace) -> range:
    """The seeds of ``--seeds FIRST:END``; UsageError for anything else."""
    first, _, end = arguments.seeds.partition(":")
    if not (first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise UsageError(f"--seeds {arguments.seeds} names no seeds", "write 0:16 for the sixteen seeds from 0 to 15")
    if int(end) > LAST_SEED + 1:
        raise UsageError(f"--seeds {arguments.seeds} goes too far", f"the last seed there is is {LAST_SEED}")
    if arguments.seed is not None:
        raise UsageError("--seed and --seeds exclude each other", "give one of them")
    return range(int(first), int(end))


def time_limit(arguments: argparse.Namespace) -> float | None:
    """``--time-budget`` in seconds."""
    from submission.training.budget import seconds

    return seconds(arguments.time_budget) if arguments.time_budget is not None else None
