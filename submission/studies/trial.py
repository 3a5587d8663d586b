"""One job of a sweep in a process of its own: train, export, evaluate, estimate the likelihood, record.

``python -m submission.studies.trial`` reads a ``Job`` as one line of JSON from its standard input. When that input
closes, because the process that started it has ended, it stops like one that received SIGTERM: with a checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout

from submission import provenance, schema
from submission.configuration import load
from submission.configuration.settings import Settings, bindings_of
from submission.data import GroundTruthDataset, data_sets_kept, is_user_data
from submission.errors import SubmissionError, UsageError
from submission.files import read_text, user_path, write_json, write_text
from submission.latent import parse
from submission.locks import acquired
from submission.options import plain
from submission.plugins import import_modules, imported_modules, load_entry_points
from submission.progress import QUIET
from submission.run import Run
from submission.studies.measures import MEASURES
from submission.studies.records import Record
from submission.studies.study import FIRST, Study, Trial
from submission.training import obstacle, seed_folders, train, train_together
from submission.training.setup import load_images

RECORD, FAILURE, LOCK = "record.json", "failed.json", ".trial.lock"
BUSY = 75
"""Exit code where another process is working on the trial."""
MOMENT = 1.0
"""Seconds to wait for a trial's lock: who asks whether it is free holds it for a moment."""


@dataclass(frozen=True)
class Measures:
    """What is measured after training; the attributes of the same names of ``Study``."""

    evaluate: str = ""
    metrics: Sequence[str] = ()
    measures: Sequence[str] = ()
    likelihood: int = 0
    images: int = 10_000
    baselines: bool = False

    @classmethod
    def of(cls, study: Study) -> Measures:
        """Those of a study."""
        return cls(study.evaluate, study.metrics, study.measures, study.likelihood, study.images, study.baselines)


@dataclass(frozen=True)
class Job:
    """A trial, and how to run it.

    Attributes:
        study, size, trial, method, choices, seed, config: see ``Record``.
        gin: operative configuration with the seed, as gin text.
        folder: run folder.
        measures: what to measure.
        data_root: folder of data files; empty for the default.
        device: ``auto``, ``cpu``, ``cuda:1``, ...
        threads: CPU threads.
        isolated: whether the exported encoder is scored in a sandbox.
        peers: seeds of the same cell to train at the same time as one batched program; they are measured by jobs of
            their own. Empty where each seed trains alone.
        imports: modules of one's own that the job's process imports first.
        first: gin text of the training from whose weights the trial starts; empty for none.
        beside: folder from which relative paths of data count, wherever the process starts; empty for its own.
    """

    study: str
    size: str
    trial: str
    method: str
    choices: Mapping[str, object]
    seed: int
    config: Mapping[str, str]
    gin: str
    folder: str
    measures: Measures = field(default_factory=Measures)
    data_root: str = ""
    device: str = "auto"
    threads: int = 1
    isolated: bool = False
    peers: Sequence[int] = ()
    imports: Sequence[str] = field(default_factory=imported_modules)
    first: str = ""
    beside: str = ""

    @classmethod
    def of(cls, study: Study, trial: Trial, out: Path, data_root: Path | str | None = None, **how: Any) -> Job:
        """The job of one trial of ``study`` in the study's folder ``out``."""
        about: dict[str, Any] = {
            "trial": trial.name,
            "method": trial.method,
            "choices": plain(trial.choices),
            "config": trial.bindings,
            "data_root": str(user_path(data_root).resolve()) if data_root else "",
            "beside": str(Path.cwd()),
        }
        where: dict[str, Any] = {"gin": trial.gin(out), "folder": str(trial.folder(out).resolve())}
        where["first"] = trial.first.gin() if trial.first else ""
        return cls(study.name, study.size, **about, seed=trial.seed, **where, measures=Measures.of(study), **how)

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Job:
        """From ``line``."""
        values = json.loads(line)
        return cls(**{**values, "measures": Measures(**values["measures"])})


