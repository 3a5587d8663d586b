"""Trials: their records, first trainings, data files, and what is refused before the training."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission.configuration import load
from submission.configuration.studies import study_files
from submission.errors import SubmissionError
from submission.plots.kinds import find_runs, plot
from submission.run import Run
from submission.run.methods import method_names
from submission.studies import trial as process
from submission.studies.records import Record, merge_records, read_records
from submission.studies.results import rows
from submission.studies.runner import Place, State, sweep, write_labels
from submission.studies.study import Method, Study
from submission.studies.trial import Job, failure, run
from submission.training import train
from tests.studies.here import HereEngine
from tests.studies.small import record


@pytest.mark.parametrize("root", ["files", "."])
def test_a_trial_on_a_file_of_one_s_own_goes_on_from_any_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("files").mkdir()
    labels = np.stack(np.unravel_index(np.arange(32), (4, 8)), 1)
    np.savez(Path(root) / "own.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8), factors=labels)
    bind = {"train.steps": 2, "train.batch_size": 8, "model.networks": "mlp_small", "model.space": "R^2"}
    study = Study("own", methods=(Method("demo"),), data=("own.npz",), bind=(bind,), seeds=1, likelihood=2, images=8)
    place = Place.of("study")
    how: dict[str, Any] = {"data_root": Path(root)}
    assert sweep(study, place, HereEngine(), **how).count(State.DONE) == 1
    run = Run(study.trials()[0].folder(place.out))
    trained = run.exported_file.stat().st_mtime_ns
    for file in (run.path / "record.json", place.records):
        file.unlink()
    assert sweep(study, place, HereEngine(), **how).count(State.DONE) == 1
    assert run.exported_file.stat().st_mtime_ns == trained
    assert Job.of(study, study.trials()[0], place.out, **how).data_root == str((tmp_path / root).resolve())


def test_a_trial_s_process_looks_for_files_where_the_sweep_was_started(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    job = Job.of(study, study.trials()[0], Path("out"), threads=torch.get_num_threads())
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{job.line()}\n"))
    monkeypatch.setattr(process, "stop_with_parent", lambda: None)
    monkeypatch.setattr(process, "run", lambda _: int(Path.cwd() == (tmp_path / "here").resolve()))
    assert process.main() == 1


def test_records_are_kept_once_and_in_order(study: Study, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    first, second = record(study, 0, elbo=1.0), record(study, 3, elbo=2.0)
    merge_records(file, [second])
    merge_records(file, [first, dataclasses.replace(second, values={"elbo": 9.0})])
    assert [found.values["elbo"] for found in read_records(file)] == [1.0, 2.0]


def test_records_of_two_sweeps_at_the_same_time_are_all_kept(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(file: Path) -> list[Record]:
        found = read_records(file)
        time.sleep(0.2)  # so that the other sweep reads the same file before this one writes
        return found

    monkeypatch.setattr("submission.studies.records.read_records", slowly)
    file = tmp_path / "records.jsonl"
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(merge_records, [file] * 3, [[record(study, number)] for number in range(3)]))
    assert len(read_records(file)) == 3


def test_records_are_read_without_a_lock(study: Study, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(record(study, 0).line())
    assert merge_records(file, [record(study, 0)]) == read_records(file)
    assert {found.name for found in tmp_path.iterdir()} == {"small.gin", file.name}


def test_a_link_to_a_file_of_records_stays_a_link(study: Study, tmp_path: Path) -> None:
    link, file = tmp_path / "link.jsonl", tmp_path / "kept" / "records.jsonl"
    file.parent.mkdir()
    link.symlink_to(file)
    for number in (0, 3):
        merge_records(link, [record(study, number)])
    assert link.is_symlink()
    assert len(read_records(file)) == 2


def test_a_folder_of_records_is_refused_before_anything_runs(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="not a regular file"):
        sweep(study, Place.of(tmp_path / "out", tmp_path), HereEngine())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["[]", "{}", '{"seed": 1}', "nonsense", "null", "[" * 100_000])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "records.jsonl").write_text(text)
    with pytest.raises(SubmissionError, match=r"records.jsonl:1.*delete this record"):
        read_records(tmp_path / "records.jsonl")


@pytest.mark.system
@pytest.mark.parametrize("name", study_files())
def test_the_smoke_size_of_every_study_runs(name: str, tmp_path: Path, shared_data: Path) -> None:
    study = Study.read(name, "smoke")
    for trial in study.trials():
        assert run(Job.of(study, trial, tmp_path, data_root=str(shared_data))) == 0
        done = json.loads((trial.folder(tmp_path) / "record.json").read_text())
        assert done["values"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"measures": ("degree",)}, "defined for two circles"),
        ({"measures": ("neighbours",)}, "has no class labels"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_the_training(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    study = dataclasses.replace(Study.read("six_methods", "smoke"), **changes)
    assert_refused(Job.of(study, study.trials()[0], tmp_path), reason)


def test_scores_of_data_without_factors_are_refused_before_the_training(tmp_path: Path, shared_data: Path) -> None:
    study = dataclasses.replace(Study.read("delta_vae_table1", "smoke"), evaluate="fast")
    job = Job.of(study, study.trials()[0], tmp_path, data_root=str(shared_data))
    assert_refused(job, "has no factors of variation")


def assert_refused(job: Job, reason: str) -> None:
    """The job fails for this reason, and nothing is trained."""
    assert run(job) == 1
    assert reason in failure(Path(job.folder)).error
    assert not list(Path(job.folder).glob("*.pt"))


def test_untrained_scores_are_recorded_with_the_trained_ones(tmp_path: Path) -> None:
    study = Study.read("six_methods", "smoke")
    job = Job.of(study, study.trials()[0], tmp_path)
    assert run(job) == 0
    values = json.loads((study.trials()[0].folder(tmp_path) / "record.json").read_text())["values"]
    scores = json.loads(next((study.trials()[0].folder(tmp_path) / "scores").glob("*.json")).read_text())["columns"]
    assert values["mig, untrained"] == scores["untrained"]["scores"]["mig"]["values"]["discrete_mig"]
    assert values["mig"] == scores["trained"]["scores"]["mig"]["values"]["discrete_mig"]


def test_reports_and_comparisons_call_methods_as_the_study_s_tables_do(study: Study, tmp_path: Path) -> None:
    once = dataclasses.replace(study, seeds=1)
    sweep(once, Place.of(tmp_path), HereEngine())
    expected = ["torus", "plane, β = 1", "plane, β = 4"]
    assert [row.label for row in rows(once, [])] == expected
    runs = [Run(trial.folder(tmp_path)) for trial in once.trials()]
    assert method_names(runs) == expected
    grown = dataclasses.replace(once, methods=once.methods[1:], grid={"train.log_every": [5]})
    write_labels(grown, tmp_path, set())
    assert not any((tmp_path / trial.name).exists() for trial in grown.trials())


def twice_trained(study: Study) -> Study:
    method = Method("delta_vae/periodic_series", "low first", first=("data.cutoff = 1", "train.steps = 3"))
    return dataclasses.replace(study, methods=(method,), published={}, seeded=("data.seed",))


def test_a_first_training_has_a_name_of_its_own_and_the_same_seeds(study: Study) -> None:
    grown = twice_trained(study)
    plain = dataclasses.replace(grown, methods=(Method("delta_vae/periodic_series", "low first"),))
    trial = grown.trials()[1]
    assert trial.name != plain.trials()[1].name
    assert {key: value for key, value in trial.bindings.items() if key.startswith("first.")} == {
        "first.data.cutoff": "1",
        "first.train.steps": "3",
    }
    assert trial.first is not None
    assert (trial.first.train.seed, trial.first.data.options["seed"]) == (1, 1)


@pytest.mark.system
def test_a_trial_starts_from_the_weights_of_its_first_training(study: Study, tmp_path: Path) -> None:
    grown = twice_trained(study)
    trial = grown.trials()[0]
    folder = trial.folder(tmp_path)
    assert run(Job.of(grown, trial, tmp_path)) == 0
    first, second = Run(folder / "first"), Run(folder)
    assert (first.meta.training.steps, second.meta.training.steps) == (3, 12)
    assert first.meta.dataset.options["cutoff"] == 1
    assert "cutoff" not in second.meta.dataset.options
    alone = load([str(second.config_file)], [f"train.init_from = '{first.path}'"])
    train(alone, tmp_path / "alone")
    assert all(map(torch.equal, Run(tmp_path / "alone").model().parameters(), second.model().parameters()))
    sweep(grown, Place.of(tmp_path), HereEngine())  # accepts the folder as the trial's own
    (folder / "record.json").unlink()
    assert run(Job.of(grown, trial, tmp_path)) == 0  # and trains nothing again


@pytest.mark.system
def test_a_first_training_on_other_data_changes_the_result(study: Study, tmp_path: Path) -> None:
    grown = twice_trained(study)
    values = []
    for method in (grown.methods[0], Method("delta_vae/periodic_series", "plain")):
        own = dataclasses.replace(grown, methods=(method,))
        assert run(Job.of(own, own.trials()[0], tmp_path)) == 0
        values.append(json.loads((own.trials()[0].folder(tmp_path) / "record.json").read_text())["values"]["elbo"])
    assert values[0] != values[1]


@pytest.mark.system
def test_latent_spaces_of_the_topology_study_are_drawn(tmp_path: Path) -> None:
    study = Study.read("torus_topology", "smoke")
    for trial in study.trials():
        assert run(Job.of(study, trial, tmp_path)) == 0
    runs = find_runs([tmp_path])
    assert [found.path for found in runs] == sorted(trial.folder(tmp_path) for trial in study.trials())
    for number, found in enumerate(runs):
        plot("latent", [found], tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "1.png").read_bytes()
