"""Submitting to a bare repository whose hook plays the grader."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.challenge.manifest import read_manifest
from submission.challenge.submit import prepare, send
from submission.cli.main import command
from submission.errors import SubmissionError
from tests.challenge.repository import ROOT, git, make_repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean repository with the shipped files, and the remote ``aicrowd``."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.org")
    return make_repository(tmp_path)


def at_remote(repository: Path) -> list[str]:
    """References at the remote."""
    return [line.split("\t")[1] for line in git(repository, "ls-remote", "aicrowd").splitlines()]


def test_a_submission_reaches_the_grader(repository: Path) -> None:
    plan = prepare(repository, "v0.1", "aicrowd", None)
    assert (plan.tag, plan.branch, plan.subject, plan.files) == ("submission-v0.1", "main", "First", 3)
    assert at_remote(repository) == []
    assert "remote: grader: evaluating tag refs/tags/submission-v0.1" in send(plan)
    assert {"refs/heads/main", "refs/tags/submission-v0.1"} <= set(at_remote(repository))
    graded = json.loads((repository.parent / "grader.git" / "graded.json").read_text())
    assert graded["authors"] == ["me"]


def test_a_refused_push_leaves_nothing(repository: Path) -> None:
    with pytest.raises(SubmissionError, match="refused the push"):
        send(prepare(repository, "bad", "aicrowd", None))
    assert at_remote(repository) == []
    assert git(repository, "tag") == ""


def edited(name: str, **fields: object) -> Callable[[Path], None]:
    """Commit a change of aicrowd.json."""

    def edit(repository: Path) -> None:
        path = repository / "aicrowd.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
        git(repository, "commit", "-am", name)

    return edit


def executable_lost(repository: Path) -> None:
    """Commit run.sh without its executable bit."""
    (repository / "run.sh").chmod(0o644)
    git(repository, "commit", "-am", "mode")


REFUSALS: dict[str, Callable[[Path], object]] = {
    r"uncommitted changes: run\.sh": lambda r: (r / "run.sh").write_text("changed"),
    r"uncommitted changes: new": lambda r: (r / "new").touch(),
    r"tag submission-v1 already exists — ": lambda r: git(r, "tag", "-am", "m", "submission-v1"),
    r"already exists at .*grader": lambda r: git(r, "push", "aicrowd", "HEAD:refs/tags/submission-v1"),
    r"no git remote 'aicrowd' \(known: none\)": lambda r: git(r, "remote", "remove", "aicrowd"),
    r"cannot reach /nowhere": lambda r: git(r, "remote", "set-url", "aicrowd", "/nowhere"),
    r"authors is still 'your-aicrowd-user-name'": edited("a", authors=["your-aicrowd-user-name"]),
    r"gpu must be true or false; extra is not a field": edited("b", gpu="yes", extra=1),
    r"run\.sh is not executable": executable_lost,
    r"on no branch \(detached HEAD\) — git switch": lambda r: git(r, "switch", "--detach"),
    r"Dockerfile is not in the repository": lambda r: git(r, "rm", "Dockerfile") and git(r, "commit", "-m", "x"),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_what_is_not_ready_is_refused(repository: Path, message: str) -> None:
    REFUSALS[message](repository)
    before = git(repository, "tag")
    with pytest.raises(SubmissionError, match=message) as caught:
        prepare(repository, "v1", "aicrowd", None)
    assert "\n" not in str(caught.value)
    assert git(repository, "tag") == before


def test_a_failed_check_is_refused(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(SubmissionError, match=r"the check of .*run failed: path: .*pytorch_model\.pt is missing"):
        prepare(repository, "v1", "aicrowd", tmp_path / "run")


def test_the_command_prints_what_it_sends(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command("submit").add_arguments(parser)
    given = ["v2", "--repository", str(repository)]
    assert command("submit").run(parser.parse_args([*given, "--dry-run"])) == 0
    shown = capsys.readouterr().out
    assert "tag         submission-v2" in shown
    assert "nothing was tagged or sent" in shown
    assert git(repository, "tag") == ""
    assert command("submit").run(parser.parse_args(given)) == 0
    assert "Submitted submission-v2" in capsys.readouterr().out


def test_the_shipped_manifest_is_valid() -> None:
    assert read_manifest(ROOT / "aicrowd.json")["license"] == "MIT"


def test_names_subjects_and_answers_that_are_not_utf_8(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Latin-1 file names and commit subjects, and a hook that answers in Latin-1 with terminal escapes."""
    raw = os.fsencode(repository) + b"/caf\xe9.txt"
    Path(os.fsdecode(raw)).write_text("x")
    git(repository, "add", ".")
    (tmp_path / "message").write_bytes(b"Caf\xe9\n")
    git(repository, "commit", "-F", str(tmp_path / "message"))
    hook = tmp_path / "grader.git" / "hooks" / "pre-receive"
    hook.write_bytes(b"#!/bin/sh\nprintf '\\351valuation \\033[2J\\n' >&2\n")
    parser = argparse.ArgumentParser()
    command("submit").add_arguments(parser)
    assert command("submit").run(parser.parse_args(["v9", "--repository", str(repository)])) == 0
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    assert "valuation" in shown
    assert "Submitted submission-v9" in shown
    assert "submission-v9" in git(repository, "tag")


def test_a_refusal_that_is_not_utf_8_leaves_no_tag(repository: Path, tmp_path: Path) -> None:
    hook = tmp_path / "grader.git" / "hooks" / "pre-receive"
    hook.write_bytes(b"#!/bin/sh\nprintf 'error: refus\\351\\n' >&2\nexit 1\n")
    with pytest.raises(SubmissionError, match="refused the push"):
        send(prepare(repository, "v1", "aicrowd", None))
    assert git(repository, "tag") == ""


def test_every_push_address_is_shown_and_asked(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.git"
    git(tmp_path, "init", "--bare", str(other))
    for url in (tmp_path / "grader.git", other):
        git(repository, "remote", "set-url", "--add", "--push", "aicrowd", str(url))
    parser = argparse.ArgumentParser()
    command("submit").add_arguments(parser)
    command("submit").run(parser.parse_args(["v1", "--repository", str(repository), "--dry-run"]))
    shown = capsys.readouterr().out
    assert f"({tmp_path / 'grader.git'})" in shown
    assert f"({other})" in shown
    git(repository, "push", str(other), "HEAD:refs/tags/submission-v1")
    with pytest.raises(SubmissionError, match=r"already exists at .*other\.git"):
        prepare(repository, "v1", "aicrowd", None)


def test_other_tags_stay_here_whatever_git_is_configured_to_push(repository: Path) -> None:
    git(repository, "tag", "-a", "private-notes", "-m", "mine")
    git(repository, "config", "push.followTags", "true")
    send(prepare(repository, "v1", "aicrowd", None))
    assert not [name for name in at_remote(repository) if "private-notes" in name]
