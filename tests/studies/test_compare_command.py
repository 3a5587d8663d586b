"""Score files of several runs → method × metric with intervals, and the metrics' agreement."""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from submission.cli.main import command
from submission.errors import SubmissionError, UsageError
from submission.evaluation import Results
from submission.evaluation.statistics import summarise
from submission.metrics.registry import bounds
from submission.run import ModelMeta, Run, RunMeta
from submission.studies.comparison import compare

HEADLINES = {"mig": "discrete_mig", "sap": "SAP_score", "irs": "IRS"}
MIG, SAP, IRS = [0.1, 0.3, 0.2, 0.5, 0.4], [0.01, 0.03, 0.02, 0.05, 0.04], [0.9, 0.6, 0.8, 0.5, 0.7]


def write_run(
    path: Path, seed: int, values: dict[str, float], beta: float = 1.0, data: str = "grid", **differs: object
) -> Run:
    """An evaluated run; what ``differs`` is part of the score file and of its name."""
    folder = Run(path)
    folder.write_meta(RunMeta(seed=seed, space="R^4", model=ModelMeta(objective="beta_vae", networks="mlp")))
    folder.config_file.write_text(f"objective.beta = {beta}\ntrain.seed = {seed}\n")
    scores = {
        "format": 1,
        "preset": "challenge",
        "era": "installed",
        "data": {"name": data},
        "metrics": {name: {"headline": HEADLINES[name]} for name in values},
        "columns": {"trained": {"scores": {name: {"values": {HEADLINES[name]: values[name]}} for name in values}}},
        "seeds": [0],
        **differs,
    }
    folder.scores_folder.mkdir(exist_ok=True)
    (folder.scores_folder / f"{'-'.join(['challenge', data, *differs])}.json").write_text(json.dumps(scores))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Three seeds of one method, two of another."""
    return [
        write_run(tmp_path / f"run{k}", k, {"mig": MIG[k], "sap": SAP[k], "irs": IRS[k]}, beta=1.0 if k < 3 else 4.0)
        for k in range(5)
    ]


def call(*given: object) -> int:
    """The command."""
    parser = argparse.ArgumentParser()
    module = command("compare")
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(part) for part in given]))


def test_seeds_of_one_configuration_are_one_method(runs: list[Run]) -> None:
    comparison = compare(runs)
    first, second = comparison.methods.values()
    assert first["mig"] == summarise(MIG[:3]).within(*bounds("mig"))
    assert second["irs"] == summarise(IRS[3:]).within(*bounds("irs"))
    assert [len(paths) for paths in comparison.runs.values()] == [3, 2]


def test_advice_can_be_pasted_where_names_have_blanks(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a run", 0, {"mig": 0.5}, data="my set.npz")
    write_run(tmp_path / "another", 1, {"mig": 0.5}, data="other.npz")
    with pytest.raises(UsageError, match=r"choose one: --data 'my set\.npz'"):
        compare([tmp_path])
    (file,) = first.score_paths()
    file.unlink()
    with pytest.raises(SubmissionError, match=r"evaluate '.*/a run'$"):
        compare(first)


def test_agreement_is_spearmans_correlation_over_all_runs(runs: list[Run]) -> None:
    comparison = compare(runs)
    assert comparison.agreement is not None
    expected = [[spearmanr(left, right).statistic for right in (MIG, SAP, IRS)] for left in (MIG, SAP, IRS)]
    np.testing.assert_allclose(comparison.agreement, expected, atol=1e-12)


def test_tables_and_files(runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"out.{kind}" for kind in ("csv", "json")}
    assert call(*(run.path for run in runs), "--csv", files["csv"], "--json", files["json"]) == 0
    shown = capsys.readouterr().out
    assert "+1.00" in shown
    assert "rank correlation" in shown
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert len(rows) == 6
    assert float(rows[0]["mean"]) == pytest.approx(0.2)
    assert (rows[0]["metric"], rows[0]["count"], rows[3]["count"]) == ("mig", "3", "2")
    document = json.loads(files["json"].read_text())
    assert document["rank_correlation"]["metrics"] == ["mig", "sap", "irs"]
    assert document["rank_correlation"]["spearman"][0][1] == pytest.approx(1)
    named = [path for method in document["methods"].values() for path in method["runs"]]
    assert named == [str(run.path) for run in runs]


def test_a_constant_score_agrees_with_nothing_and_a_missing_one_is_left_out(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / f"run{k}", k, {"mig": MIG[k], "irs": 0.5}) for k in range(3)]
    folders.append(write_run(tmp_path / "more", 3, {"mig": 0.7, "irs": 0.5, "sap": 0.2}))
    assert call(*(folder.path for folder in folders), "--json", tmp_path / "out.json") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["rank_correlation"] == {
        "metrics": ["mig", "irs"],
        "spearman": [[pytest.approx(1), None], [None, None]],
    }
    (method,) = found["methods"].values()
    assert (method["scores"]["mig"]["count"], method["scores"]["sap"]["count"]) == (4, 1)


def test_two_runs_have_a_table_and_no_agreement(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(runs[0].path, runs[1].path) == 0
    assert "needs three runs or more" in capsys.readouterr().out


def test_scores_in_memory_are_compared_with_runs(runs: list[Run]) -> None:
    (scores,) = runs[1].scores()
    mine = replace(scores, name="mine")
    found = compare([runs[0], mine, Results(mine)])
    assert [len(group) for group in found.runs.values()] == [1, 2]
    assert found.methods["mine"]["mig"].mean == scores.headlines()["mig"]


def test_what_cannot_be_compared_is_refused(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="given twice"):
        compare([runs[0], runs[0]])
    with pytest.raises(SubmissionError, match=r"no study scores, only challenge on grid"):
        compare(runs, protocol="study")
    other = write_run(tmp_path / "other", 0, {"mig": 0.1}, data="elsewhere")
    with pytest.raises(UsageError, match="elsewhere, grid — choose one: --data elsewhere"):
        compare([*runs, other])
    with pytest.raises(SubmissionError, match="has no challenge scores on grid"):
        compare([*runs, other], dataset="grid")
    empty = Run(tmp_path / "empty")
    empty.write_meta(RunMeta())
    with pytest.raises(SubmissionError, match="has no scores"):
        compare([empty])


DIFFERENT = [
    ({"representation": {"precision": "bf16"}}, "challenge bf16"),
    ({"backend": "disentanglement_lib"}, "challenge disentanglement_lib"),
    ({"era": "2019"}, "challenge 2019"),
]


@pytest.mark.parametrize(("differs", "protocol"), DIFFERENT)
def test_another_precision_backend_or_era_is_another_protocol(
    differs: dict[str, object], protocol: str, tmp_path: Path
) -> None:
    """The newer file does not take the place of the plain scores."""
    write_run(tmp_path / "run", 0, {"mig": 0.1})
    run = write_run(tmp_path / "run", 0, {"mig": 0.9}, **differs)
    for rules, value in [("challenge", 0.1), (protocol, 0.9)]:
        (scores,) = compare([run], protocol=rules).methods.values()
        assert scores["mig"].mean == value


def test_other_seeds_of_the_protocol_are_a_caution(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / f"run{k}", k, {"mig": MIG[k], "sap": SAP[k]}) for k in range(2)]
    assert call(*(run.path for run in runs)) == 0
    assert "different seeds" not in capsys.readouterr().out
    write_run(tmp_path / "run1", 1, {"mig": 0.5}, seeds=[0, 1, 2])
    assert call(*(run.path for run in runs), "--json", tmp_path / "out.json") == 0
    assert "different seeds of the protocol (0, 0 to 2): evaluate the runs alike" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["seeds"] == [[0], [0, 1, 2]]
    write_run(tmp_path / "run0", 0, {"mig": 0.5, "sap": 0.1}, seeds=[0, 1, 2])
    write_run(tmp_path / "run1", 1, {"mig": 0.5, "sap": 0.1}, seeds=[0, 1, 2])
    assert call(*(run.path for run in runs)) == 0
    assert "different seeds" not in capsys.readouterr().out
