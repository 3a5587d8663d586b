"""The options of ``train``: configuration, run folder, seeds, and how the run is carried out."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import LAST_SEED
from submission.errors import UsageError
from submission.run import Run

if TYPE_CHECKING:
    from submission.training import Settings, TrainOptions


@dataclass(frozen=True)
class TrainCommand:
    """The options of ``train``.

    Attributes:
        configs: gin files or names; empty for those of the run that is resumed.
        binds: gin bindings, followed by the options that are short for a binding.
        out: the run folder, or the folder of the runs of several seeds.
        seeds: a run for each, or None for one run.
        together: whether seeds are trained as one program; None to decide by the device.
        options: how each run is carried out.
    """

    configs: tuple[str, ...]
    binds: tuple[str, ...]
    out: Path
    seeds: range | None
    together: bool | None
    options: TrainOptions

    @classmethod
    def of(cls, arguments: argparse.Namespace, started: float) -> TrainCommand:
        """The command line, checked."""
        from submission.cli.console import Bars
        from submission.training import TrainOptions
        from submission.training.budget import seconds

        out = run_folder(arguments)
        limit = seconds(arguments.time_budget) if arguments.time_budget is not None else None
        options = TrainOptions(
            None, arguments.data_root, arguments.resume, arguments.device, limit, started, progress=Bars()
        )
        seeds = seeds_of(arguments) if arguments.seeds is not None else None
        return cls(tuple(arguments.config), bindings(arguments), out, seeds, arguments.together, options)

    def settings(self, out: Path, seed: int | None = None) -> Settings:
        """The settings of the run in ``out``, of another seed where one is given."""
        from submission.configuration import load

        binds = self.binds if seed is None else (*self.binds, f"train.seed = {seed}")
        return load(self.configurations(out), binds)

    def configurations(self, out: Path) -> list[str]:
        """``--config``, or the configuration of the run that is resumed."""
        if self.configs:
            return list(self.configs)
        if not self.options.resume:
            raise UsageError("--config is missing", "pass --config demo, or see --list")
        first = self.out / f"seed_{self.seeds[0]}" if self.seeds else out
        for run in (Run(out), Run(first)):
            if run.config_file.is_file():
                run.require_imports()
                return [str(run.config_file)]
        raise UsageError(
            f"{out} is not a run folder, so that it cannot be resumed", "check --out, or start a run with --config"
        )

    def share(self, remaining: int) -> TrainOptions:
        """Options of the next of ``remaining`` runs, one after another: each gets an equal part of the time left."""
        options, now = self.options, time.monotonic()
        if options.time_budget is None:
            return replace(options, started=now)
        left = options.time_budget - (now - options.started)
        return replace(options, time_budget=left / remaining, started=now)


def run_folder(arguments: argparse.Namespace) -> Path:
    """``--out``, or ``runs/NAME``; UsageError where neither is known."""
    if arguments.out is not None:
        return Path(arguments.out)
    if not arguments.config:
        if arguments.resume:
            raise UsageError("--resume needs a run folder", "pass its folder, e.g. --out runs/demo")
        raise UsageError("--config is missing", "pass --config demo, or see --list and --help")
    return Path("runs") / Path(arguments.config[-1]).name.removesuffix(".gin")


def bindings(arguments: argparse.Namespace) -> tuple[str, ...]:
    """``--bind``, and the options that are short for a binding, which override it."""
    given = {"data.name": arguments.data, "train.seed": arguments.seed, "train.precision": arguments.precision}
    if arguments.init_from is not None:
        given["train.init_from"] = str(arguments.init_from.resolve())
    return (*arguments.bind, *(f"{key} = {value!r}" for key, value in given.items() if value is not None))


def seeds_of(arguments: argparse.Namespace) -> range:
    """The seeds of ``--seeds FIRST:END``; UsageError for anything else."""
    first, _, end = arguments.seeds.partition(":")
    if not (first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise UsageError(f"--seeds {arguments.seeds} is not a range of seeds", "write 0:16 for the seeds 0 to 15")
    if int(end) > LAST_SEED + 1:
        raise UsageError(f"--seeds {arguments.seeds} is out of range", f"the last seed is {LAST_SEED}")
    if arguments.seed is not None:
        raise UsageError("--seed and --seeds cannot be combined", "give one of them")
    return range(int(first), int(end))
