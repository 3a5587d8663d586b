"""Every command that takes a file or a run folder of somebody else's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from submission.api import export_run
from submission.export import engines
from submission.run import Run
from tests.challenge.repository import make_repository
from tests.security.attacks import SECRET

isolating = pytest.mark.skipif(
    engines.bubblewrap() is None and engines.container_engine() is None, reason="nothing isolates here"
)
Attack = Callable[[str], Path]


def model_of(run: Path) -> Path:
    """The run's TorchScript file."""
    return Run(run).exported_file


def with_baseline_only(run: Path) -> Path:
    """The run with a good encoder, so that its untrained one is what attacks."""
    export_run(run)
    return run


def submit(run: Path) -> list[str]:
    """Submitting the run from a repository beside it."""
    repository = make_repository(run.parent)
    return ["submit", "v1", "--run", str(run), "--repository", str(repository), "--dry-run"]


SCORING = ["--metrics", "mig", "--preset", "fast"]
ALONE = [*SCORING, "--no-baselines"]
LOADING: dict[str, Callable[[Path], list[str]]] = {
    "check FILE": lambda run: ["check", str(model_of(run))],
    "check RUN": lambda run: ["check", str(run)],
    "evaluate FILE": lambda run: ["evaluate", str(model_of(run)), "--data", "dsprites_small", *ALONE],
    "evaluate RUN": lambda run: ["evaluate", str(run), *ALONE],
    "evaluate RUN, its untrained encoder": lambda run: ["evaluate", str(with_baseline_only(run)), *SCORING],
    "export --mode": lambda run: ["export", str(run), "--mode", "intrinsic", "--formats", "pt"],
    "submit --run": submit,
}
"""Commands that load programs."""
OTHERS: dict[str, Callable[[Path], list[str]]] = {
    "export": lambda run: ["export", str(run), "--formats", "pt"],
    "likelihood": lambda run: ["likelihood", str(run), "--images", "8", "--samples", "2"],
    "udr": lambda run: ["udr", str(run), str(shutil.copytree(run, run.parent / "other")), "--images", "20"],
    "report": lambda run: ["report", str(run)],
    "plot": lambda run: ["plot", "traversals", str(run), "--out", str(run.parent / "figure.png")],
    "compare": lambda run: ["compare", str(run)],
    "leaderboard": lambda run: ["leaderboard", str(run)],
    "train --resume": lambda run: ["train", "--resume", "--out", str(run), "--bind", "train.steps=3"],
    "train --init-from": lambda run: [
        *("train", "--config", str(run / "config.gin"), "--out", str(run.parent / "new"), "--init-from", str(run))
    ],
}
"""Commands that take a run folder and load no program, whatever it holds."""


def untouched(user_file: Path) -> bool:
    """Whether the user's folder is as it was."""
    return user_file.read_bytes() == SECRET and [*user_file.parent.iterdir()] == [user_file]


INSIDE = "from submission.export.sandbox import main"
"""In the command lines of the processes that isolate."""


def children_that_name(text: str) -> Iterator[int]:
    """Processes, but this one, whose command line has the text."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "cmdline").read_bytes().decode(errors="replace") and int(folder.name) != os.getpid():
                yield int(folder.name)
        except OSError:
            continue
