"""Trials that fail or die: retries, and which seeds train together."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from filelock import FileLock

from submission.configuration import Settings
from submission.errors import SubmissionError, UsageError
from submission.files import write_json
from submission.run import Run
from submission.studies.engines import LocalEngine
from submission.studies.records import read_records
from submission.studies.runner import Place, State, status, sweep
from submission.studies.study import Method
from submission.studies.trial import FAILURE, LOCK, RECORD, Failure, Job, failure, run
from submission.training import train_together
from tests.studies.here import HereEngine
from tests.studies.small import study_of


def test_a_failing_trial_is_retried_and_its_traceback_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    study, place = study_of(2, seeds=1), Place.of(tmp_path)
    folder = study.trials()[0].folder(place.out)
    folder.mkdir(parents=True)
    (folder / "meta.json").mkdir()  # cannot be written
    found = sweep(study, place, HereEngine(), retries=1)
    assert list(found.states.values()) == [State.FAILED]
    assert "meta.json" in next(iter(found.errors.values()))
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith(f"{study.trials()[0].name}, seed 0 failed: ")
    assert "meta.json" in first
    assert first.endswith(f"it is tried again later ({folder / FAILURE})")
    assert second.endswith(f"this sweep does not try it again ({folder / FAILURE})")
    failure = (folder / FAILURE).read_text()
    assert "Traceback" in failure
    assert '"attempts": 2' in failure
    assert sweep(study, place, HereEngine(), retries=1).count(State.FAILED) == 1  # not tried a third time
    (folder / "meta.json").rmdir()
    assert sweep(study, place, HereEngine(), retries=2).count(State.DONE) == 1
    assert not (folder / FAILURE).exists()


def test_a_trial_whose_settings_are_wrong_is_tried_once_per_sweep(tmp_path: Path) -> None:
    study, place = study_of(2, seeds=1), Place.of(tmp_path)
    folder = study.trials()[0].folder(place.out)
    for _ in range(3):
        found = sweep(study, place, HereEngine(), retries=1, device="gpu")
        assert "gpu" in next(iter(found.errors.values()))
        assert (failure(folder).attempts, failure(folder).usage) == (1, True)
    assert sweep(study, place, HereEngine(), retries=1, device="cpu").count(State.DONE) == 1


def test_a_trial_whose_file_is_missing_is_tried_once_per_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = dataclasses.replace(study_of(2, seeds=1), data=("own.npz",))
    study, place = dataclasses.replace(study, bind=(*study.bind, "train.batch_size = 4")), Place.of("study")
    folder = study.trials()[0].folder(place.out)
    for _ in range(3):
        assert "own.npz" in next(iter(sweep(study, place, HereEngine(), retries=1).errors.values()))
        assert (failure(folder).attempts, failure(folder).usage) == (1, True)
    np.savez("own.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8))
    assert sweep(study, place, HereEngine(), retries=1).count(State.DONE) == 1


def test_a_trial_has_all_its_retries_once_its_settings_are_mended(tmp_path: Path) -> None:
    study, place = study_of(2, seeds=1), Place.of(tmp_path)
    folder = study.trials()[0].folder(place.out)
    for _ in range(3):
        sweep(study, place, HereEngine(), retries=1, device="gpu")
    (folder / "meta.json").mkdir()  # cannot be written
    sweep(study, place, HereEngine(), retries=1, device="cpu")
    assert (failure(folder).attempts, failure(folder).usage) == (2, False)


def test_a_process_that_dies_is_not_started_for_ever(tmp_path: Path) -> None:
    class Dying(LocalEngine):
        starts = 0

        def start(self, job):
            self.starts += 1
            Path(job.folder).mkdir(parents=True, exist_ok=True)
            return subprocess.Popen([sys.executable, "-c", "import os; os.abort()"])

    engine = Dying(1)
    found = sweep(study_of(2, seeds=1), Place.of(tmp_path), engine, retries=2)
    assert engine.starts == 3
    assert "without a word" in next(iter(found.errors.values()))


def test_a_process_that_dies_after_a_failure_is_not_started_for_ever(tmp_path: Path) -> None:
    class FailingThenDying(HereEngine):
        starts = 0

        def start(self, job: Job) -> int:
            self.starts += 1
            if self.starts == 1:
                write_json(Path(job.folder) / FAILURE, asdict(Failure(1, "no disk", "Traceback: no disk")))
            if self.starts > 5:
                raise AssertionError("started again")
            return 1

    study, place, engine = study_of(2, seeds=1), Place.of(tmp_path), FailingThenDying()
    folder = study.trials()[0].folder(place.out)
    folder.mkdir(parents=True)
    found = sweep(study, place, engine, retries=2)
    assert engine.starts == 3
    assert "without a word" in next(iter(found.errors.values()))
    assert (failure(folder).attempts, failure(folder).traceback) == (3, "Traceback: no disk")
    assert sweep(study, place, engine, retries=2).count(State.FAILED) == 1  # not tried a fourth time


def test_a_trial_that_cannot_be_started_stops_the_others(tmp_path: Path) -> None:
    class Full(HereEngine):
        slots, stopped = 2, list[int]()

        def start(self, job: Job) -> int:
            if job.seed == 1:
                raise UsageError("the cluster refuses the job")
            return job.seed

        def stop(self, handles: list[int]) -> None:
            self.stopped += handles

    engine = Full()
    with pytest.raises(UsageError, match="refuses"):
        sweep(study_of(2), Place.of(tmp_path), engine)
    assert engine.stopped == [0]


def test_a_record_is_in_the_file_as_soon_as_its_trial_ends(tmp_path: Path) -> None:
    class Looking(HereEngine):
        known: ClassVar[list[int]] = []

        def start(self, job: Job) -> int:
            self.known.append(len(read_records(place.records)))
            return super().start(job)

    place = Place.of(tmp_path / "out", tmp_path / "kept" / "records.jsonl")
    assert sweep(study_of(2), place, Looking()).count(State.DONE) == 2
    assert Looking.known == [0, 1]


def test_the_other_trials_run_where_records_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    study, place = study_of(2), Place.of(tmp_path / "out", tmp_path / "file" / "records.jsonl")
    (tmp_path / "file").touch()
    with pytest.raises(SubmissionError, match="cannot write"):
        sweep(study, place, HereEngine())
    files = [trial.folder(place.out) / RECORD for trial in study.trials()]
    assert [f"{file} keeps the record" in line for file, line in zip(files, caplog.messages, strict=True)] == [True] * 2
    assert sweep(study, Place.of(place.out), Listing()).count(State.DONE) == 2


def test_a_trial_starts_whose_lock_is_looked_at_in_that_moment(tmp_path: Path) -> None:
    def look() -> None:
        with FileLock(folder / LOCK):
            looking.set()
            time.sleep(0.3)

    study, looking = study_of(2, seeds=1), threading.Event()
    folder = study.trials()[0].folder(tmp_path)
    folder.mkdir(parents=True)
    thread = threading.Thread(target=look)
    thread.start()
    looking.wait()
    assert run(Job.of(study, study.trials()[0], tmp_path)) == 0
    thread.join()


def test_seeds_that_train_together_are_held_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def training(settings: Settings, seeds: Sequence[int], out: Path, **options: Any) -> list[Run]:
        states.append(status(study, place).count(State.RUNNING))
        return train_together(settings, seeds, out, **options)

    study, place, states = study_of(2, seeds=3), Place.of(tmp_path), list[int]()
    monkeypatch.setattr("submission.studies.trial.train_together", training)
    assert sweep(study, place, HereEngine(), together=True).count(State.DONE) == 3
    assert states == [3]


def test_a_seed_trains_alone_where_another_sweep_works_on_one_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: object, **options: object) -> None:
        raise AssertionError("together")

    study = study_of(2)
    mine, other = study.trials()
    monkeypatch.setattr("submission.studies.trial.train_together", forbidden)
    other.folder(tmp_path).mkdir(parents=True)
    with FileLock(other.folder(tmp_path) / LOCK):
        assert run(Job.of(study, mine, tmp_path, peers=[other.seed])) == 0
    assert not (other.folder(tmp_path) / "checkpoint.pt").exists()


class Listing(HereEngine):
    """Notes which seeds each job trains with; all fail."""

    def __init__(self) -> None:
        self.peers: list[list[int]] = []

    def start(self, job: Job) -> int:
        self.peers.append(list(job.peers))
        return 1


def test_seeds_do_not_train_together_with_one_that_failed_too_often(tmp_path: Path) -> None:
    study, place, engine = study_of(2, seeds=3), Place.of(tmp_path), Listing()
    folder = study.trials()[1].folder(place.out)
    folder.mkdir(parents=True)
    write_json(folder / FAILURE, asdict(Failure(1, "no disk", "")))
    sweep(study, place, engine, retries=0, together=True)
    assert engine.peers == [[2], [0]]


def test_seeds_that_choose_other_data_do_not_train_together(tmp_path: Path) -> None:
    plain, seeded = study_of(2, seeds=3), dataclasses.replace(study_of(2, seeds=3), seeded=("data.seed",))
    for study, peers in ((plain, [[1, 2], [0, 2], [0, 1]]), (seeded, [[], [], []])):
        engine = Listing()
        sweep(study, Place.of(tmp_path / str(len(study.seeded))), engine, retries=0, together=True)
        assert engine.peers == peers


@pytest.mark.system
def test_seeds_that_choose_the_data_have_it_in_their_configurations(tmp_path: Path) -> None:
    series = Method("delta_vae/periodic_series", "series")
    study = dataclasses.replace(study_of(2), methods=(series,), seeded=("data.seed",))
    place = Place.of(tmp_path)
    found = sweep(study, place, HereEngine(), together=True)
    assert found.count(State.DONE) == 2, found.errors
    for trial in study.trials():
        assert f"data.seed = {trial.seed}" in (trial.folder(place.out) / "config.gin").read_text()
