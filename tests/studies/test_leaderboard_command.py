"""Score files → leaderboard → table, CSV, JSON and page."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from submission import parallel
from submission.cli.main import command
from submission.errors import SubmissionError, UsageError
from submission.run import ModelMeta, Run, RunMeta, ScoreFile
from submission.run.methods import LABEL
from submission.studies.comparison import compare
from submission.studies.entries import collect
from submission.studies.leaderboard import leaderboard

VALUES = {
    "dci": "disentanglement",
    "factor_vae": "eval_accuracy",
    "mig": "discrete_mig",
    "sap": "SAP_score",
    "irs": "IRS",
}


def run_folder(
    path: Path,
    seed: int,
    values: dict[str, float],
    width: int = 10,
    file: str = "challenge-0",
    data: str = "dsprites_full",
) -> Run:
    """A run folder with one score file in the format of ``evaluate``."""
    folder = Run(path)
    model = ModelMeta(objective="beta_vae", networks="mlp")
    folder.write_meta(RunMeta(seed=seed, space=f"R^{width}", model=model))
    folder.config_file.write_text(f"model.space = 'R^{width}'\ntrain.seed = {seed}\n")
    scores = {
        "format": 1,
        "preset": "challenge",
        "era": "installed",
        "data": {"name": data},
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
    given = [str(run.path) for run in runs]
    given += [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    assert command("leaderboard").run(arguments(*given)) == 0
    shown = capsys.readouterr().out
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
    page = files["html"].read_text()
    assert "0.3000 (1)\n±0.1414" in page
    for note in ("± is the standard deviation over seeds", "a score is missing"):
        assert note in page, note
        assert note in shown, note


def test_files_of_one_protocol_are_joined(tmp_path: Path) -> None:
    run_folder(tmp_path / "run", 3, {"mig": 0.1, "sap": 0.2}, file="challenge-0")
    run_folder(tmp_path / "run", 3, {"mig": 0.3}, file="challenge-0-mig")
    (entry,) = collect([tmp_path]).chosen()
    assert (entry.method, entry.seed, entry.protocol) == ("β-VAE", 3, "challenge")
    assert entry.scores == {"mig": 0.3, "sap": 0.2}


def test_a_run_without_scores_is_an_error(tmp_path: Path) -> None:
    Run(tmp_path / "run").write_meta(RunMeta())
    with pytest.raises(SubmissionError, match=r"has no scores — run: .*submission evaluate"):
        command("leaderboard").run(arguments(str(tmp_path)))
    with pytest.raises(SubmissionError, match="none does not exist"):
        command("leaderboard").run(arguments(str(tmp_path / "none")))


def test_methods_are_called_by_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        run_folder(tmp_path / f"a{seed}", seed, {"mig": 0.2}, width=10)
    run_folder(tmp_path / "b", 0, {"mig": 0.3}, width=20)
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    shown = capsys.readouterr().out
    assert shown.index("β-VAE, R^20") < shown.index("β-VAE, R^10")


def test_each_data_set_has_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cars3d", "dsprites_full"):
        run_folder(tmp_path / name, 0, {"mig": 0.2}, data=name)
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    shown = capsys.readouterr().out
    assert "cars3d, challenge" in shown
    assert "dsprites_full, challenge" in shown
    with pytest.raises(UsageError, match="choose one with --data NAME"):
        command("leaderboard").run(arguments(str(tmp_path), "--csv", str(tmp_path / "x.csv")))
    with pytest.raises(SubmissionError, match=r"no challenge scores on moon, only challenge on cars3d, challenge on"):
        command("leaderboard").run(arguments(str(tmp_path), "--data", "moon"))


def test_scores_of_an_earlier_model_are_named_and_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exported encoder is another one than the score file's hash says."""
    runs = [run_folder(tmp_path / name, 0, {"mig": 0.2}, width=width) for name, width in [("old", 2), ("new", 3)]]
    for run in runs:
        run.exported_file.parent.mkdir()
        run.exported_file.write_bytes(b"one model")
        file = run.score_paths()[0]
        scores = json.loads(file.read_text())
        scores["representation"] = {"sha256": hashlib.sha256(b"one model").hexdigest()}
        file.write_text(json.dumps(scores))
    assert len(collect([tmp_path]).entries) == 2
    runs[0].exported_file.write_bytes(b"another model")
    collection = collect([tmp_path])
    assert [Path(entry.run).name for entry in collection.entries] == ["new"]
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    shown = capsys.readouterr().out
    assert "are those of an earlier model and are not used" in shown.replace("\n", " ")
    assert f"submission evaluate {runs[0].path}" in shown.replace("\n", "")


