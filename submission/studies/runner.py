"""Runs the trials of a study: skips finished ones, resumes interrupted ones, retries failed ones."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from submission.errors import SubmissionError, UsageError
from submission.export.foreign import warn_of_program
from submission.files import user_path, write_json, write_text
from submission.locks import is_held
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.run.methods import LABEL, label
from submission.studies.engines import LOG, Engine
from submission.studies.records import Record, merge_records
from submission.studies.results import labels_of
from submission.studies.study import Study, Trial
from submission.studies.trial import FAILURE, LOCK, RECORD, Failure, Job, attempts, failure, recorded, require_own

LOGGER = logging.getLogger("submission")
POLL = 0.2
"""Seconds between two looks at the running trials."""
RETRIES = 2
RECORDS = "records.jsonl"


class State(StrEnum):
    """Where a trial stands."""

    DONE = "done"
    RUNNING = "running"
    STALE = "stale"  # begun, and nobody is working on it
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True)
class Place:
    """Where a study's files are.

    Attributes:
        out: folder of the run folders.
        records: file of the finished trials' records; a trial with a record there is done, with or without its folder.
    """

    out: Path
    records: Path

    @classmethod
    def of(cls, out: Path | str, records: Path | str | None = None) -> Place:
        """``records.jsonl`` in the study's folder unless another file is named.

        Raises:
            SubmissionError: something in the study's folder is a link to a place outside of it, a pipe or a device.
        """
        folder = user_path(out)
        Run(folder).require_plain()
        return cls(folder, user_path(records) if records else folder / RECORDS)

    def done(self, trials: Sequence[Trial]) -> dict[tuple[str, int], Record]:
        """Records of ``trials``, with those in run folders added to the file; UsageError where settings differ."""
        new = [record for trial in trials for record in recorded(trial.folder(self.out))]
        found = {record.key: record for record in merge_records(self.records, new)}
        for trial in trials:
            record = found.get((trial.name, trial.seed))
            if record is not None and not record.made_with(trial.bindings):
                changed = [key for key, value in record.config.items() if trial.bindings.get(key, value) != value]
                raise UsageError(
                    f"{self.records} has a record of {trial.name}, seed {trial.seed}, with other {', '.join(changed)}",
                    "name another --records file, or remove the record",
                )
        return found


@dataclass(frozen=True)
class Status:
    """How far a study is.

    Attributes:
        states: trial → state, in the study's order.
        errors: trial → why its last attempt failed.
        seconds_left: expected training time of what is missing, one trial after another; None before the first is done.
    """

    states: Mapping[tuple[str, int], State]
    errors: Mapping[tuple[str, int], str]
    seconds_left: float | None

    def count(self, state: State) -> int:
        """Trials in a state."""
        return sum(found is state for found in self.states.values())


def status(study: Study, place: Place) -> Status:
    """How far ``study`` is; changes nothing but the file of records."""
    trials = study.trials()
    done = place.done(trials)
    states = {(trial.name, trial.seed): state(trial, place, done) for trial in trials}
    errors = {
        (trial.name, trial.seed): reason(trial.folder(place.out))
        for trial in trials
        if states[trial.name, trial.seed] is State.FAILED
    }
    left = sum(found is not State.DONE for found in states.values())
    mean = mean_seconds(record for key, record in done.items() if key in states)
    return Status(states, errors, None if mean is None else left * mean)


def mean_seconds(records: Iterable[Record]) -> float | None:
    """Seconds of training in the mean over ``records``; None where none of them says."""
    spent = [seconds for record in records if isinstance(seconds := record.training.get("seconds"), int | float)]
    return sum(spent) / len(spent) if spent else None


def state(trial: Trial, place: Place, done: Mapping[tuple[str, int], Record]) -> State:
    """Where one trial stands."""
    folder = trial.folder(place.out)
    if (trial.name, trial.seed) in done:
        return State.DONE
    if not folder.is_dir():
        return State.MISSING
    if locked(folder):
        return State.RUNNING
    return State.FAILED if (folder / FAILURE).is_file() else State.STALE


def locked(folder: Path) -> bool:
    """Whether a process is working on the trial in ``folder``."""
    return is_held(folder / LOCK)


def reason(folder: Path) -> str:
    """Why the trial in ``folder`` failed."""
    return failure(folder).error


def sweep(
    study: Study,
    place: Place,
    engine: Engine,
    *,
    retries: int = RETRIES,
    together: bool = False,
    progress: Progress = QUIET,
    **how: Any,
) -> Status:
    """Run what is missing of ``study``; returns how far it is then.

    Interrupted (Ctrl-C, SIGTERM), it stops all trials with a checkpoint. Killed, the next call finds every trial as it
    was: the run folders are the only state.

    Args:
        study: what to run.
        place: where its folders and records are.
        engine: where trials run.
        retries: how often a failed trial is tried again, earlier calls included. A trial whose settings, data or
            options are at fault is tried once per call.
        together: train the seeds of a cell as one batched program, as pays on a GPU; needs an engine with one slot.
            Where the seed also decides other settings (``study.seeded``), each trial trains alone.
        progress: shows a bar over the trials.
        how: ``data_root``, ``device``, ``threads`` and ``isolated`` of the trials' jobs.

    Raises:
        UsageError: a folder of the study holds a run of another configuration.
    """
    trials = study.trials()
    done = place.done(trials)
    left = [trial for trial in trials if (trial.name, trial.seed) not in done]
    for trial in left:
        require_own(Run(trial.folder(place.out)), trial.gin(place.out))
    if study.evaluate and not how.get("isolated"):
        warn_of_programs(left, place)
    if together and engine.slots != 1:
        raise UsageError("seeds train together in one local worker", "use --on local --workers 1")
    shared = together and not study.seeded  # one batched program has one data set
    again = [trial for trial in left if tried(trial.folder(place.out), retries)]
    write_labels(study, place.out, {trial.name for trial in again})
    jobs = [Job.of(study, trial, place.out, peers=peers(trial, again) if shared else (), **how) for trial in again]
    with progress.task(f"{study.name}: trials", len(trials)) as bar:
        bar.advance(len(trials) - len(jobs))

        def ended(job: Job) -> None:
            keep_record(job, place)
            bar.advance()

        Runner(engine, retries, ended).run(jobs)
    return status(study, place)


def write_labels(study: Study, out: Path, begun: Collection[str]) -> None:
    """Put what the study's tables call its methods into their folders, for reports and comparisons of the runs.

    Args:
        study: whose tables they are.
        out: its folder.
        begun: names of trials that are about to start; those of other trials have a folder already, or none.
    """
    for name, text in labels_of(study).items():
        folder = out / name
        if (name in begun or folder.is_dir()) and label(folder) != text:
            write_text(folder / LABEL, f"{text}\n")


def keep_record(job: Job, place: Place) -> None:
    """Add the record of a job that has finished to the file of records; a warning where that cannot be done now."""
    try:
        merge_records(place.records, recorded(Path(job.folder)))
    except SubmissionError as error:
        LOGGER.warning("%s; %s keeps the record", error, Path(job.folder) / RECORD)


def peers(trial: Trial, others: Iterable[Trial]) -> list[int]:
    """The seeds of ``others`` that have the settings of ``trial``, without its own."""
    return [other.seed for other in others if other.name == trial.name and other.seed != trial.seed]


class Runner:
    """Keeps an engine's slots filled until every job has succeeded or has failed too often."""

    def __init__(self, engine: Engine, retries: int, ended: Callable[[Job], None]) -> None:
        self.engine, self.retries, self.ended = engine, retries, ended
        self.failed: dict[str, int] = {}  # run folder -> failures when its job was started

    def run(self, jobs: Iterable[Job]) -> None:
        """Run all jobs; interrupted, or where one cannot be started, stop those that are running."""
        waiting, active = deque(jobs), list[tuple[Job, Any]]()
        try:
            while waiting or active:
                self.fill(waiting, active)
                time.sleep(POLL)
                for job, handle in [pair for pair in active if self.engine.finished(pair[1])]:
                    active.remove((job, handle))
                    again = self.again(job)
                    warn_of_failure(job, again)
                    if again:
                        waiting.append(job)
                    else:
                        self.ended(job)
        except BaseException:
            self.engine.stop([handle for _, handle in active])
            raise

    def fill(self, waiting: deque[Job], active: list[tuple[Job, Any]]) -> None:
        """Start jobs while there are slots; those of another sweep are left to it, and asked about again later."""
        for job in tuple(waiting):
            if len(active) >= self.engine.slots:
                return
            folder = Path(job.folder)
            if (folder / RECORD).is_file():
                waiting.remove(job)
                self.ended(job)
            elif not (folder.is_dir() and locked(folder)):
                waiting.remove(job)
                active.append((job, self.start(job)))

    def start(self, job: Job) -> Any:
        """Start a job; its handle. Failures of settings that are mended by now do not count."""
        folder = Path(job.folder)
        if (folder / FAILURE).is_file() and failure(folder).usage:
            (folder / FAILURE).unlink()
        self.failed[job.folder] = attempts(folder)
        return self.engine.start(job)

    def again(self, job: Job) -> bool:
        """Whether a job that has ended is to be started again."""
        folder = Path(job.folder)
        if (folder / RECORD).is_file():
            return False
        if attempts(folder) <= self.failed[job.folder]:  # its process has written no reason
            if locked(folder):  # another process works on it
                return True
            note_loss(folder)
        return attempts(folder) <= self.retries and not failure(folder).usage


def tried(folder: Path, retries: int) -> bool:
    """Whether a sweep tries the unfinished trial in ``folder``."""
    return attempts(folder) <= retries or failure(folder).usage


def note_loss(folder: Path) -> None:
    """Count a failure of the trial in ``folder`` whose process ended without a reason; an earlier traceback is kept."""
    before = failure(folder) if (folder / FAILURE).is_file() else Failure(0, "", "")
    error = f"its process ended without a word; see {folder / LOG}"
    write_json(folder / FAILURE, asdict(Failure(before.attempts + 1, error, before.traceback)))


def warn_of_failure(job: Job, again: bool) -> None:
    """Say that an attempt at a trial has failed, and whether there is another."""
    folder = Path(job.folder)
    if (folder / FAILURE).is_file():
        then = "it is tried again later" if again else "this sweep does not try it again"
        LOGGER.warning("%s, seed %d failed: %s; %s (%s)", job.trial, job.seed, reason(folder), then, folder / FAILURE)


def warn_of_programs(trials: Iterable[Trial], place: Place) -> None:
    """Say which encoders that are there already will run in the trials' processes."""
    files = [Run(trial.folder(place.out)).exported_file for trial in trials]
    for file in filter(Path.is_file, files):
        warn_of_program(file)
