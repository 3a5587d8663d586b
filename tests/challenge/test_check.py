"""Each fault that would stop the grader is found, named and comes with a fix."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from submission.challenge import behaviour
from submission.challenge.check import check
from submission.challenge.finding import Finding, passed
from submission.cli.main import command
from submission.errors import SubmissionError
from submission.export import torchscript
from submission.export.isolated import Limits

MakeFile = Callable[..., Path]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure speed for a moment only."""
    monkeypatch.setattr(behaviour, "TIMED_SECONDS", 0.05)


def found(findings: list[Finding], state: str) -> dict[str, str]:
    """Name → detail of the findings in one state."""
    return {finding.name: finding.detail for finding in findings if finding.state == state}


def submission_of(file: Path) -> Path:
    """``file`` where the grader looks, with the results folder beside it."""
    run = file.parent / "run"
    (run / "representation" / "results").mkdir(parents=True)
    file.rename(run / "representation" / "pytorch_model.pt")
    return run


@pytest.mark.parametrize("channels", [1, 3])
def test_a_good_submission_passes(make_file: MakeFile, channels: int) -> None:
    findings = check(submission_of(make_file(channels=channels)))
    assert passed(findings)
    assert not found(findings, "warning")
    served = found(findings, "good")["data sets"].split(", ")
    assert ("dsprites_full" in served) == (channels == 1)
    assert ("cars3d" in served) == (channels == 3)


FAULTS = {
    "values (1 channel)": lambda codes: codes / (codes - codes),
    "type (1 channel)": lambda codes: codes.to(torch.bfloat16),
    "data sets": lambda codes: codes.sum(),
    "batches (1 channel)": lambda codes: codes - codes.mean(dim=0),
    "device": lambda codes: codes + torch.zeros(codes.shape[0], 4),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_bad(make_file: MakeFile, name: str) -> None:
    findings = check(make_file(FAULTS[name]))
    assert not passed(findings)
    assert list(found(findings, "bad")) == [name]
    assert all(finding.fix for finding in findings if finding.state != "good")


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # the mistake under test
def test_a_frozen_batch_size_is_bad(make_file: MakeFile) -> None:
    findings = check(make_file(lambda codes: codes.reshape(len(codes.tolist()), 4)))
    assert "3" in found(findings, "bad")["data sets"]


def test_what_only_costs_score_is_a_warning(make_file: MakeFile) -> None:
    sampled = check(make_file(lambda codes: codes + torch.randn_like(codes)))
    assert passed(sampled)
    assert list(found(sampled, "warning")) == ["deterministic (1 channel)"]
    tiny = check(make_file(lambda codes: codes * 1e-4))
    assert passed(tiny)
    assert "4 below 0.05" in found(tiny, "warning")["scale (1 channel)"]


def test_width_and_mode(make_file: MakeFile) -> None:
    assert list(found(check(make_file(width=1)), "bad")) == ["width (1 channel)"]
    assert list(found(check(make_file(training=True)), "bad")) == ["mode"]


def test_the_folder_must_be_complete(make_file: MakeFile) -> None:
    run = submission_of(make_file())
    (run / "representation" / "results").rmdir()
    assert "could not save its scores" in found(check(run), "bad")["results folder"]
    (run / "representation" / "results" / "gin").mkdir(parents=True)
    (run / "representation" / "results" / "gin" / "postprocess.gin").touch()
    (run / "representation" / "tfhub").mkdir()
    findings = check(run / "representation")
    assert "tfhub" in found(findings, "bad")["path"]
    assert "overrides" in found(findings, "warning")["data set"]


def test_what_does_not_load_is_bad(tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"no")
    assert "truncated" in found(check(tmp_path / "bad.pt"), "bad")["loads"]
    assert "missing" in found(check(tmp_path), "bad")["path"]
    with pytest.raises(SubmissionError, match="does not exist"):
        check(tmp_path / "none")


RAISES = (
    "def forward(self, images):\n  if images.size(0) > 0:\n    raise ValueError('nope')\n  return images.flatten(1)\n"
)
SPARSE = "def forward(self, images):\n  return images.flatten(1).to_sparse()\n"
MUTE = "def encode(self, images):\n  return images.flatten(1)\n"


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("source", "name", "word"),
    [
        (RAISES, "data sets", "1 channels: builtins.ValueError: nope"),
        (SPARSE, "data sets", "1 channels: gives a sparse coo tensor"),
        (MUTE, "loads", "cannot be called: it has no forward"),
    ],
)
def test_untrusted_code_that_fails_is_reported(tmp_path: Path, source: str, name: str, word: str) -> None:
    module = type("Foreign", (torch.jit.ScriptModule,), {})().eval()
    module.define(source)
    torch.jit.save(module, str(tmp_path / "model.pt"))
    bad = found(check(tmp_path / "model.pt"), "bad")
    assert list(bad) == [name]
    assert word in bad[name]


def test_isolation_finds_the_same(make_file: MakeFile, tmp_path: Path) -> None:
    file = make_file()
    try:
        apart = check(file, isolated=True, limits=Limits(2**30, 60, 1))
    except SubmissionError as error:
        pytest.skip(str(error))
    together = check(file)
    drop = "speed (1 channel)"
    assert [f for f in apart if f.name not in (drop, "data sets")] == [
        f for f in together if f.name not in (drop, "data sets")
    ]
    (tmp_path / "bad.pt").write_bytes(b"no")
    assert "truncated" in found(check(tmp_path / "bad.pt", isolated=True), "bad")["loads"]


def test_the_command_marks_each_line(
    make_file: MakeFile,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = make_file(width=1)
    monkeypatch.setattr(torchscript, "_written", set())  # the file is somebody's, not this process's
    parser = argparse.ArgumentParser()
    command("check").add_arguments(parser)
    assert command("check").run(parser.parse_args([str(path)])) == 1
    captured = capsys.readouterr()
    assert "✗ width (1 channel): 1 dimension: MIG and SAP compare two dimensions and crash — export" in captured.out
    assert "✓ mode: evaluation" in captured.out
    assert "use --isolated" in caplog.text
    assert command("check").run(parser.parse_args([str(submission_of(make_file()))])) == 0
    assert "The grader would accept this." in capsys.readouterr().out