def test_time_and_size_of_a_file_spare_its_hash(tmp_path: Path) -> None:
    """A file of the recorded size and time is not read; one that was copied is, and counts if it is the same."""
    run = run_folder(tmp_path / "run", 0, {"mig": 0.2})
    run.exported_file.parent.mkdir()
    run.exported_file.write_bytes(b"model")
    status = run.exported_file.stat()
    file = run.score_paths()[0]
    scores = json.loads(file.read_text())
    about = {"sha256": "not its hash", "size": status.st_size, "modified_ns": status.st_mtime_ns}
    file.write_text(json.dumps(scores | {"representation": about}))
    assert len(collect([run.path]).entries) == 1
    os.utime(run.exported_file, ns=(0, 0))
    assert len(collect([run.path]).stale) == 1
    about["sha256"] = hashlib.sha256(b"model").hexdigest()
    file.write_text(json.dumps(scores | {"representation": about}))
    assert len(collect([run.path]).entries) == 1


def test_a_damaged_score_file_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(tmp_path / "good", 0, {"mig": 0.2})
    run_folder(tmp_path / "bad", 0, {"mig": 0.2}).score_paths()[0].write_text("{")
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    assert "left out: cannot read" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "fix"), [("--file", "score files"), ("--add", "pass the runs")])
def test_former_options_say_what_replaces_them(option: str, fix: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=fix):
        command("leaderboard").run(arguments(str(tmp_path), option, "x"))


def test_other_seeds_of_the_protocol_are_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seeds in (("a", [0]), ("b", [0, 1, 2])):
        file = run_folder(tmp_path / name, 0, {"mig": 0.2}).score_paths()[0]
        file.write_text(json.dumps(json.loads(file.read_text()) | {"seeds": seeds}))
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    assert "different seeds of the protocol (0, 0 to 2)" in capsys.readouterr().out


