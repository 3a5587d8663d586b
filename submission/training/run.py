"""Training from settings to a finished run folder."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path

from submission.configuration.settings import Settings
from submission.data import ImageDataset
from submission.export.folder import write_representation
from submission.native.memory import keep_freed_memory
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.training.budget import Budget
from submission.training.captured import quick_step
from submission.training.loop import Loop
from submission.training.meta import ended
from submission.training.parts import Parts, prepare
from submission.training.precision import warn
from submission.training.resuming import resuming
from submission.training.signals import Requests, StoppedError, requests
from submission.training.start import Tell, begun, continued

SIGNALS = {number.name: int(number) for number in (signal.SIGINT, signal.SIGTERM)}


def train(
    settings: Settings,
    out: Path | str,
    *,
    dataset: ImageDataset | None = None,
    data_root: Path | str | None = None,
    resume: bool = False,
    device: str = "auto",
    time_budget: float | None = None,
    started: float | None = None,
    progress: Progress = QUIET,
    tell: Tell = lambda message: None,
) -> Run:
    """Train, export, and leave a run folder (docs/run-folder.md).

    The global random generators are seeded, and SIGINT and SIGTERM are caught once the data is there: either leaves a
    checkpoint and an export. The same settings, data and number of threads give the same weights on a CPU, bit for
    bit, however often the run was killed and resumed.

    Args:
        settings: see ``submission.configuration.load``.
        out: the run folder; it must not hold a run unless ``resume``.
        dataset: the images; loaded by ``settings.data`` when None.
        data_root: folder of the data files.
        resume: continue from the last whole checkpoint, or begin where there is none.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        time_budget: seconds after ``started`` by which everything is written, export included.
        started: ``time.monotonic()`` when the budget began; now when None.
        progress: shows the bar.
        tell: receives the messages a user should see (e.g. that a damaged checkpoint was passed over).

    Raises:
        StoppedError: a signal ended the run early; everything is saved and exported.
        SubmissionError: bad settings, another run or process in ``out``, a full disk, lost data, a loss that is not
            finite. The last good checkpoint is kept.
    """
    started = time.monotonic() if started is None else started
    keep_freed_memory()
    parts = prepare(settings, dataset, data_root, device, progress)
    warn(settings.train, parts.device, tell)
    folder = Run(Path(out))
    with requests() as stop, folder.lock():
        budget = Budget(settings.train.total_steps(parts.training_size), time_budget, started)
        loop = continued(parts, folder, budget, resume, tell) or begun(parts, folder, budget)
        loop.step = quick_step(loop.step, parts.device, tell)
        reason = execute(loop, stop, progress)
        conclude(parts, loop, reason, tell)
        stopped(loop, reason, resuming(folder.path, data_root, device))
    return folder


def execute(loop: Loop, stop: Requests, progress: Progress) -> str:
    """Run the loop under a progress bar."""
    with progress.task("training", loop.budget.total) as bar:
        bar.advance(loop.done)
        return loop.run(stop, bar)


def conclude(parts: Parts, loop: Loop, reason: str, tell: Tell) -> None:
    """Export and record how the run ended."""
    if loop.done == 0 and reason == "time budget":
        tell(f"the time budget was too short for a single update: {loop.folder.exported_file} is an untrained encoder")
    loop.conclude(finished=reason not in SIGNALS)
    write_representation(loop.folder, parts.model, parts.mode)
    loop.folder.write_meta(replace(loop.folder.meta, training=ended(loop, reason)))


def stopped(loop: Loop, reason: str, command: str) -> None:
    """StoppedError, saying that ``command`` goes on, when a signal ended the loop."""
    if reason in SIGNALS:
        raise StoppedError(
            f"training was stopped by {reason} after update {loop.done} of {loop.budget.total}; all is saved",
            f"continue with {command}",
            SIGNALS[reason],
        )
