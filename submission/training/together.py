"""Several seeds of one run as one batched program, each with its own run folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from submission import checkpoint
from submission.configuration.settings import Settings
from submission.data import ImageDataset
from submission.errors import UsageError
from submission.native.memory import keep_freed_memory
from submission.objectives import OBJECTIVES, PassObjective, Terms
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.training.budget import Budget
from submission.training.captured import Captured, GraphRecorder
from submission.training.group_step import GroupStep
from submission.training.loop import Loop
from submission.training.parts import Parts, assembled, prepare
from submission.training.precision import warn
from submission.training.randomness import Stream
from submission.training.resuming import resuming
from submission.training.run import conclude, stopped
from submission.training.signals import Requests, requests
from submission.training.start import Tell, begun, continued
from submission.training.step import EagerStep


@dataclass(frozen=True)
class Member:
    """One seed's run."""

    parts: Parts
    loop: Loop
    stream: Stream


def train_together(
    settings: Settings,
    seeds: Sequence[int],
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
    started = time.monotonic() if started is None else started
    keep_freed_memory()
    folders = seed_folders(out, seeds)
    reason = obstacle(settings, folders, resume)
    if reason:
        raise UsageError(reason, "train them one after another (--no-together)")
    first = prepare(settings, dataset, data_root, device, progress)
    warn(settings.train, first.device, tell)
    with requests() as stop, all_locked(folders):
        runs = [assembled(with_seed(first.settings, seed), first.feed, first.watched) for seed in seeds]
        group = members(runs, folders, budgets(runs, time_budget, started), resume, tell)
        ended = execute(group, stop, progress, tell)
        for member in group:
            conclude(member.parts, member.loop, ended, tell)
        stopped(group[0].loop, ended, resuming(out, data_root, device, seeds, together=first.device.type == "cpu"))
    return folders


def seed_folders(out: Path | str, seeds: Sequence[int]) -> list[Run]:
    """``out/seed_N`` of each seed."""
    return [Run(Path(out) / f"seed_{seed}") for seed in seeds]


def with_seed(settings: Settings, seed: int) -> Settings:
    """``settings`` of another seed."""
    return replace(settings, train=replace(settings.train, seed=seed))


def obstacle(settings: Settings, folders: Sequence[Run], resume: bool) -> str:
    """Why the runs cannot be trained together; empty where they can."""
    objective = OBJECTIVES.get(settings.objective.name)
    if isinstance(objective, type) and not issubclass(objective, PassObjective):
        return f"objective {settings.objective.name!r} learns something of its own, seed by seed"
    if settings.train.look_ahead > 0:
        return "early stopping (train.look_ahead) ends each seed's run at an update of its own"
    if resume and len({standing(folder) for folder in folders}) > 1:
        return f"the runs in {folders[0].path.parent} stand at different updates"
    return ""


def standing(folder: Run) -> tuple[int, str]:
    """Updates done and precision of a run; nothing where it has not begun."""
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


def budgets(runs: Sequence[Parts], limit: float | None, started: float) -> list[Budget]:
    """A budget for each run; all have the same time."""
    return [Budget(parts.settings.train.total_steps(parts.training_size), limit, started) for parts in runs]


def members(
    runs: Sequence[Parts], folders: Sequence[Run], times: Sequence[Budget], resume: bool, tell: Tell
) -> list[Member]:
    """Every run at its first update or after its last checkpoint; the first one's precision is everyone's."""
    group: list[Member] = []
    for parts, folder, budget in zip(runs, folders, times, strict=True):
        chosen = group[0].loop.fixed["precision"] if group else ""
        loop = continued(parts, folder, budget, resume, tell) or begun(parts, folder, budget, chosen)
        stream = Stream(parts.device)
        loop.random = stream.states
        group.append(Member(parts, loop, stream))
    together = sum(budget.reserve for budget in times)
    for budget in times:
        if budget.limit is not None:
            budget.limit -= together - budget.reserve
    return group


def step_of(group: Sequence[Member], tell: Tell) -> Callable[..., tuple[Terms, ...]]:
    """The update of all runs, recorded on a GPU."""
    first, streams = group[0], [member.stream for member in group]
    steps = [cast(EagerStep, member.loop.step) for member in group]
    step = GroupStep(steps, streams, first.parts.settings.train, first.loop.fixed["precision"])
    device = first.parts.device
    return Captured(step, GraphRecorder(device, streams), tell) if device.type == "cuda" else step


def execute(group: Sequence[Member], stop: Requests, progress: Progress, tell: Tell) -> str:
    """Update all runs until they end, under one progress bar; why they ended."""
    loops, first, step = [member.loop for member in group], group[0], step_of(group, tell)
    with progress.task(f"training {len(loops)} seeds", first.loop.budget.total) as bar, QUIET.task("", 0) as silent:
        bar.advance(first.loop.done)
        for loop in loops:
            loop.open(bar if loop is first.loop else silent)
        return run(loops, step, stop)


def run(loops: Sequence[Loop], step: Callable[..., tuple[Terms, ...]], stop: Requests) -> str:
    """The loop of ``Loop.run``, all runs in step."""
    while (reason := loops[0].reason(stop)) == "":
        coefficients = [loop.coefficients() for loop in loops]
        images = loops[0].images(torch.cat([loop.indices() for loop in loops])).unflatten(0, (len(loops), -1))
        for loop, own, terms in zip(loops, coefficients, step(images, *coefficients), strict=True):
            loop.record(own, terms)
        if loops[0].due():
            for loop in loops:
                loop.save()
    for loop in loops:
        loop.close()
    return reason
