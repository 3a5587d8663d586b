"""The first update of a run, or the one after its last checkpoint."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from submission import checkpoint, provenance
from submission.configuration import bindings_of
from submission.data import ImageDataset, is_user_data
from submission.errors import SubmissionError, UsageError
from submission.export.torchscript import export_torchscript
from submission.files import write_text
from submission.run import Run
from submission.training.budget import Budget
from submission.training.logs import RunLogs
from submission.training.meta import describe
from submission.training.mixed_step import make_step
from submission.training.options import TrainOptions
from submission.training.precision import resolve
from submission.training.randomness import (
    GlobalState,
    RandomState,
    derived,
    restore_generators,
    seed_everything,
)
from submission.training.setup import TrainingSetup
from submission.training.trainer import SeedRun

logger = logging.getLogger(__name__)

FINGERPRINT_IMAGES = 64
FIXED = ("config", "versions", "data", "precision")
MakeRandom = Callable[[], RandomState]


def start_or_resume(
    setup: TrainingSetup,
    folder: Run,
    options: TrainOptions,
    precision: str = "",
    make_random: MakeRandom = GlobalState,
) -> SeedRun:
    """The run in ``folder`` after its last checkpoint, or a new one where there is none.

    Args:
        precision: of a new run, where it is known already.
        make_random: makes the state of the generators, called when they are as the run needs them.

    Raises:
        UsageError: there is a run and ``options.resume`` is off, or it was made with other settings, data or versions.
    """
    if not options.resume:
        refuse_other_run(folder)
        return start_run(setup, folder, options, precision, make_random)
    try:
        state, message = checkpoint.load(folder.checkpoint_file)
    except FileNotFoundError:
        refuse_lost_run(folder)
        return start_run(setup, folder, options, precision, make_random)
    if message:
        logger.warning("%s; going on from update %s", message, state["step"])
    return resume_run(setup, folder, options, state, make_random)


def start_run(
    setup: TrainingSetup, folder: Run, options: TrainOptions, precision: str, make_random: MakeRandom
) -> SeedRun:
    """A run at its first update, with everything about it written down."""
    precision, config = precision or choose_precision(setup), setup.settings.gin()
    data, versions = fingerprint(setup.dataset), provenance.versions()
    fixed = {"config": config, "versions": versions, "data": data, "precision": precision}
    write_text(folder.config_file, config)
    folder.write_meta(describe(setup.settings, setup.dataset, setup.model, setup.mode, precision))
    clock = time.monotonic()
    export_torchscript(setup.model, setup.mode, folder.untrained_file)
    seed_everything(derived(setup.settings.train.seed, "noise"))
    run = seed_run(setup, folder, options, fixed, make_random())
    run.save()
    run.budget.keep(2 * (time.monotonic() - clock))
    return run


def choose_precision(setup: TrainingSetup) -> str:
    """The precision for this setup, by trial where it is ``auto``."""
    train = setup.settings.train
    images = setup.feed(torch.arange(min(len(setup.dataset), train.batch_size)))
    return resolve(setup.model, setup.objective, train, images)


def resume_run(
    setup: TrainingSetup, folder: Run, options: TrainOptions, state: dict[str, Any], make_random: MakeRandom
) -> SeedRun:
    """The run in ``folder`` where ``state``, its checkpoint, left it."""
    require_same(setup, folder, state)
    fixed = {key: state[key] for key in FIXED}
    try:
        restore_generators(state["random"])
        run = seed_run(setup, folder, options, fixed, make_random(), done=state["step"], earlier=state["seconds"])
        run.step.restore(state)
        run.budget.restore(state)
        if run.validation is not None:
            run.validation.restore(state)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise SubmissionError(
            f"{folder.checkpoint_file} does not fit its own run: {reason}", "train again into another --out"
        ) from error
    return run


def seed_run(
    setup: TrainingSetup,
    folder: Run,
    options: TrainOptions,
    fixed: dict[str, Any],
    random: RandomState,
    done: int = 0,
    earlier: float = 0.0,
) -> SeedRun:
    """The run after ``done`` updates."""
    train = setup.settings.train
    return SeedRun(
        folder=folder,
        setup=setup,
        budget=Budget(setup.total_steps, options.time_budget, options.started),
        fixed=fixed,
        step=make_step(setup.model, setup.objective, train, fixed["precision"]),
        order=setup.order(),
        random=random,
        logs=RunLogs(folder, done, train.tensorboard),
        validation=setup.validation(folder),
        done=done,
        earlier=earlier,
    )


def refuse_lost_run(folder: Run) -> None:
    """UsageError when ``folder`` holds a run that has ended, but no checkpoint of it."""
    if folder.exported_file.exists():
        raise UsageError(
            f"{folder.path} holds a run without its checkpoint, which cannot be resumed",
            "choose another --out; to train it again, delete the folder",
        )


def refuse_other_run(folder: Run) -> None:
    """UsageError when ``folder`` holds a run already."""
    for file in (folder.config_file, folder.meta_file, folder.checkpoint_file):
        if file.exists():
            raise UsageError(
                f"{folder.path} already holds a run ({file.name})", "continue it with --resume, or choose another --out"
            )


def require_same(setup: TrainingSetup, folder: Run, state: Mapping[str, Any]) -> None:
    """UsageError, showing the difference, when a checkpoint belongs to other settings, data or versions."""
    ours = bindings_of(setup.settings.gin()) | fingerprint(setup.dataset) | releases(provenance.versions())
    theirs = bindings_of(state["config"]) | state["data"] | releases(state["versions"])
    if is_user_data(ours["data.name"]) and is_user_data(theirs["data.name"]):
        theirs["data.name"] = ours["data.name"]  # another path; the images decide
    changed = differences(ours, theirs)
    if changed:
        raise UsageError(
            f"{folder.path} cannot be resumed, because it was begun differently: {'; '.join(changed)}",
            "undo the change, or choose another --out",
        )


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """``key: theirs → ours`` for every key in which two flat descriptions differ."""
    keys = sorted(ours.keys() | theirs.keys())
    missing = "(absent)"
    return [f"{k}: {theirs.get(k, missing)} → {ours.get(k, missing)}" for k in keys if ours.get(k) != theirs.get(k)]


def releases(versions: Mapping[str, str]) -> dict[str, str]:
    """Major and minor versions of what decides the weights: this package, and torch's random streams and kernels."""
    return {name: ".".join(versions[name].split(".")[:2]) for name in ("submission", "torch")}


def fingerprint(dataset: ImageDataset) -> dict[str, str]:
    """What must agree for a run to be resumed: name, size, shape and a checksum of evenly spaced images."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, FINGERPRINT_IMAGES).astype(np.int64))
    checksum = zlib.crc32(np.ascontiguousarray(dataset.images(chosen)).tobytes())
    factors = getattr(dataset, "factor_sizes", ())
    return {
        "data.name": dataset.name,
        "data.images": f"{len(dataset)} of shape {tuple(dataset.image_shape)}",
        "data.factor_sizes": str(tuple(factors)),
        "data.checksum": f"{checksum:08x}",
    }
