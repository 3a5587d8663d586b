"""The training loop."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from submission import checkpoint
from submission.configuration.settings import TrainSettings
from submission.data import ImageDataset
from submission.data.batches import ImageBatches
from submission.errors import SubmissionError
from submission.objectives import Objective, Terms
from submission.progress import Task
from submission.run import Run
from submission.training.budget import Budget
from submission.training.journal import Journal
from submission.training.log import Window, not_finite
from submission.training.meter import Meter
from submission.training.randomness import Order, generator_states
from submission.training.signals import Requests
from submission.training.step import Step
from submission.training.validation import Validation

SHOWN = {"loss": "loss", "reconstruction": "rec", "kl": "KL"}
"""Terms that fit behind the bar of a narrow terminal."""


@dataclass
class Loop:
    """One process's part of a run, from update ``done`` on.

    Attributes:
        fixed: what never changes in the checkpoint (configuration, versions, data, precision).
        seconds: training time of earlier processes.
        validation: looks at held-out images, where some are held out.
        random: the state of the generators that the run draws from.
    """

    folder: Run
    dataset: ImageDataset
    feed: ImageBatches
    order: Order
    step: Step
    objective: Objective
    settings: TrainSettings
    budget: Budget
    fixed: dict[str, Any]
    done: int = 0
    seconds: float = 0.0
    validation: Validation | None = None
    window: Window = field(default_factory=Window)
    random: Callable[[], dict[str, Any]] = generator_states

    def run(self, stop: Requests, bar: Task) -> str:
        """Update until the end, the time's end, or a signal; returns which, after a last checkpoint."""
        self.open(bar)
        while (reason := self.reason(stop)) == "":
            coefficients = self.coefficients()
            self.record(coefficients, self.step(self.images(self.indices()), coefficients))
            if self.due():
                self.save()
        self.close()
        return reason

    def open(self, bar: Task) -> None:
        """Start the logs and the clock."""
        self.journal = Journal(self.folder, self.done, self.settings.tensorboard)
        self.meter = Meter(bar, self.done)
        self.began = self.logged = self.saved = time.monotonic()

    def coefficients(self) -> dict[str, float]:
        """The scheduled weights of the next update."""
        return self.objective.coefficients(self.budget.position(self.done))

    def record(self, coefficients: dict[str, float], terms: Terms) -> None:
        """Count an update that had these weights and terms, look at held-out images, log and draw if it is time to."""
        self.window.add(self.done, terms)
        self.budget.advance(self.done)
        self.done += 1
        self.look()
        if self.logs():
            self.meter.note = self.report(coefficients, terms)
        self.meter.show(self.done)

    def look(self, finished: bool = False) -> None:
        """Measure held-out images, if it is time to; SubmissionError when their ELBO is not finite."""
        if self.validation is None or not self.validation.due(self.done, finished):
            return
        with self.naming_the_update():
            elbo = self.validation.look(self.done)
        if not math.isfinite(elbo):
            self.close_window()
            raise self.broken(self.done - 1, {"held-out ELBO": elbo})

    def conclude(self, finished: bool) -> None:
        """Put the weights to export into the model; a ``finished`` run's last ones are looked at before, if need be."""
        if finished:
            self.look(finished=True)
        if self.validation is not None:
            self.validation.conclude()

    def logs(self) -> bool:
        """Whether the last update ends a window of the log."""
        return self.done % self.settings.log_every == 0 or self.done == self.budget.total

    def due(self) -> bool:
        """Whether a checkpoint is due."""
        return self.logs() and time.monotonic() - self.saved > self.settings.checkpoint_every

    def close(self) -> None:
        """End the bar and write the last checkpoint."""
        self.meter.show(self.done, at_once=True)
        self.close_window()
        self.save()

    def reason(self, stop: Requests) -> str:
        """Why to stop now; empty to go on."""
        if stop.signal is not None:
            return stop.signal.name
        if self.done >= self.budget.total:
            return "steps"
        if self.validation is not None and self.validation.exhausted(self.done):
            return "early stopping"
        return "time budget" if self.budget.over() else ""

    @property
    def count(self) -> int:
        """Images that one update takes."""
        return self.settings.batch_size * self.objective.batches

    def indices(self) -> Tensor:
        """Which images the next update takes."""
        return self.order.indices(self.done, self.count)

    def images(self, indices: Tensor) -> Tensor:
        """The next update's images; a data set that fails is a SubmissionError that names the update."""
        try:
            return self.feed(indices)
        except (OSError, SubmissionError) as error:
            raise SubmissionError(
                f"the images of update {self.done} cannot be read: {error}; the last checkpoint is kept",
                "bring the data back and --resume",
            ) from error

    def elapsed(self) -> float:
        """Training seconds, earlier processes included."""
        return self.seconds + time.monotonic() - self.began

    def report(self, coefficients: dict[str, float], last: Terms) -> str:
        """Log the means of the window that ends with the terms ``last``; what to show behind the bar."""
        images = len(self.window.rows) * self.count
        terms = self.close_window()
        rate = images / max(time.monotonic() - self.logged, 1e-9)
        self.logged = time.monotonic()
        record = {"step": self.done, "epoch": self.done * self.count / self.order.size}
        record |= {"fraction": self.budget.fraction, "seconds": round(self.elapsed(), 3)}
        record |= {"images_per_second": round(rate, 1), **terms, **coefficients}
        with self.naming_the_update():
            self.journal.write(record, last)
        shown = [f"{short} {terms[name]:.1f}" for name, short in SHOWN.items() if name in terms]
        return " ".join([*shown, f"{rate:,.0f} images/s"])

    def close_window(self) -> dict[str, float]:
        """Means of the terms since the last look; SubmissionError when one was not finite."""
        means, bad = self.window.close()
        if bad is None:
            return means
        raise self.broken(bad, self.window.terms(bad))

    def broken(self, step: int, terms: dict[str, float]) -> SubmissionError:
        """The error for an update that went wrong, its images and terms saved."""
        return not_finite(self.folder.failure_file, step, self.order.indices(step, self.count), terms)

    def save(self) -> None:
        """Checkpoint, unless the weights are no longer finite."""
        state = self.step.state()
        if not all(bool(value.isfinite().all()) for value in state["model"].values()):
            raise self.broken(self.done - 1, {"weights": float("nan")})
        progress = {"step": self.done, "fraction": self.budget.fraction, "reserve": self.budget.reserve}
        progress |= {"ahead": self.budget.ahead, "seconds": self.elapsed()}
        progress |= self.validation.state() if self.validation is not None else {}
        with self.naming_the_update():
            checkpoint.save(self.folder.checkpoint_file, {**self.fixed, **progress, **state, "random": self.random()})
        self.saved = time.monotonic()

    @contextlib.contextmanager
    def naming_the_update(self) -> Iterator[None]:
        """Say in what update something could not be written."""
        try:
            yield
        except SubmissionError as error:
            what = f"after update {self.done}: {error.what}; the last checkpoint is kept"
            raise SubmissionError(what, error.fix) from error
