"""Score files → leaderboard → table, CSV, JSON and page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from submission.cli.main import command
from submission.errors import SubmissionError, UsageError
from submission.run import ModelMeta, Run, RunMeta
from submission.studies.recording import add_run

VALUES = {
    "dci": "disentanglement",
    "factor_vae": "eval_accuracy",
    "mig": "discrete_mig",
    "sap": "SAP_score",
    "irs": "IRS",
}


def run_folder(path: Path, seed: int, values: dict[str, float], width: int = 10, file: str = "challenge-0") -> Run:
    """A run folder with one score file in evaluate.py's format."""
    folder = Run(path)
    model = ModelMeta(objective="beta_vae", networks="mlp")
    folder.write_meta(RunMeta(seed=seed, space=f"R^{width}", model=model))
    folder.config_file.write_text(f"model.space = 'R^{width}'\ntrain.seed = {seed}\n")
    scores = {
        "format": 1,
        "preset": "challenge",
        "era": "installed",
        "data": {"name": "dsprites_full"},
        "metrics": {name: {"headline": VALUES[name]} for name in values},
        "columns": {
            "trained": {"scores": {name: {"values": {VALUES[name]: value}} for name, value in values.items()}},
            "untrained": {"scores": {name: {"values": {VALUES[name]: 9.0}} for name in values}},
        },
    }
    folder.scores_folder.mkdir(exist_ok=True)
    (folder.scores_folder / f"{file}.json").write_text(json.dumps(scores))
    return folder


def arguments(*given: str):
    """Parsed arguments of the command."""
    import argparse

    parser = argparse.ArgumentParser()
    command("leaderboard").add_arguments(parser)
    return parser.parse_args(given)


def test_runs_become_a_table_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    five = dict.fromkeys(VALUES, 0.2)
    runs = [
        run_folder(tmp_path / "a0", 0, five),
        run_folder(tmp_path / "a1", 1, five | {"mig": 0.4}),
        run_folder(tmp_path / "b", 0, five | {"mig": 0.25}, width=20),
        run_folder(tmp_path / "c", 0, {"mig": 0.9}, width=2),
    ]
    files = {kind: tmp_path / f"board.{kind}" for kind in ("csv", "json", "html")}
    given = ["--file", str(tmp_path / "board.sqlite"), "--add", *(str(run.path) for run in runs)]
    given += [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    assert command("leaderboard").run(arguments(*given)) == 0
    shown = capsys.readouterr().out
    assert "a score is missing" in shown
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert [(row["place"], row["seeds"], row["mean_rank"]) for row in rows] == [
        ("1", "2", "1.0"),
        ("2", "1", "1.2"),
        ("", "1", ""),
    ]
    assert float(rows[0]["mig"]) == pytest.approx(0.3)
    assert rows[1]["run"] == str(tmp_path / "b")
    document = json.loads(files["json"].read_text())
    assert [row["ranks"].get("mig") for row in document["rows"]] == [1, 2, None]
    assert "0.3000±0.141 (1)" in files["html"].read_text()


def test_files_of_one_protocol_are_joined(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", 3, {"mig": 0.1, "sap": 0.2}, file="challenge-0")
    run_folder(tmp_path / "run", 3, {"mig": 0.3}, file="challenge-0-mig")
    (entry,) = add_run(tmp_path / "board", folder, "named")
    assert (entry.method, entry.seed, entry.protocol) == ("named", 3, "challenge")
    assert entry.scores == {"mig": 0.3, "sap": 0.2}


def test_a_run_without_scores_is_told(tmp_path: Path) -> None:
    Run(tmp_path / "run").write_meta(RunMeta(seed=0))
    with pytest.raises(SubmissionError, match=r"run has no scores — run evaluate\.py"):
        add_run(tmp_path / "board", Run(tmp_path / "run"))
    with pytest.raises(SubmissionError, match="does not exist"):
        command("leaderboard").run(arguments("--file", str(tmp_path / "none")))


def test_a_method_names_what_is_added(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--method means nothing without --add"):
        command("leaderboard").run(arguments("--file", str(tmp_path / "board"), "--method", "x"))
