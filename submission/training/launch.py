"""Training from settings to finished run folders, of one run or of several seeds."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from submission import checkpoint
from submission.configuration.settings import Settings, bindings_of
from submission.data import ImageDataset
from submission.data.user_data import as_dataset
from submission.device import prepare_memory
from submission.errors import SubmissionError, UsageError
from submission.export.folder import write_representation
from submission.files import user_path
from submission.objectives import OBJECTIVES, PassObjective, Terms
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.run.checks import require_known
from submission.training.budget import duration
from submission.training.cuda_graph import Update, on_device
from submission.training.logs import Meter
from submission.training.meta import ended
from submission.training.multi_seed import GroupStep, require_stackable
from submission.training.options import TrainOptions
from submission.training.precision import warn_if_slow
from submission.training.randomness import Stream
from submission.training.setup import build_setup, initial_model, prepare
from submission.training.signals import StoppedError, StopSignal, stop_signal
from submission.training.start import start_or_resume
from submission.training.step import SingleUpdate
from submission.training.trainer import FINISHED, SeedRun, Trainer

if TYPE_CHECKING:
    from submission.data.user_data import ImagesLike


def train(
    settings: Settings,
    out: Path | str,
    *,
    data: ImagesLike | str | Path | None = None,
    data_root: Path | str | None = None,
    resume: bool = False,
    device: str = "auto",
    time_budget: float | str | None = None,
    progress: Progress = QUIET,
) -> Run:
    """Train, export, and leave a run folder (docs/run-folder.md).

    The global random generators are seeded, and SIGINT, SIGTERM and SIGHUP are caught once the data is loaded: each
    leaves a checkpoint and an export. The same settings, data and number of threads give the same weights on a CPU, bit
    for bit, however often the run was killed and resumed. Messages go to the logger ``submission``.

    Args:
        settings: see ``submission.configuration.load``.
        out: the run folder; it must not hold a run unless ``resume``.
        data: the images; loaded by ``settings.data`` when None. A data set of this package, its name or path, a torch
            ``Dataset`` of images or of (image, factors), an array, or a pair of arrays (see
            ``submission.data.from_arrays``).
        time_budget: seconds, or a text such as ``90s`` or ``1h30m``, within which everything is written.
        data_root, resume, device, progress: see ``TrainOptions``.

    Raises:
        StoppedError: a signal ended the run early; everything is saved and exported.
        SubmissionError: bad settings, another run or process in ``out``, a full disk, lost data, a loss that is not
            finite, a time budget too short for one update. The last good checkpoint is kept.
    """
    started = time.monotonic()
    limit, images = duration(time_budget), dataset_of(data, data_root, progress)
    options = TrainOptions(images, data_root, resume, device, limit, started, progress)
    return train_with(settings, out, options)


def train_with(settings: Settings, out: Path | str, options: TrainOptions) -> Run:
    """``train`` with its options in one object."""
    prepare_memory()
    folder = Run(user_path(out))
    folder.require_imports()
    name = settings.data.name
    if options.data is None and bindings_of(folder.config_text).get("data.name") == repr(name):
        require_known(folder.path, name)
    setup = prepare(settings, options)
    warn_if_slow(settings.train, setup.device)
    with stop_signal() as stop, folder.lock():
        run = start_or_resume(setup, folder, options)
        reason = execute([run], on_device(SingleUpdate(run.step), setup.device), stop, options, "training")
        conclude(run, reason)
    raise_if_incomplete(run, reason, options.resume_command(folder.path))
    return replace(folder, images=options.data)


def train_together(
    settings: Settings,
    seeds: Sequence[int],
    out: Path | str,
    *,
    data: ImagesLike | str | Path | None = None,
    data_root: Path | str | None = None,
    resume: bool = False,
    device: str = "auto",
    time_budget: float | str | None = None,
    progress: Progress = QUIET,
) -> list[Run]:
    """Train one model per seed at the same time, into ``out/seed_N`` (docs/training.md, several seeds).

    Each run has the images, noise, log, checkpoint and export that ``train`` gives it alone; weights and terms agree up
    to the rounding of batched products. Each folder can be resumed by ``train`` on its own.

    Args:
        settings: of every run, but for ``train.seed``.
        seeds: different ones.
        out: folder of the run folders.

    The others, and what is raised, are those of ``train``; besides:

    Raises:
        UsageError: these settings, or these folders, cannot be trained together (see ``obstacle``).
    """
    started = time.monotonic()
    limit, images = duration(time_budget), dataset_of(data, data_root, progress)
    options = TrainOptions(images, data_root, resume, device, limit, started, progress)
    return train_together_with(settings, list(map(int, seeds)), out, options)


def train_together_with(settings: Settings, seeds: Sequence[int], out: Path | str, options: TrainOptions) -> list[Run]:
    """``train_together`` with its options in one object."""
    prepare_memory()
    if not seeds or len(set(seeds)) < len(seeds):
        raise UsageError(f"{list(seeds)} are not different seeds", "give each seed once, e.g. range(5)")
    folders = seed_folders(out, seeds)
    if reason := obstacle(settings, folders, options.resume):
        raise UsageError(reason, "train them one after another (--no-together)")
    first = prepare(settings, options)
    require_stackable(first.model)
    warn_if_slow(settings.train, first.device)
    with stop_signal() as stop, all_locked(folders):
        setups = [build_setup(with_seed(first.settings, seed), first.feed, first.validation_data) for seed in seeds]
        runs: list[SeedRun] = []
        for setup, folder in zip(setups, folders, strict=True):
            precision = runs[0].fixed["precision"] if runs else ""
            runs.append(start_or_resume(setup, folder, options, precision, lambda: Stream(first.device)))
        reason = execute(runs, group_update(runs), stop, options, f"training {len(runs)} seeds")
        for run in runs:
            conclude(run, reason)
    raise_if_incomplete(runs[0], reason, resume_seeds(out, seeds, options, first.device.type == "cpu"))
    return [replace(folder, images=options.data) for folder in folders]


def resume_seeds(out: Path | str, seeds: Sequence[int], options: TrainOptions, together: bool) -> str:
    """The command that resumes the runs of ``seeds``; one for each where the seeds are not consecutive."""
    if list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return options.resume_command(out, seeds, together)
    return "; ".join(options.resume_command(folder.path) for folder in seed_folders(out, seeds))


def dataset_of(
    data: ImagesLike | str | Path | None, root: Path | str | None, progress: Progress
) -> ImageDataset | None:
    """``data`` as a data set, read from files under ``root`` where it is a name; None where there is none."""
    return None if data is None else as_dataset(data, root, progress)


def execute(
    runs: Sequence[SeedRun], update: Update[tuple[Terms, ...]], stop: StopSignal, options: TrainOptions, title: str
) -> str:
    """Train ``runs`` under one progress bar; why they ended."""
    first = runs[0]
    reserve_endings(runs)
    with options.progress.task(title, first.budget.total) as bar:
        bar.advance(first.done)
        return Trainer(runs, update, stop, Meter(bar, first.done)).run()


def reserve_endings(runs: Sequence[SeedRun]) -> None:
    """Set aside what ends all runs, where time is limited: checkpoints, exports, and a last look at held-out images.

    Another look may have begun just before.
    """
    looks = 2 * sum(run.seconds_of_validation() for run in runs) if runs[0].budget.limit is not None else 0.0
    for run in runs:
        run.budget.shorten(looks + sum(other.budget.reserve for other in runs if other is not run))


def group_update(runs: Sequence[SeedRun]) -> Update[tuple[Terms, ...]]:
    """The update of all runs, each of which draws from a stream of its own."""
    setup, streams = runs[0].setup, [cast(Stream, run.random) for run in runs]
    step = GroupStep([run.step for run in runs], streams, setup.settings.train, runs[0].fixed["precision"])
    return on_device(step, setup.device, streams)


def conclude(run: SeedRun, reason: str) -> None:
    """Export and record how the run ended."""
    run.finalise()
    setup = run.setup
    write_representation(
        run.folder, run.exported_model, setup.mode, lambda _: initial_model(setup.settings, setup.dataset.image_shape)
    )
    run.folder.write_meta(replace(run.folder.meta, training=ended(run, reason)))


def raise_if_incomplete(run: SeedRun, reason: str, command: str) -> None:
    """The error for a run that a signal ended, or the time before its first update; ``command`` continues it."""
    if run.done == 0 and reason == "time budget":
        exported = run.folder.exported_file
        what = f"the time budget was too short for an update: {exported} is an untrained encoder"
        raise SubmissionError(what, f"continue with {command}")
    if reason not in FINISHED:
        raise StoppedError(
            f"training was stopped by {reason} after update {run.done} of {run.budget.total}; all is saved",
            f"continue with {command}",
            int(signal.Signals[reason]),
        )


def seed_folders(out: Path | str, seeds: Sequence[int]) -> list[Run]:
    """``out/seed_N`` of each seed."""
    return [Run(user_path(out) / f"seed_{seed}") for seed in seeds]


def with_seed(settings: Settings, seed: int) -> Settings:
    """``settings`` of another seed."""
    return replace(settings, train=replace(settings.train, seed=seed))


def obstacle(settings: Settings, folders: Sequence[Run], resume: bool) -> str:
    """Why the runs cannot be trained together; empty where they can."""
    objective = OBJECTIVES.get(settings.objective.name)
    if isinstance(objective, type) and not issubclass(objective, PassObjective):
        return f"objective {settings.objective.name!r} learns weights for each seed"
    if settings.train.patience > 0:
        return "early stopping (train.patience) ends the seeds' runs at different updates"
    if resume and len({progress_of(folder) for folder in folders}) > 1:
        return f"the runs in {folders[0].path.parent} are at different updates"
    return ""


def progress_of(folder: Run) -> tuple[int, str]:
    """Updates done and precision of a run; (0, "") where it has not begun."""
    try:
        state, _ = checkpoint.load(folder.checkpoint_file)
    except FileNotFoundError:
        return 0, ""
    return state["step"], state["precision"]


@contextlib.contextmanager
def all_locked(folders: Sequence[Run]) -> Iterator[None]:
    """Hold every folder."""
    with contextlib.ExitStack() as stack:
        for folder in folders:
            stack.enter_context(folder.lock())
        yield
