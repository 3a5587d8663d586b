"""A setting of every method's grid, chosen by UDR, by the metric and by its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.errors import UsageError
from submission.run import Run
from submission.studies.records import Record
from submission.studies.results import rows
from submission.studies.runner import Place
from submission.studies.selection import agreements_of, selection_table, selections
from submission.studies.study import Study
from submission.studies.trial import Job, run
from submission.studies.udr import agreements


@pytest.fixture
def study(study_file: Path) -> Study:
    return Study.read(str(study_file))


def records_of(study: Study, elbo: dict[tuple[str, int], float]) -> list[Record]:
    """Records of all trials with the ELBO of (β or method, seed)."""
    return [
        Record(
            study.name, "", trial.name, trial.method, trial.choices, trial.seed, trial.bindings,
            {"elbo": elbo.get((str(trial.choices.get("objective.beta", trial.method)), trial.seed), 0.0)},
        )
        for trial in study.trials()
    ]  # fmt: skip


def test_a_method_without_a_grid_has_nothing_to_select(study: Study, tmp_path: Path) -> None:
    chosen = selections(study, records_of(study, {}), "elbo", tmp_path)
    assert list(chosen) == ["plane"]


def test_the_best_and_the_middle_of_the_grid(study: Study, tmp_path: Path) -> None:
    records = records_of(study, {("1.0", 0): 1.0, ("1.0", 1): 2.0, ("4.0", 0): 5.0, ("4.0", 1): 7.0})
    found = selections(study, records, "elbo", tmp_path)["plane"]
    assert [(item.rule, item.setting, item.mean, item.seeds) for item in found] == [
        ("best elbo", "plane, β = 4", 6.0, 2),
        ("middle of the grid", "plane, β = 1", 1.5, 2),
    ]
    assert selection_table({"plane": found}, "elbo")[1][0] == ["plane", "best elbo", "plane, β = 4", "2", "6"]


def test_a_setting_is_selected_for_each_data_set(study: Study, tmp_path: Path) -> None:
    both = dataclasses.replace(study, data=("dsprites_tiny", "dsprites_small"))
    best = {("dsprites_tiny", 1.0), ("dsprites_small", 4.0)}
    records = [
        dataclasses.replace(
            item, values={"elbo": float((item.choices["data"], item.choices.get("objective.beta")) in best)}
        )
        for item in records_of(both, {})
    ]
    chosen = selections(both, records, "elbo", tmp_path)
    assert {name: found[0].setting for name, found in chosen.items()} == {
        "plane, dsprites_tiny": "plane, data = dsprites_tiny, β = 1",
        "plane, dsprites_small": "plane, data = dsprites_small, β = 4",
    }


def test_models_that_were_deleted_do_not_stop_the_other_rules(study: Study, tmp_path: Path) -> None:
    for trial in study.trials():
        trial.folder(tmp_path).mkdir(parents=True)
        (trial.folder(tmp_path) / "meta.json").write_text("{}")  # but no checkpoint
    chosen = selections(study, records_of(study, {}), "elbo", tmp_path)["plane"]
    assert [item.rule for item in chosen] == ["best elbo", "middle of the grid"]


def test_what_has_no_better_side_is_not_selected_by(study: Study, tmp_path: Path) -> None:
    records = [dataclasses.replace(item, values={"kl": 1.0}) for item in records_of(study, {})]
    with pytest.raises(UsageError, match="neither more nor less of 'kl' is better"):
        selections(study, records, "kl", tmp_path)


def test_an_unknown_quantity_names_those_that_there_are(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished trial has 'elbow' — did you mean elbo"):
        selections(study, records_of(study, {}), "elbow", tmp_path)


@pytest.mark.system
def test_udr_of_a_setting_is_the_mean_over_its_run_folders(
    study: Study, study_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place.of(tmp_path / "out")
    for trial in study.trials():
        assert run(Job.of(study, trial, place.out)) == 0
    records = list(place.done(study.trials()).values())
    plane = [row for row in rows(study, records) if row.label.startswith("plane")]
    found = agreements_of(plane, place.out, None)
    for row in plane:
        group, _ = agreements([Run(place.out / row.trial / f"seed_{seed}") for seed in (0, 1)])
        assert found[row.label] == pytest.approx(sum(group[0].block_scores) / 2)
    assert main(["sweep", "selection", str(study_file), "--metric", "elbo", "--out", str(place.out), "--markdown"]) == 0
    assert "| plane | best UDR | plane, β = " in capsys.readouterr().out
    rules = [item.rule for item in selections(study, records, "elbo", place.out)["plane"]]
    assert rules == ["best UDR", "best elbo", "middle of the grid"]
