"""The entry point for the grader: train and write a submission as environment variables ask."""

from __future__ import annotations

import time
from collections.abc import Mapping

from submission.challenge.check import require_check
from submission.challenge.environment import Environment, read
from submission.challenge.events import TRAINING_SHARE, Events, Say, sender
from submission.configuration import load
from submission.run import Run
from submission.training import TrainOptions, train_with
from submission.training.budget import seconds


def grade(variables: Mapping[str, str], say: Say) -> Run:
    """Train as the environment says, write ``representation/``, check it, and report events on the way.

    A run that was interrupted is continued where its last checkpoint is.

    Args:
        variables: the environment (docs/submission.md lists what is read).
        say: shows one line.

    Raises:
        SubmissionError: bad variables, no data, an output folder that cannot be written, a failed check.
        StoppedError: a signal ended training early; what there is has been exported.
    """
    started = time.monotonic()
    environment = read(variables)
    events = Events(say, sender(variables) if environment.grading else None)
    events.start()
    events.progress(0.0)
    try:
        folder = run(environment, started, events, say)
    except BaseException as error:
        events.failure(str(error) or type(error).__name__)
        raise
    events.progress(1.0)
    events.success()
    return folder


def run(environment: Environment, started: float, events: Events, say: Say) -> Run:
    """Train and check."""
    settings = load([environment.config], [*environment.bindings, f"data.name = {environment.dataset!r}"])
    options = TrainOptions(
        data_root=environment.data_root,
        resume=True,
        device="auto" if environment.cuda else "cpu",
        time_budget=seconds(environment.time_budget) if environment.time_budget else None,
        started=started,
        progress=events,
    )
    folder = train_with(settings, environment.output, options)
    events.progress(TRAINING_SHARE)
    require_check(folder.path, own=True)
    return folder
