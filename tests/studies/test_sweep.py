"""Sweeps as real processes: undisturbed, killed, shared, and on the engines that others provide."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
from filelock import FileLock

from submission.cli.main import main
from submission.cli.sweep import show_status
from submission.errors import UsageError
from submission.studies.engines import LocalEngine, RayEngine, SlurmEngine
from submission.studies.records import Record, merge_records, read_records
from submission.studies.runner import Place, State, status, sweep
from submission.studies.study import Trial
from submission.studies.trial import LOCK, RECORD, stop_with_parent
from tests.studies.here import HereEngine
from tests.studies.small import study_of, values, wait_for


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A finished sweep of two trials."""
    place = Place.of(tmp_path_factory.mktemp("small"))
    found = sweep(study_of(40), place, HereEngine())
    assert found.count(State.DONE) == 2, found.errors
    return place


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same, by two processes."""
    place = Place.of(tmp_path_factory.mktemp("undisturbed"))
    found = sweep(study_of(40), place, LocalEngine(2))
    assert found.count(State.DONE) == 2, found.errors
    return place


@pytest.mark.system
def test_every_trial_has_a_run_folder_and_a_record(undisturbed: Place) -> None:
    for trial in study_of(40).trials():
        folder = trial.folder(undisturbed.out)
        assert (folder / "representation" / "pytorch_model.pt").is_file()
        record = Record.parse((folder / RECORD).read_text().replace("\n", ""), "record")
        assert record.made_with(trial.bindings)
        assert record.training["steps"] == 40
    seeds = [record.seed for record in read_records(undisturbed.records)]
    assert seeds == [0, 1]
    first, second = values(undisturbed).values()
    assert first != second


def test_finished_trials_are_not_run_again_even_without_their_folders(small: Place, tmp_path: Path) -> None:
    class Forbidden(LocalEngine):
        def start(self, job):
            raise AssertionError(f"{job.trial} started again")

    for place in (small, Place.of(tmp_path / "elsewhere", small.records)):
        assert sweep(study_of(40), place, Forbidden(2)).count(State.DONE) == 2


def test_a_record_of_other_settings_is_refused(small: Place, tmp_path: Path) -> None:
    text = small.records.read_text().replace('"train.beta1": "0.9"', '"train.beta1": "0.8"')
    (tmp_path / "records.jsonl").write_text(text)
    with pytest.raises(UsageError, match=r"with other train.beta1"):
        status(study_of(40), Place.of(tmp_path))


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_sweep_whose_driver_and_workers_were_killed_gives_the_same_results(
    undisturbed: Place, tmp_path: Path
) -> None:
    study, place = study_of(40), Place.of(tmp_path / "killed")
    file = tmp_path / "small.gin"
    bind = ", ".join(repr(line) for line in study.bind)
    file.write_text(
        f"study.methods = [{{'config': 'delta_vae/periodic_flat_torus', 'label': 'torus'}}]\nstudy.bind = [{bind}]\n"
        "study.seeds = 2\nstudy.likelihood = 2\nstudy.images = 8\n"
    )
    command = [sys.executable, "-m", "submission", "sweep", str(file), "--out", str(place.out), "--workers", "2"]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folders = [trial.folder(place.out) for trial in study.trials()]
    wait_for(lambda: any((folder / "checkpoint.pt").is_file() for folder in folders), "no checkpoint")
    workers = children(driver.pid)
    os.kill(workers[0], signal.SIGKILL)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    # the worker that is left sees that its driver is gone and stops with a checkpoint
    wait_for(lambda: status(study, place).count(State.RUNNING) == 0, "a worker outlived its driver")
    found = sweep(study, place, LocalEngine(2))
    assert found.count(State.DONE) == 2, found.errors
    assert values(place) == values(undisturbed)


@pytest.mark.system
def test_seeds_of_a_cell_train_together(undisturbed: Place, tmp_path: Path) -> None:
    study, place = study_of(40), Place.of(tmp_path)
    with pytest.raises(UsageError, match="one local worker"):
        sweep(study, place, LocalEngine(2), together=True)
    assert sweep(study, place, LocalEngine(1), together=True).count(State.DONE) == 2
    for key, alone in values(undisturbed).items():
        assert values(place)[key] == pytest.approx(alone, rel=1e-3)
    began = [(trial.folder(place.out) / "trial.log").stat().st_mtime_ns for trial in study.trials()]
    assert (study.trials()[1].folder(place.out) / "checkpoint.pt").stat().st_mtime_ns < began[1]  # trained by the first


def test_the_time_left_is_of_the_study_s_own_trials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def record(trial: Trial, name: str, seconds: float) -> Record:
        about = (trial.method, trial.choices, trial.seed, trial.bindings, {"elbo": 0.0}, {"seconds": seconds})
        return Record("small", "", name, *about)

    study, place = study_of(2, seeds=3), Place.of(tmp_path)
    first = study.trials()[0]
    merge_records(place.records, [record(first, "of another study", 1e6)])
    assert status(study, place).seconds_left is None
    merge_records(place.records, [record(first, first.name, 5.0)])
    assert status(study, place).seconds_left == 10.0
    show_status(study, status(study, place))
    assert "about 1 min of training left" in capsys.readouterr().out  # not 0


def test_a_trial_whose_driver_is_gone_answers_in_its_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends_the_process(*arguments: int) -> None:  # as on Windows, where no handler is asked
        raise AssertionError(f"os.kill{arguments}")

    answered: list[threading.Thread] = []
    monkeypatch.setattr(os, "kill", ends_the_process)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    before = signal.signal(signal.SIGTERM, lambda number, frame: answered.append(threading.current_thread()))
    try:
        thread = threading.Thread(target=stop_with_parent)
        thread.start()
        thread.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert answered == [threading.main_thread()]


def test_a_trial_of_another_sweep_is_waited_for_and_not_run_again(small: Place, tmp_path: Path) -> None:
    class Counting(HereEngine):
        started: ClassVar[list[int]] = []

        def start(self, job):
            self.started.append(job.seed)
            return super().start(job)

    study, place = study_of(40), Place.of(tmp_path)
    theirs, ours = (trial.folder(place.out) for trial in study.trials())
    theirs.mkdir(parents=True)
    lock = FileLock(theirs / LOCK)
    lock.acquire()

    def finish() -> None:
        wait_for(lambda: (ours / RECORD).is_file(), "the other trial did not run")
        shutil.copy(study.trials()[0].folder(small.out) / RECORD, theirs)
        lock.release()

    thread = threading.Thread(target=finish)
    thread.start()
    assert sweep(study, place, Counting()).count(State.DONE) == 2
    thread.join()
    assert Counting.started == [1]
    assert values(place) == values(small)


def test_a_folder_of_another_configuration_is_refused(tmp_path: Path) -> None:
    study = study_of(2, seeds=1)
    folder = study.trials()[0].folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "config.gin").write_text("train.steps = 7\n")
    with pytest.raises(UsageError, match="another configuration"):
        sweep(study, Place.of(tmp_path), HereEngine())


@pytest.mark.system
def test_an_interrupted_sweep_leaves_checkpoints(tmp_path: Path) -> None:
    class Interrupting(LocalEngine):
        def finished(self, handle) -> bool:
            if any(tmp_path.rglob("checkpoint.pt")):
                raise KeyboardInterrupt
            return super().finished(handle)

    study, place = study_of(100_000, seeds=1), Place.of(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep(study, place, Interrupting(1))
    assert list(status(study, place).states.values()) == [State.STALE]


@pytest.mark.system
def test_submitit_runs_a_sweep(undisturbed: Place, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    place = Place.of(tmp_path)
    found = sweep(study_of(40), place, SlurmEngine(tmp_path / "slurm", cluster="local"))
    assert found.count(State.DONE) == 2, found.errors
    assert values(place) == values(undisturbed)


@pytest.mark.system
@pytest.mark.filterwarnings("ignore")  # of Ray
def test_a_sweep_survives_the_loss_of_a_ray_node(undisturbed: Place, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    study, place = study_of(40), Place.of(tmp_path)
    folders = [trial.folder(place.out) for trial in study.trials()]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = cluster.add_node(num_cpus=1)
        engine = RayEngine(cluster.address, cpus=1, gpus=0, retries=3)

        def lose_a_node() -> None:
            wait_for(lambda: all(folder.is_dir() for folder in folders), "the trials did not start")
            cluster.remove_node(other, allow_graceful=False)

        thread = threading.Thread(target=lose_a_node)
        thread.start()
        found = sweep(study, place, engine)
        thread.join()
        assert found.count(State.DONE) == 2, found.errors
        assert values(place) == values(undisturbed)
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()
        cluster.shutdown()


def test_the_command_shows_studies_status_and_results(small: Place, capsys, tmp_path: Path) -> None:
    from submission.cli.main import main

    assert main(["sweep", "--list"]) == 0
    assert "delta_vae_table2" in capsys.readouterr().out
    study = tmp_path / "small.gin"
    bind = ", ".join(repr(line) for line in study_of(40).bind)
    study.write_text(
        "# A small study.\nstudy.methods = [{'config': 'delta_vae/periodic_flat_torus', 'label': 'torus'}]\n"
        f"study.bind = [{bind}]\nstudy.seeds = 3\n"
    )
    assert main(["sweep", "status", str(study), "--out", str(small.out)]) == 0
    shown = capsys.readouterr().out
    assert "done  2" in shown
    assert "missing  1" in shown
    assert main(["sweep", "table", str(study), "--out", str(small.out), "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| quantity | seeds | torus |" in shown
    assert "| ELBO (nats) | 2 |" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep"], "sweep takes one study, got 'nothing'"),
        (["sweep", "stats", "demo"], "got 'stats demo'"),
        (["sweep", "delta_vae_table"], "did you mean delta_vae_table2"),
        (["sweep", "delta_vae_table2", "--on", "moon"], "--on 'moon' is unknown"),
        (["sweep", "delta_vae_table2", "--on", "slurm:moon"], "--on 'slurm:moon' is unknown"),
        (["sweep", "delta_vae_table2", "--on", "local:moon"], "--on 'local:moon' is unknown"),
        (["sweep", "delta_vae_table2", "--workers", "-1"], "--workers -1 is out of range"),
        (["sweep", "delta_vae_table2", "--workers", "0"], "--workers 0 is out of range"),
        (["sweep", "delta_vae_table2", "--seeds", "0"], "seeds = 0"),
        (["sweep", "delta_vae_table2", "--retries", "-1"], "--retries -1 is out of range"),
        (["sweep", "delta_vae_table2", "--on", "slurm", "--cpus", "0"], "--cpus 0 is out of range"),
        (["sweep", "delta_vae_table2", "--on", "slurm", "--gpus", "nan"], "--gpus nan is out of range"),
        (["sweep", "delta_vae_table2", "--on", "slurm:local", "--gpus", "0.5"], "--gpus 0.5 is a fraction"),
    ],
)
def test_wrong_arguments_get_one_line(words: list[str], message: str, capsys, tmp_path: Path) -> None:
    from submission.cli.main import main

    assert main([*words, *(["--out", str(tmp_path)] if len(words) > 1 else [])]) == 2
    assert message in capsys.readouterr().err


def test_a_table_says_how_many_trials_are_not_finished(
    study_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "table", str(study_file), "--out", str(tmp_path / "none")]) == 0
    assert "6 of 6 trials are not finished; `sweep status` says why." in capsys.readouterr().out
