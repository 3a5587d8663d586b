"""Run folders and studies of strangers: links, pipes, devices, and contents that would fill the memory."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from submission import checkpoint
from submission.cli.main import main
from submission.errors import SubmissionError
from submission.files import read_text
from submission.plots.kinds import find_runs
from submission.run import Run, read_log
from submission.studies.records import Record, merge_records, read_records
from tests.challenge.repository import make_repository


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """What waits for a pipe fails after a minute."""

    def fail(*_: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run folder with metadata alone."""
    run = Run(tmp_path / "run")
    run.path.mkdir()
    write_meta(run)
    return run


def write_meta(run: Run, **other: Any) -> None:
    """A ``meta.json``, with ``other`` entries of the data set."""
    data = {"name": "dsprites_small", "image_shape": [64, 64, 1], **other}
    meta = {"format": 1, "space": "R^2", "dataset": data, "model": {"networks": "mlp_small"}}
    run.meta_file.write_text(json.dumps(meta))


PLACES = [
    *("config.gin", "metrics.jsonl", "components.jsonl", "validation.jsonl", "checkpoint.pt", "checkpoint.previous.pt"),
    *(
        "best.pt",
        "likelihood.json",
        "failure.json",
        ".lock",
        "representation/pytorch_model.pt",
        "baseline/untrained.pt",
    ),
    *("scores/challenge-0.json", "export/config.gin", "report.html", "trial.log", "record.json"),
]
COMMANDS = {
    "report": ["report"],
    "plot": ["plot", "curves", "--out", "figure.png"],
    "export": ["export"],
    "evaluate": ["evaluate"],
    "likelihood": ["likelihood"],
    "compare": ["compare"],
    "leaderboard": ["leaderboard"],
    "udr": ["udr"],
}


@pytest.mark.parametrize("place", PLACES)
def test_a_pipe_in_a_run_folder_is_refused_and_not_waited_for(run: Run, place: str) -> None:
    path = run.path / place
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(SubmissionError, match=f"{path} is a pipe, a device or a socket"):
        Run.open(run.path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_folder_with_a_pipe(
    command: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("config.gin", "checkpoint.pt"):
        os.mkfifo(run.path / name)
    words = COMMANDS[command]
    arguments = [*words[:2], str(run.path), *words[2:]] if command == "plot" else [*words, str(run.path)]
    assert main(arguments) in (1, 2)
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "pipe" in errors[0] or "regular file" in errors[0]


SINGLE: dict[str, Callable[[str], list[str]]] = {
    name: lambda run, words=words: [*words[:2], run, *words[2:]] if words[0] == "plot" else [*words, run]
    for name, words in COMMANDS.items()
} | {
    "check": lambda run: ["check", run],
    "train --resume": lambda run: ["train", "--resume", "--out", run],
    "train --init-from": lambda run: ["train", "--config", "demo", "--out", "new", "--init-from", run],
    "submit --run": lambda run: ["submit", "v1", "--run", run, "--repository", "mine", "--dry-run"],
}
"""How each command takes one run folder."""


@pytest.mark.parametrize("place", ["export/config.gin", "representation", "scores"])
@pytest.mark.parametrize("command", SINGLE)
def test_every_command_refuses_a_folder_with_a_link(
    command: str,
    place: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make_repository(tmp_path)
    (run.path / "config.gin").write_text("train.steps = 3\ntrain.epochs = 0\ndata.name = 'dsprites_small'\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secret").write_text("precious")
    (run.path / place).parent.mkdir(exist_ok=True)
    (run.path / place).symlink_to(tmp_path / "home" / ("secret" if place.endswith(".gin") else ""))
    assert main(SINGLE[command](str(run.path))) in (1, 2)
    shown = capfd.readouterr()
    assert "is a link to" in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert [(path.name, path.read_text()) for path in (tmp_path / "home").iterdir()] == [("secret", "precious")]


def test_single_files_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_text, checkpoint.read, read_log):
        with pytest.raises(SubmissionError, match="not a regular file"):
            read(tmp_path / "pipe")


LINKS = ["trial.log", ".trial.lock", "record.json", "failed.json", "config.gin", "records.jsonl", "slurm"]


@pytest.mark.parametrize("action", [[], ["status"], ["table"]])
@pytest.mark.parametrize("name", LINKS)
def test_links_out_of_a_study_s_folder_are_refused_and_what_they_lead_to_stays(
    name: str, action: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("precious")
    out = tmp_path / "out"
    folder = out if name in ("records.jsonl", "slurm") else out / "demo-0000" / "seed_0"
    folder.mkdir(parents=True)
    (folder / name).symlink_to(tmp_path / "secret")
    assert main(["sweep", *action, "delta_vae_table2", "--size", "smoke", "--out", str(out)]) == 1
    assert f"{name} is a link to {tmp_path / 'secret'}" in capsys.readouterr().err
    assert (tmp_path / "secret").read_text() == "precious"


def record(trial: str) -> Record:
    """A record of a trial of that name."""
    return Record("s", "smoke", trial, "m", {}, 0, {}, {"elbo": -1.0})


@pytest.mark.parametrize("name", ["a\u2028b", "a\u0085b", "a\nb", "a\rb", "\x1b[2J", "=1+1"])
def test_records_of_any_name_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    merge_records(tmp_path / "records.jsonl", [record(name), record("other")])
    assert {found.trial for found in read_records(tmp_path / "records.jsonl")} == {name, "other"}


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 5000, "9" * 5000, '"' + "x" * (2 << 20) + '"', "null", "{}"])
def test_records_that_are_none_are_one_line(line: str, tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text(f"{record('good').line()}\n{line}\n")
    with pytest.raises(SubmissionError, match=r"records\.jsonl:2") as caught:
        read_records(tmp_path / "records.jsonl")
    assert "\n" not in str(caught.value)


def test_a_log_of_endless_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("submission.run.logs.MOST_ROWS", 10)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n' * 11)
    with pytest.raises(SubmissionError, match=r"metrics\.jsonl has more than 10 rows"):
        read_log(tmp_path / "metrics.jsonl")


SHAPES = [
    [4096, 4096, 3],
    [10**9, 10**9, 3],
    [2**62, 2, 2],
    [64, 64],
    [64] * 9,
    [-1, 64, 1],
    ["64", 64, 1],
    [64.5, 64, 1],
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_model_that_the_memory_cannot_hold_is_not_built(
    run: Run, shape: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submission.data.reading.free_memory", lambda: 1 << 30)
    write_meta(run, image_shape=shape)
    with pytest.raises(SubmissionError) as caught:
        run.untrained_model()
    assert str(run.path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("blank_pictures")
def test_digits_of_any_script_in_names_are_allowed(tmp_path: Path) -> None:
    for name in ("seed_²", "seed_٣", "1²2", "seed_10", "seed_2"):
        run = Run(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        write_meta(run)
    found = [run.path.name for run in find_runs([tmp_path / "runs"])]
    assert len(found) == 5
    assert found.index("seed_2") < found.index("seed_10")
    assert main(["report", str(tmp_path / "runs")]) == 0


def test_names_that_a_terminal_obeys_are_shown_as_escapes() -> None:
    error = SubmissionError("a\x1b[2Jb\u202e", "c\x07")
    assert str(error) == "a\\x1b[2Jb\\u202e — c\\x07"
    assert (error.what, error.fix) == ("a\\x1b[2Jb\\u202e", "c\\x07")
