"""Run folders as a shell's ``runs/*`` names them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from submission.cli.folders import open_runs
from submission.cli.main import main
from submission.errors import SubmissionError
from submission.plots.kinds import find_runs
from submission.run import Run, RunMeta
from submission.studies.entries import sources_in


def test_a_star_may_name_scores_of_files_but_nothing_else_that_is_not_a_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Run(tmp_path / name).write_meta(RunMeta())
    for end in ("", "-shm", "-wal"):
        (tmp_path / f"leaderboard.sqlite{end}").touch()
    assert [folder.path.name for folder in open_runs(sorted(tmp_path.glob("*")))] == ["a", "b"]
    for name in ("seeds/seed_10", "seeds/seed_9"):
        Run(tmp_path / name).write_meta(RunMeta())
    (tmp_path / "theirs" / "scores").mkdir(parents=True)
    found = [folder.path.name for folder in open_runs(sorted(tmp_path.glob("*")))]
    assert found == ["a", "b", "seed_9", "seed_10"]
    with pytest.raises(SubmissionError, match=r"pass one of the runs in it, seed_"):
        Run.open(tmp_path / "seeds")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SubmissionError, match=r"notes\.txt is not a run folder"):
        open_runs(sorted(tmp_path.glob("*")))


def test_a_folder_means_the_runs_in_it_at_any_depth(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Links that lead out of it are not followed, and named; the target of the others is there anyway."""
    for name in ("study/a/seed_10", "study/a/seed_9", "disk/b", "study/.hidden"):
        Run(tmp_path / name).write_meta(RunMeta())
    for link, target in (("study/out", "disk/b"), ("study/a/latest", "study/a/seed_10"), ("study/a/up", "study")):
        (tmp_path / link).symlink_to(tmp_path / target)
    expected = ["seed_9", "seed_10"]
    for found in (open_runs, find_runs):
        assert [run.path.name for run in found([tmp_path / "study"])] == expected
    assert [source.name for source in sources_in(tmp_path / "study")] == expected
    warnings = [record.getMessage() for record in caplog.records]
    assert [line for line in warnings if "study/out is a link out of" in line] == warnings
    assert [run.path.name for run in open_runs([tmp_path / "study", tmp_path / "study" / "out"])] == [*expected, "out"]


@pytest.mark.parametrize("command", ["likelihood", "udr", "evaluate", "export", "check", "report", "plot scores"])
def test_scores_of_a_file_are_no_run_and_every_command_says_so(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs" / "scores").mkdir(parents=True)
    out = ["--out", str(tmp_path / "x.png")] if command.startswith("plot") else []
    assert main([*command.split(), str(tmp_path / "theirs"), *out]) in (1, 2)
    shown = capsys.readouterr()
    assert re.search(r"theirs|not a run folder", shown.err + shown.out)
    assert shown.err.count("\n") <= 1
