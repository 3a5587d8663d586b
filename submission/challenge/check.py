"""Check a representation before submission: files, loading, operators, size and behaviour."""

from __future__ import annotations

import shlex
from pathlib import Path

import torch
from torch import Tensor

from submission.challenge.behaviour import Encode, examine
from submission.challenge.finding import Finding, finding
from submission.errors import SubmissionError
from submission.export.archive import read_archive
from submission.export.engines import DEFAULT, IsolationError, Limits
from submission.export.inspection import describe
from submission.export.isolated import IsolatedEncoder
from submission.export.torchscript import load_torchscript
from submission.run import Run

MODEL, RESULTS = "pytorch_model.pt", "results"
SIZE_WARNING = 500 * 2**20
AGAIN = "export it with `python -m submission export RUN`"


def check(target: Path, isolated: bool = False, limits: Limits = DEFAULT, own: bool = False) -> list[Finding]:
    """Examine a run folder, a ``representation`` folder or a TorchScript file.

    Args:
        target: the folder or file.
        isolated: load and run the file in a sandbox (submission.export.isolated).
        limits: of the sandbox.
        own: whether this process has just written the file.

    Raises:
        SubmissionError: ``target`` does not exist, something in that folder is a link to a place outside of it, or
            isolation is not possible on this machine.
    """
    if not target.exists():
        raise SubmissionError(f"{target} does not exist", "pass a run folder or a .pt file")
    if target.is_dir():
        Run(target).require_plain()
    findings, file = layout(target)
    if not file.is_file():
        return findings
    findings += [size(file), operators(file)]
    if isolated:
        return findings + isolated_findings(file, limits)
    try:
        module = load_torchscript(file, evaluation=False, own=own)
    except SubmissionError as error:
        return [*findings, Finding("loads", "bad", error.what, error.fix)]
    return findings + examine(as_grader(module), describe(module))


def require_check(run: Path, own: bool = False, isolated: bool = False) -> None:
    """SubmissionError where the grader would fail on the run, its ``own`` if it has just written it; see ``check``."""
    bad = [finding for finding in check(run, isolated, own=own) if finding.state == "bad"]
    if bad:
        raise SubmissionError(f"the check of {run} failed: {bad[0].name}: {bad[0].detail}", bad[0].fix)


def operators(file: Path) -> Finding:
    """What the file's code calls, read before anything of it runs."""
    try:
        contents = read_archive(file)
    except SubmissionError as error:
        return Finding("operators", "bad", error.what, error.fix)
    restoring = f", {contents.restoring} of its classes run code while it is loaded" if contents.restoring else ""
    return finding(
        "operators",
        not contents.files,
        f"{len(contents.operators)} kinds, none of which touches files{restoring}",
        f"{', '.join(contents.files)} read or write files{restoring}",
        "do not trust the file",
    )


def isolated_findings(file: Path, limits: Limits) -> list[Finding]:
    """The file examined from outside its process."""
    try:
        with IsolatedEncoder(file, limits) as encode:
            return examine(encode, encode.description)
    except IsolationError:
        raise
    except SubmissionError as error:
        return [Finding("loads", "bad", error.what, error.fix)]


def as_grader(module: Encode) -> Encode:
    """The call as the evaluator makes it; like the evaluator, it does not switch to evaluation mode."""

    def encode(images: Tensor) -> Tensor:
        with torch.no_grad():
            return module(images)

    return encode


def layout(target: Path) -> tuple[list[Finding], Path]:
    """Where the grader looks: the model, the results folder, and what would be taken instead of them."""
    if target.is_file():
        good = Finding("path", "good", f"{target} (a single file; the grader reads representation/{MODEL})")
        return [good], target
    folder = target if target.name == "representation" else target / "representation"
    file = folder / MODEL
    findings = [finding("path", file.is_file(), f"{file}", f"{file} is missing", AGAIN)]
    results = folder / RESULTS
    lost = f"{results} is missing: the grader could not save its scores"
    make = shlex.join(["mkdir", str(results)])
    findings.append(finding("results folder", results.is_dir(), f"{results}", lost, make))
    if (folder / "tfhub").exists():
        findings.append(Finding("path", "bad", f"{folder / 'tfhub'} would be scored instead of {MODEL}", "remove it"))
    override = results / "gin" / "postprocess.gin"
    if override.exists():
        findings.append(Finding("data set", "warning", f"{override} overrides AICROWD_DATASET_NAME", "remove it"))
    return findings, file


def size(file: Path) -> Finding:
    """Size of the file."""
    length = file.stat().st_size
    text = f"{length / 2**20:.1f} MiB"
    return finding("size", length < SIZE_WARNING, text, text, "export a smaller encoder", "warning")
