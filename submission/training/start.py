"""The first update of a run, or the one after its last checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from submission import checkpoint, provenance
from submission.configuration import bindings_of
from submission.configuration.fill import FORMER_NAMES
from submission.data import ImageDataset, is_user_data
from submission.data.dataset import checksum
from submission.errors import SubmissionError, UsageError
from submission.export.torchscript import export_torchscript
from submission.files import write_text
from submission.objectives import TrainingPosition
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

FIXED = ("config", "versions", "data", "precision")
CHANGEABLE = ("steps", "epochs", "patience", "log_every", "checkpoint_every", "tensorboard")
"""Settings of ``train`` that a resumed run may change: they have no part in the updates that are done."""
ADDED = {"train.ema": "0.0", "train.init_from": "''"}
"""Settings that earlier versions of the configuration lack, and the value that has their effect."""
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
        logger.warning("%s; continuing from update %s", message, state["step"])
    return resume_run(setup, folder, options, state, make_random)


def start_run(
    setup: TrainingSetup, folder: Run, options: TrainOptions, precision: str, make_random: MakeRandom
) -> SeedRun:
    """A run at its first update, with everything about it written down."""
    weights = initial_weights(setup)
    precision, config = precision or choose_precision(setup), setup.settings.gin()
    data, versions = fingerprint(setup.dataset), provenance.versions()
    fixed = {"config": config, "versions": versions, "data": data, "precision": precision}
    write_text(folder.config_file, config)
    about = describe(setup.settings, setup.dataset, setup.model, setup.mode, precision)
    folder.write_meta(replace(about, dataset=replace(about.dataset, checksum=data["data.checksum"])))
    clock = time.monotonic()
    export_torchscript(setup.model, setup.mode, folder.untrained_file)
    setup.model.load_state_dict(weights)
    seed_everything(derived(setup.settings.train.seed, "noise"))
    run = seed_run(setup, folder, options, fixed, make_random())
    run.save()
    run.budget.keep(2 * (time.monotonic() - clock))
    return run


def choose_precision(setup: TrainingSetup) -> str:
    """The precision for this setup, by trial where it is ``auto``."""
    images = setup.feed(setup.order().indices(0, setup.images_per_update))
    return resolve(setup.model, setup.objective, setup.settings.train, images)


def initial_weights(setup: TrainingSetup) -> dict[str, Tensor]:
    """The weights that training starts from: those that another run exported, or random ones.

    Raises:
        UsageError: the other run's model has other weights.
    """
    own, source = setup.model.state_dict(), setup.settings.train.init_from
    if not source:
        return own
    found: dict[str, Tensor] = Run.open(source).model().state_dict()
    shapes = [{name: tuple(value.shape) for name, value in weights.items()} for weights in (own, found)]
    unlike = sorted(name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name))
    if unlike:
        what = f"train.init_from = {source!r} has other weights than this model ({unlike[0]})"
        raise UsageError(what, "use its model.space, model.networks and image shape")
    return found


def resume_run(
    setup: TrainingSetup, folder: Run, options: TrainOptions, state: dict[str, Any], make_random: MakeRandom
) -> SeedRun:
    """The run in ``folder`` where ``state``, its checkpoint, left it."""
    changes = require_same(setup, folder, state)
    require_updates(setup, state)
    fixed = {key: state[key] for key in FIXED} | {"config": setup.settings.gin()}
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
            f"{folder.checkpoint_file} does not match its run: {reason}", "train again into another --out"
        ) from error
    if changes:
        logger.warning("%s continues with %s", folder.path, "; ".join(changes))
        write_text(folder.config_file, fixed["config"])
    if run.done < setup.total_steps:
        meta = folder.meta
        folder.write_meta(replace(meta, training=replace(meta.training, finished=False, ended_by="")))
    return run


def require_updates(setup: TrainingSetup, state: Mapping[str, Any]) -> None:
    """UsageError where a run has made more updates than it is to make, or its learning rate stays at zero."""
    done, train = state["step"], setup.settings.train
    if setup.total_steps < done:
        given = f"train.steps = {train.steps}" if train.steps else f"train.epochs = {train.epochs:g}"
        what = f"{given} means fewer updates ({setup.total_steps:,}) than are done ({done:,})"
        raise UsageError(what, f"give train.steps = {done} or more")
    if done < setup.total_steps and state["fraction"] == 1 and train.rate(TrainingPosition(done, done)) == 0:
        fix = "start a new run from its weights: --init-from RUN"
        raise UsageError("the learning rate has reached 0, so that more updates would change nothing", fix)


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
    step = make_step(setup.model, setup.objective, train, fixed["precision"])
    exported = setup.model if step.average is None else step.average.model
    return SeedRun(
        folder=folder,
        setup=setup,
        budget=Budget(setup.total_steps, options.time_budget, options.started),
        fixed=fixed,
        step=step,
        order=setup.order(),
        random=random,
        logs=RunLogs(folder, done, train.tensorboard),
        validation=setup.validation(folder, exported),
        done=done,
        earlier=earlier,
    )


def refuse_lost_run(folder: Run) -> None:
    """UsageError when ``folder`` holds a run that has ended, but no checkpoint of it."""
    if folder.exported_file.exists():
        raise UsageError(
            f"{folder.path} has no checkpoint, so that its run cannot be resumed",
            "choose another --out; to train it again, delete the folder",
        )


def refuse_other_run(folder: Run) -> None:
    """UsageError when ``folder`` holds a run already."""
    for file in (folder.config_file, folder.meta_file, folder.checkpoint_file):
        if file.exists():
            raise UsageError(
                f"{folder.path} already holds a run ({file.name})", "continue it with --resume, or choose another --out"
            )


def require_same(setup: TrainingSetup, folder: Run, state: Mapping[str, Any]) -> list[str]:
    """The ``CHANGEABLE`` settings that differ from the checkpoint's, each with both values.

    Raises:
        UsageError: the checkpoint belongs to other settings, data or versions; it shows the differences.
    """
    ours = bindings_of(setup.settings.gin()) | fingerprint(setup.dataset) | releases(provenance.versions())
    theirs = ADDED | former(bindings_of(state["config"])) | state["data"] | releases(state["versions"])
    if is_user_data(ours["data.name"]) and is_user_data(theirs.get("data.name", "")):
        theirs["data.name"] = ours["data.name"]  # another path; the images decide
    names = [f"train.{name}" for name in CHANGEABLE]
    harmless = differences(*({name: side.get(name, "") for name in names} for side in (ours, theirs)))
    if changed := [change for change in differences(ours, theirs) if change not in harmless]:
        raise UsageError(
            f"{folder.path} cannot be resumed, because these differ: {'; '.join(changed)}",
            "undo the change, or choose another --out",
        )
    return harmless


def former(bindings: Mapping[str, str]) -> dict[str, str]:
    """``bindings`` with the current names of settings."""
    return {FORMER_NAMES.get(name, name): value for name, value in bindings.items()}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """``key: theirs → ours`` for every key in which two flat descriptions differ."""
    keys = sorted(ours.keys() | theirs.keys())
    missing = "(absent)"
    return [f"{k}: {theirs.get(k, missing)} → {ours.get(k, missing)}" for k in keys if ours.get(k) != theirs.get(k)]


def releases(versions: Mapping[str, str]) -> dict[str, str]:
    """Major and minor versions of what decides the weights: this package, and torch's random streams and kernels."""
    return {name: ".".join(versions.get(name, "").split(".")[:2]) for name in ("submission", "torch")}


def fingerprint(dataset: ImageDataset) -> dict[str, str]:
    """What must agree for a run to be resumed: name, size, shape and a checksum of evenly spaced images."""
    factors = getattr(dataset, "factor_sizes", ())
    return {
        "data.name": dataset.name,
        "data.images": f"{len(dataset)} of shape {tuple(dataset.image_shape)}",
        "data.factor_sizes": str(tuple(factors)),
        "data.checksum": checksum(dataset),
    }