@dataclass(frozen=True)
class Failure:
    """Why a trial failed, and how often it has.

    ``usage`` says that settings, data or options are at fault, so that another attempt fails until they change.
    """

    attempts: int
    error: str
    traceback: str
    usage: bool = False


def run(job: Job) -> int:
    """Run a job that nobody else is running; exit code 0 when it is recorded.

    A failure is kept, with its traceback and the number of attempts, in ``failed.json`` beside the run's files.
    """
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    Run(folder).require_plain()
    try:
        with acquired(folder / LOCK, MOMENT):
            return attempt(job, folder)
    except Timeout:
        return BUSY


def attempt(job: Job, folder: Path) -> int:
    """Run a job whose lock is held."""
    try:
        import_modules(job.imports)
        write_json(folder / RECORD, asdict(record(job, folder)))
        (folder / FAILURE).unlink(missing_ok=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the sweep goes on with other trials, and this one's traceback is kept
        if isinstance(error, SubmissionError) and error.exit_code > 128:  # stopped by a signal, with a checkpoint
            return error.exit_code
        found = Failure(attempts(folder) + 1, str(error), traceback.format_exc(), isinstance(error, UsageError))
        write_json(folder / FAILURE, asdict(found))
        return 1
    return 0


def attempts(folder: Path) -> int:
    """How often the trial in ``folder`` has failed since it last succeeded."""
    if not (folder / FAILURE).is_file():
        return 0
    return failure(folder).attempts


def failure(folder: Path) -> Failure:
    """Why the trial in ``folder`` failed; SubmissionError where the file says something else."""
    file = folder / FAILURE
    return schema.read_record(Failure, file, "delete it; the trial is tried again")


def recorded(folder: Path) -> list[Record]:
    """The record of the trial in ``folder``; none where it has not finished."""
    file = folder / RECORD
    return [Record.parse(read_text(file).replace("\n", " "), str(file))] if file.is_file() else []


def record(job: Job, folder: Path) -> Record:
    """Train and measure; everything that is done already is kept."""
    with data_sets_kept():
        settings = settings_of(job.gin)
        require_measurable(job, settings)
        finished = trained(job, settings, folder)
        values = {**likelihood_values(job, finished), **score_values(job, finished), **measured(job, finished)}
    return Record(
        job.study, job.size, job.trial, job.method, job.choices, job.seed, job.config, values,
        training=asdict(finished.meta.training), provenance=provenance.record(),
    )  # fmt: skip


def require_measurable(job: Job, settings: Settings) -> None:
    """UsageError, before the training, where its data cannot be read, or not be measured as the study asks."""
    from submission.evaluation.plan import make_plan

    wanted = job.measures
    try:
        dataset = load_images(settings.data, job.data_root or None, QUIET)
    except SubmissionError as error:  # a file that is missing or damaged is so at the next attempt, too
        raise UsageError(error.what, error.fix) from error
    if wanted.evaluate:
        make_plan(wanted.evaluate, wanted.metrics)
        if not isinstance(dataset, GroundTruthDataset):
            raise UsageError(f"{dataset.name} has no factors of variation", "drop study.evaluate, or choose other data")
    for name in wanted.measures:
        MEASURES[name].require(parse(settings.model.space), dataset)


def settings_of(gin: str) -> Settings:
    """Settings from operative gin text."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "config.gin"
        write_text(file, gin)
        return load([str(file)])


def trained(job: Job, settings: Settings, folder: Path) -> Run:
    """The trial's run, trained to its end; UsageError where the folder holds a run of another configuration."""
    run = Run(folder)
    require_own(run, job.gin)
    if run.meta_file.is_file() and run.meta.training.finished:
        return run
    options: dict[str, Any] = {"data_root": job.data_root or None, "resume": True, "device": job.device}
    seeds = (job.seed, *job.peers)
    if job.first:
        first = Run(folder / FIRST)
        if not (first.meta_file.is_file() and first.meta.training.finished):
            train(settings_of(job.first), folder / FIRST, **options)
        return train(settings, folder, **options)
    with holding(seed_folders(folder.parent, job.peers)) as free:
        if free and job.peers and not obstacle(settings, seed_folders(folder.parent, seeds), resume=True):
            return train_together(settings, seeds, folder.parent, **options)[0]
    return train(settings, folder, **options)


@contextlib.contextmanager
def holding(runs: Iterable[Run]) -> Iterator[bool]:
    """Hold the trials in these folders, too; False, and none is held, where another process works on one of them."""
    with contextlib.ExitStack() as held:
        yield all_held(runs, held)


def all_held(runs: Iterable[Run], held: contextlib.ExitStack) -> bool:
    """Whether ``held`` could take the locks of all of these trials; it has none of them otherwise."""
    try:
        for run in runs:
            run.path.mkdir(parents=True, exist_ok=True)
            held.enter_context(acquired(run.path / LOCK, MOMENT))
    except Timeout:
        held.close()
        return False
    return True


def require_own(run: Run, gin: str) -> None:
    """UsageError where there is a run of another configuration than ``gin``."""
    if run.config_file.is_file() and described(run.config_text) != described(gin):
        what = f"{run.path} holds a run of another configuration"
        raise UsageError(what, "choose another --out, or delete the folder")


def described(gin: str) -> dict[str, str]:
    """The bindings of a trial's configuration; files of one's own by name, as runs have their absolute paths."""
    found = bindings_of(gin)
    name = found.get("data.name", "''").strip("'\"")
    return {**found, "data.name": Path(name).name if is_user_data(name) else name}


def likelihood_values(job: Job, run: Run) -> dict[str, float]:
    """Means per image, in nats, of the held-out likelihood and its parts; none where the study asks for none."""
    from submission.device import usable
    from submission.evaluation.held_out import held_out_images, run_likelihood

    if not job.measures.likelihood:
        return {}
    images = held_out_images(run, Path(job.data_root) if job.data_root else None, job.measures.images)
    found = run_likelihood(run, images, job.measures.likelihood, device=str(usable(job.device)))
    found.write(run.likelihood_file)
    return {name: estimate.mean for name, estimate in found.likelihood.estimates().items()}


def score_values(job: Job, run: Run) -> dict[str, float]:
    """Headline scores, also by block; an untrained encoder's are called ``NAME, untrained``."""
    from submission.evaluation import evaluate

    if not job.measures.evaluate:
        return {}
    chosen, root = job.measures.metrics, job.data_root or None
    device = "cpu" if job.isolated else job.device
    how: dict[str, Any] = {"root": root, "device": device, "isolated": job.isolated}
    results = evaluate(run, preset=job.measures.evaluate, metrics=chosen, baselines=job.measures.baselines, **how)
    columns = {"": "", **({"untrained": ", untrained"} if job.measures.baselines else {})}
    found = {
        f"{name}{' by block' if by_block else ''}{suffix}": results.value(name, column=column, by_block=by_block)
        for column, suffix in columns.items()
        for by_block in (False, True)
        for name in results.scores
    }
    return {name: value for name, value in found.items() if value is not None}


def measured(job: Job, run: Run) -> dict[str, float]:
    """The study's own measures of the trained model; none where it has none."""
    from submission.evaluation.held_out import held_out_images

    if not job.measures.measures:
        return {}
    root = Path(job.data_root) if job.data_root else None
    model, dataset = run.model().eval(), run.dataset(root)
    held_out = held_out_images(run, root, job.measures.images).dataset
    values: dict[str, float] = {}
    for name in job.measures.measures:
        values |= MEASURES[name].values(model, dataset, held_out)
    return values


def stop_with_parent() -> None:
    """Raise SIGTERM, whose handler runs in the main thread, when the standard input closes."""
    sys.stdin.read()
    signal.raise_signal(signal.SIGTERM)  # os.kill would end the process at once on Windows


def main() -> int:
    """Run the job on standard input."""
    job = Job.parse(sys.stdin.readline())
    if job.beside and Path(job.beside).is_dir():  # a cluster starts its processes anywhere
        os.chdir(job.beside)
    threading.Thread(target=stop_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(job.threads)
    load_entry_points()
    return run(job)


if __name__ == "__main__":
    sys.exit(main())