def test_copies_of_a_run_are_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They count as further seeds, which makes deviations and intervals too small."""
    for name, seed in (("a", 0), ("b", 1), ("copy", 1)):
        run_folder(tmp_path / name, seed, {"mig": 0.2 + 0.1 * seed})
    assert command("leaderboard").run(arguments(str(tmp_path), "--by", "mig")) == 0
    caution = "several runs have one method and seed, and count as so many seeds: seed 1 of "
    assert caution in " ".join(capsys.readouterr().out.split())
    assert any(caution in line for line in compare(tmp_path).cautions)
    page = compare(tmp_path)._repr_html_()
    assert f"<li>{caution}" in page
    assert "mean ± standard deviation over runs, 95 % interval of the mean</caption>" in page
    assert not compare([tmp_path / "a", tmp_path / "b"]).cautions


def test_scores_of_a_named_file_join_the_runs(tmp_path: Path) -> None:
    run_folder(tmp_path / "runs" / "mine", 0, {"mig": 0.2})
    elsewhere = run_folder(tmp_path / "elsewhere", 0, {"mig": 0.4}).score_paths()[0]
    named = json.loads(elsewhere.read_text()) | {"name": "theirs"}
    (tmp_path / "runs" / "theirs" / "scores").mkdir(parents=True)
    (tmp_path / "runs" / "theirs" / "scores" / "challenge-0.json").write_text(json.dumps(named))
    (tmp_path / "third.json").write_text(json.dumps(named | {"name": "third"}))
    found = collect([tmp_path / "runs", tmp_path / "third.json"]).chosen()
    assert [entry.method for entry in found] == ["β-VAE", "theirs", "third"]
    assert found[1].seed is None


def test_less_is_better_where_the_metric_says_so(tmp_path: Path) -> None:
    for name, value in [("good", 0.02), ("bad", 0.9)]:
        folder = run_folder(tmp_path / name, 0, {"mig": value}, width=len(name))
        file = folder.score_paths()[0]
        scores = json.loads(file.read_text().replace('"mig"', '"d_lsbd"'))
        scores["metrics"]["d_lsbd"]["higher_is_better"] = False
        file.write_text(json.dumps(scores))
    rows = leaderboard(collect([tmp_path]).chosen(), ["d_lsbd"], by="d_lsbd")
    assert [(row.place, row.scores["d_lsbd"]) for row in rows] == [(1, 0.02), (2, 0.9)]


def test_a_damaged_file_leaves_the_newer_ones_of_its_run(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", 0, {"mig": 0.2})
    damaged = run.scores_folder / "a.json"
    damaged.write_text("{")
    os.utime(damaged, (0, 0))
    found = collect([tmp_path])
    assert [entry.scores for entry in found.entries] == [{"mig": 0.2}]
    assert [line for line in found.unreadable if str(damaged) in line]


def test_a_folder_called_scores_does_not_hide_the_runs_beside_it(tmp_path: Path) -> None:
    run_folder(tmp_path / "good", 0, {"mig": 0.2})
    (tmp_path / "scores").mkdir()
    assert [Path(entry.run).name for entry in collect([tmp_path]).entries] == ["good"]
    shutil.copy(next((tmp_path / "good" / "scores").glob("*.json")), tmp_path / "scores" / "mine.json")
    assert len(collect([tmp_path]).entries) == 2


@pytest.mark.parametrize("as_file", [True, False])
def test_scores_of_runs_alone_are_grouped_like_the_runs(as_file: bool, tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / name, seed, {"mig": 0.2}, width) for name, seed, width in
            [("a", 0, 2), ("b", 1, 2), ("c", 0, 3)]]  # fmt: skip
    for run in runs:
        run.exported_file.parent.mkdir()
        run.exported_file.write_bytes(run.path.name.encode())
        file = run.score_paths()[0]
        digest = hashlib.sha256(run.path.name.encode()).hexdigest()
        about = {"file": str(run.exported_file), "sha256": digest}
        file.write_text(json.dumps(json.loads(file.read_text()) | {"representation": about}))
    files = [run.score_paths()[0] for run in runs]
    given = files if as_file else [ScoreFile.read(file) for file in files]
    assert [len(group) for group in compare(given).runs.values()] == [2, 1]
    runs[2].meta_file.unlink()  # the names of files elsewhere are their paths
    assert str(runs[2].exported_file) in compare(given).runs


def test_seeds_of_a_sweep_are_one_method_although_other_settings_follow_the_seed(tmp_path: Path) -> None:
    for trial, width in (("torus-0a1b2c3d", 2), ("plane-3d2c1b0a", 3)):
        for seed in (0, 1):
            run = run_folder(tmp_path / trial / f"seed_{seed}", seed, {"mig": 0.2}, width)
            run.config_file.write_text(f"{run.config_text}data.seed = {seed}\n")
    assert [len(group) for group in compare(tmp_path).runs.values()] == [2, 2]
    assert {row.seeds for row in leaderboard(collect([tmp_path]).chosen(), ["mig"])} == {2}


def test_methods_are_called_as_their_study_does(tmp_path: Path) -> None:
    """Two studies may use one name; then the settings tell them apart."""
    labels = {"torus-0a1b2c3d": ("flat torus", 2), "plane-3d2c1b0a": ("plane, β = 4", 3), "b-00000000": ("MLP", 4)}
    for trial, (text, width) in labels.items():
        run_folder(tmp_path / trial / "seed_0", 0, {"mig": 0.2}, width)
        (tmp_path / trial / LABEL).write_text(f"{text}\n", encoding="utf-8")
    assert list(compare(tmp_path).runs) == ["MLP", "plane, β = 4", "flat torus"]
    run_folder(tmp_path / "other" / "b-11111111" / "seed_0", 0, {"mig": 0.2}, 5)
    (tmp_path / "other" / "b-11111111" / LABEL).write_text("MLP\n", encoding="utf-8")
    assert {"β-VAE, R^4", "β-VAE, R^5", "flat torus"} < set(compare(tmp_path).runs)


def test_nothing_and_a_single_run_are_compared_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([])
    run = run_folder(tmp_path / "run", 0, {"mig": 0.2})
    for one in (run, run.path, str(run.path)):
        assert list(compare(one).runs.values()) == [[str(run.path)]]


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "WORTHWHILE", 2)
    monkeypatch.setattr(parallel, "CHUNK", 1)
    for seed in range(4):
        run_folder(tmp_path / f"run_{seed}", seed, {"mig": 0.1 * seed})
    (tmp_path / "run_1" / "scores" / "challenge-0.json").write_text("{")
    with_model = Run(tmp_path / "run_2")
    with_model.exported_file.parent.mkdir()
    with_model.exported_file.write_bytes(b"a later model")
    file = with_model.scores_folder / "challenge-0.json"
    scored = json.loads(file.read_text()) | {"representation": {"sha256": hashlib.sha256(b"the first").hexdigest()}}
    file.write_text(json.dumps(scored))
    alone, shared = collect([tmp_path]), collect([tmp_path], workers=2)
    assert shared == alone
    assert [entry.seed for entry in shared.entries] == [0, 3]
    assert (len(shared.stale), len(shared.unreadable)) == (1, 1)


def test_the_command_reads_and_ranks_without_torch(tmp_path: Path) -> None:
    run_folder(tmp_path / "run", 0, dict.fromkeys(VALUES, 0.2))
    code = (
        "import sys; from submission.cli.main import main; "
        f"assert main(['leaderboard', {str(tmp_path)!r}]) == 0; "
        "print([name for name in ('torch', 'scipy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_work_is_done_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "WORTHWHILE", 2)
    monkeypatch.setattr(parallel, "CHUNK", 1)
    assert os.getpid() not in parallel.map_in_processes(process_of, [0, 1], workers=2)
    assert list(parallel.map_in_processes(process_of, [0], workers=2)) == [os.getpid()]


def test_no_more_processes_are_started_than_windows_waits_for_or_than_have_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pool(workers: int, *how: object) -> ThreadPoolExecutor:
        started.append(workers)
        return ThreadPoolExecutor(1)

    started: list[int] = []
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", pool)
    for count in (501, 5_000):
        assert list(parallel.map_in_processes(abs, range(count), workers=192)) == list(range(count))
    assert started == [11, 61]


def process_of(item: int) -> int:
    return os.getpid()
