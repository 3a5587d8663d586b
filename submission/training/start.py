"""The first update of a run, or the one after its last checkpoint."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from submission import checkpoint, provenance
from submission.configuration import bindings_of
from submission.data import ImageDataset, is_user_data
from submission.errors import UsageError
from submission.export.torchscript import export_torchscript
from submission.files import write_text
from submission.run import Run
from submission.training import precision
from submission.training.budget import Budget
from submission.training.loop import Loop
from submission.training.meta import describe
from submission.training.parts import Parts
from submission.training.randomness import derived, restore_generators, seed_everything

Tell = Callable[[str], None]
FINGERPRINT_IMAGES = 64
KEPT = ("config", "versions", "data", "precision")


def begun(parts: Parts, folder: Run, budget: Budget, chosen: str = "") -> Loop:
    """A run at its first update, with everything about it written down; ``chosen`` is its precision, if known."""
    chosen, config = chosen or tried(parts), parts.settings.gin()
    fixed = {
        "config": config,
        "versions": provenance.versions(),
        "data": fingerprint(parts.dataset),
        "precision": chosen,
    }
    write_text(folder.config_file, config)
    folder.write_meta(describe(parts.settings, parts.dataset, parts.model, parts.mode, chosen))
    clock = time.monotonic()
    export_torchscript(parts.model, parts.mode, folder.untrained_file)
    loop = parts.loop(folder, budget, fixed)
    seed_everything(derived(parts.settings.train.seed, "noise"))
    loop.began = time.monotonic()
    loop.save()
    budget.reserve += 2 * (time.monotonic() - clock)
    return loop


def tried(parts: Parts) -> str:
    """The precision for these parts."""
    images = parts.feed(torch.arange(min(len(parts.dataset), parts.settings.train.batch_size)))
    return precision.resolve(parts.model, parts.objective, parts.settings.train, images)


def continued(parts: Parts, folder: Run, budget: Budget, resume: bool, tell: Tell) -> Loop | None:
    """The run in ``folder`` where its checkpoint left it; None where there is none yet.

    Raises:
        UsageError: there is a run and ``resume`` is off, or it was made with other settings, data or versions.
    """
    if not resume:
        refuse_other_run(folder)
        return None
    try:
        state, message = checkpoint.load(folder.checkpoint_file)
    except FileNotFoundError:
        refuse_lost_run(folder)
        return None
    if message:
        tell(f"{message}; going on from update {state['step']}")
    require_same(parts, folder, state)
    fixed = {key: state[key] for key in KEPT}
    loop = parts.loop(folder, budget, fixed, done=state["step"], seconds=state["seconds"])
    loop.step.restore(state)
    if loop.validation is not None:
        loop.validation.restore(state)
    restore_generators(state["random"])
    budget.fraction, budget.ahead, budget.reserve = state["fraction"], state["ahead"], state["reserve"]
    return loop


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


def require_same(parts: Parts, folder: Run, state: dict[str, Any]) -> None:
    """UsageError, showing the difference, when a checkpoint belongs to other settings, data or versions."""
    ours = bindings_of(parts.settings.gin()) | fingerprint(parts.dataset) | releases(provenance.versions())
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


def releases(versions: dict[str, str]) -> dict[str, str]:
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
