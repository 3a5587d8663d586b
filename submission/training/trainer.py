"""The training loop, of one run or of several seeds that take their updates together."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from submission import checkpoint
from submission.errors import SubmissionError
from submission.models.vae import VAE
from submission.objectives import Terms
from submission.run import Run
from submission.training.budget import Budget
from submission.training.cuda_graph import Update
from submission.training.ema import share
from submission.training.logs import Meter, NotFiniteError, RunLogs, not_finite, shown
from submission.training.randomness import Order, RandomState
from submission.training.setup import TrainingSetup
from submission.training.signals import StopSignal
from submission.training.step import EagerStep
from submission.training.validation import Validation

FINISHED = ("steps", "time budget", "early stopping")
"""Reasons to stop after which a run is finished; the others are signals."""


@dataclass
class SeedRun:
    """One seed's run: its images' order, annealing, logs, held-out images and checkpoints.

    Attributes:
        fixed: what never changes in the checkpoint (configuration, versions, data, precision).
        step: owner of the weights and of the optimiser's state.
        random: the generators that the run draws from.
        validation: measures held-out images, where some are held out.
        done: updates done.
        earlier: training seconds of earlier processes.
    """

    folder: Run
    setup: TrainingSetup
    budget: Budget
    fixed: dict[str, Any]
    step: EagerStep
    order: Order
    random: RandomState
    logs: RunLogs
    validation: Validation | None = None
    done: int = 0
    earlier: float = 0.0
    started: float = field(default_factory=time.monotonic)
    logged: float = field(default_factory=time.monotonic)

    def on_start(self) -> None:
        """Start the clock."""
        self.started = self.logged = time.monotonic()

    def coefficients(self) -> dict[str, float]:
        """The scheduled weights of the next update, and the learning rate and the average's share where they change."""
        position, train = self.budget.position(self.done), self.setup.settings.train
        found = self.setup.objective.coefficients(position)
        if not isinstance(train.learning_rate, int | float):
            found["learning_rate"] = train.rate(position)
        if train.ema:
            found["ema_share"] = share(train.ema, self.done)
        return found

    @property
    def exported_model(self) -> VAE:
        """The model that is measured on held-out images and exported: the average of the weights, if there is one."""
        return self.setup.model if self.step.average is None else self.step.average.model

    def indices(self) -> Tensor:
        """Which images the next update takes."""
        return self.order.indices(self.done, self.setup.images_per_update)

    def record(self, coefficients: dict[str, float], terms: Terms) -> str:
        """Count an update with these coefficients and terms, validate and log when due; the bar's text, if new."""
        self.logs.window.add(self.done, terms)
        self.budget.advance(self.done)
        self.done += 1
        self.validate()
        return self.log(coefficients, terms) if self.logs_now() else ""

    def validate(self, finished: bool = False) -> None:
        """Measure held-out images when due; SubmissionError when their ELBO is not finite."""
        if self.validation is None or not self.validation.due(self.done, finished):
            return
        with self.naming_the_update():
            elbo = self.validation.measure(self.done)
        if not math.isfinite(elbo):
            self.close_window()
            raise self.broken(self.done - 1, {"held-out ELBO": elbo})

    def seconds_of_validation(self) -> float:
        """How long it takes to measure held-out images; 0 where there are none."""
        if self.validation is None:
            return 0.0
        started = time.monotonic()
        self.validation.elbo()
        return time.monotonic() - started

    def logs_now(self) -> bool:
        """Whether the last update ends a window of the log."""
        return self.done % self.setup.settings.train.log_every == 0 or self.done == self.budget.total

    def log(self, coefficients: dict[str, float], last: Terms) -> str:
        """Log the means of the window that ends with the terms ``last``; what to show behind the bar."""
        images = len(self.logs.window.rows) * self.setup.images_per_update
        terms = self.close_window()
        rate = images / max(time.monotonic() - self.logged, 1e-9)
        self.logged = time.monotonic()
        record = {"step": self.done, "epoch": self.done * self.setup.images_per_update / self.order.size}
        record |= {"fraction": self.budget.fraction, "seconds": round(self.elapsed(), 3)}
        record |= {"images_per_second": round(rate, 1), **terms, **coefficients}
        with self.naming_the_update():
            self.logs.write(record, last)
        return shown(terms, rate)

    def close_window(self) -> dict[str, float]:
        """Means of the terms since the last line; SubmissionError when one was not finite."""
        means, bad = self.logs.window.close()
        if bad is None:
            return means
        raise self.broken(bad, self.logs.window.terms(bad))

    def broken(self, step: int, terms: dict[str, float]) -> NotFiniteError:
        """The error for an update that went wrong, its images and terms saved."""
        indices = self.order.indices(step, self.setup.images_per_update)
        return not_finite(self.folder.failure_file, step, indices, terms)

    def elapsed(self) -> float:
        """Training seconds, earlier processes included."""
        return self.earlier + time.monotonic() - self.started

    def stop_reason(self) -> str:
        """Why this run stops now by itself; empty to continue."""
        if self.done >= self.budget.total:
            return "steps"
        if self.validation is not None and self.validation.exhausted(self.done):
            return "early stopping"
        return "time budget" if self.budget.over() else ""

    def save(self) -> None:
        """Write a checkpoint, unless the weights are no longer finite."""
        state = self.step.state()
        if not all(bool(value.isfinite().all()) for value in state["model"].values()):
            raise self.broken(self.done - 1, {"weights": float("nan")})
        progress = {"step": self.done, "seconds": self.elapsed(), **self.budget.state()}
        progress |= self.validation.state() if self.validation is not None else {}
        with self.naming_the_update():
            checkpoint.save(
                self.folder.checkpoint_file, {**self.fixed, **progress, **state, "random": self.random.states()}
            )

    def on_end(self, finished: bool) -> None:
        """Validate the last weights of a run that is ``finished``, and write the last checkpoint."""
        self.close_window()
        if finished:
            self.validate(finished=True)
        self.save()
        self.logs.close()

    def finalise(self) -> None:
        """Put the weights to export into the model."""
        if self.validation is not None:
            self.validation.finalise()

    @contextlib.contextmanager
    def naming_the_update(self) -> Iterator[None]:
        """Name the update after which something could not be written."""
        try:
            yield
        except SubmissionError as error:
            what = f"after update {self.done}: {error.what}; the last checkpoint is kept"
            raise SubmissionError(what, error.fix) from error


