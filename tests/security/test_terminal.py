"""Escape sequences in every entry of a run's files, and in the names of its keys, against every command."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from submission.cli.main import main
from submission.run import Run
from tests.security.run_files import scores, write_log, write_meta

BAD = "\x1b[31mX\x07\u202e\r"
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "compare": lambda run: ["compare", run],
    "compare --csv": lambda run: ["compare", run, "--csv", "-"],
    "compare --json": lambda run: ["compare", run, "--json"],
    "leaderboard": lambda run: ["leaderboard", run],
    "leaderboard --csv": lambda run: ["leaderboard", run, "--csv", "-"],
    "leaderboard --json": lambda run: ["leaderboard", run, "--json"],
    "export": lambda run: ["export", run],
    "evaluate": lambda run: ["evaluate", run],
    "udr": lambda run: ["udr", run, run],
    "likelihood": lambda run: ["likelihood", run],
    "train --resume": lambda run: ["train", "--resume", "--out", run],
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Every text in a record, and every key of it (True)."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*at, key), True
            yield from places(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value[:1]):
            yield from places(item, (*at, index))
    elif isinstance(value, str):
        yield at, False


def steered(value: Any, at: tuple[Any, ...], key: bool) -> Any:
    """The record with ``BAD`` after one text or in one key."""
    whole = copy.deepcopy(value)
    part = whole
    for step in at[:-1]:
        part = part[step]
    if key:
        part[at[-1] + BAD] = part.pop(at[-1])
    else:
        part[at[-1]] += BAD
    return whole


def damaged(run: Run, most: int, command: str) -> Iterator[str]:
    """Write each of them in its turn, or ``most`` of each file."""
    for path in (run.meta_file, run.scores_folder / "challenge-0.json"):
        whole = path.read_text()
        every = [*places(json.loads(whole))]
        for at, key in every if len(every) <= most else random.Random(command).sample(every, most):
            path.write_text(json.dumps(steered(json.loads(whole), at, key)))
            yield f"{path.name} {at}"
        path.write_text(whole)


@pytest.mark.parametrize("most", [4, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_entry_of_a_run_reaches_the_terminal_raw(
    command: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(Path("run"))
    run.scores_folder.mkdir(parents=True)
    write_meta(run.meta_file)
    run.meta_file.write_text(run.meta_file.read_text().replace("dsprites_full", "a set that is nowhere"))
    write_log(run.log_file)
    run.config_file.write_text(f'train.steps = 3\nmodel.space = "{BAD}"\n')
    (run.scores_folder / "challenge-0.json").write_text(json.dumps(scores()))
    count = 0
    for where in damaged(run, most, command):
        assert main(COMMANDS[command]("run")) in (0, 1, 2), where
        shown = "".join(capfd.readouterr()).replace("\r\n", "\n")  # rows of a .csv file end so
        assert not set(shown) & set("\x1b\x07\u202e\r"), where
        assert "Traceback" not in shown, where
        count += 1
    assert count >= min(2 * most, 100)