class Trainer:
    """Updates one run, or several seeds' runs in step, until they end.

    Args:
        runs: at the same update, on the same data set.
        update: one update of all their models, from their images (runs·n, C, H, W) and coefficients.
        stop: the signal that ends training.
        meter: the bar, at the runs' update.
    """

    def __init__(
        self, runs: Sequence[SeedRun], update: Update[tuple[Terms, ...]], stop: StopSignal, meter: Meter
    ) -> None:
        self.runs, self.update, self.stop, self.meter = tuple(runs), update, stop, meter
        self.first = self.runs[0]
        self.checkpoint_every = self.first.setup.settings.train.checkpoint_every
        self.saved = time.monotonic()

    def run(self) -> str:
        """Update until the end, the time's end, or a signal; returns which, after a last checkpoint."""
        for run in self.runs:
            run.on_start()
        while (reason := self.stop_reason()) == "":
            coefficients = [run.coefficients() for run in self.runs]
            terms = self.update(self.images(), *coefficients)
            self.record(coefficients, terms)
            if self.checkpoint_due():
                self.save()
        self.meter.show(self.first.done, at_once=True)
        for run in self.runs:
            run.on_end(finished=reason in FINISHED)
        return reason

    def stop_reason(self) -> str:
        """Why to stop now; empty to continue."""
        return self.stop.received.name if self.stop.received is not None else self.first.stop_reason()

    def images(self) -> Tensor:
        """The next update's images, run after run; a data set that fails is a SubmissionError that names the update."""
        try:
            return self.first.setup.feed(torch.cat([run.indices() for run in self.runs]))
        except (OSError, SubmissionError) as error:
            raise SubmissionError(
                f"the images of update {self.first.done} cannot be read: {error}; the last checkpoint is kept",
                "restore the data, then continue with --resume",
            ) from error

    def record(self, coefficients: Sequence[dict[str, float]], terms: Sequence[Terms]) -> None:
        """Count and log an update of every run, and move the bar."""
        notes = [run.record(own, last) for run, own, last in zip(self.runs, coefficients, terms, strict=True)]
        self.meter.note = notes[0] or self.meter.note
        self.meter.show(self.first.done)

    def checkpoint_due(self) -> bool:
        """Whether a checkpoint is due."""
        return self.first.logs_now() and time.monotonic() - self.saved > self.checkpoint_every

    def save(self) -> None:
        """Write every run's checkpoint."""
        for run in self.runs:
            run.save()
        self.saved = time.monotonic()
