"""Everything that the grader would trip over, before it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from submission.challenge.contract import CHANNELS, FACTOR_VAE_ENCODINGS, IMAGE_SIZE, PRUNING_THRESHOLD
from submission.errors import SubmissionError
from submission.export.inspection import describe
from submission.export.isolated import IsolatedEncoder, IsolationError, Limits
from submission.export.parity import evaluator_images
from submission.export.torchscript import load_torchscript

State = Literal["good", "warning", "bad"]
Encode = Callable[[Tensor], Tensor]
MODEL, RESULTS = "pytorch_model.pt", "results"
SIZE_WARNING = 500 * 2**20
TIMED_SECONDS = 2.0
SAME = 1e-4
AGAIN = "export it with `python -m submission export RUN`"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        state: ``good``, ``warning`` (the grader works, but the score may suffer) or ``bad`` (the grader fails).
        detail: what was found.
        fix: what to do about it; empty when good.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def passed(findings: list[Finding]) -> bool:
    """Whether the grader would accept it."""
    return all(finding.state != "bad" for finding in findings)


def check(target: Path, isolated: bool = False, limits: Limits = Limits()) -> list[Finding]:  # noqa: B008 - frozen
    """Examine a run folder, a ``representation`` folder or a TorchScript file.

    Args:
        target: the folder or file.
        isolated: run the file in a process of its own (submission.export.isolated).
        limits: of that process.

    Raises:
        SubmissionError: ``target`` does not exist, or isolation is not possible on this machine.
    """
    if not target.exists():
        raise SubmissionError(f"{target} does not exist", "pass a run folder or a .pt file")
    findings, file = layout(target)
    if not file.is_file():
        return findings
    findings.append(size(file))
    if isolated:
        return findings + isolated_findings(file, limits)
    try:
        module = load_torchscript(file, evaluation=False)
    except SubmissionError as error:
        return [*findings, Finding("loads", "bad", error.what, error.fix)]
    return findings + examine(as_grader(module), describe(module))


def require_check(run: Path) -> None:
    """SubmissionError where the grader would fail on the run."""
    bad = [finding for finding in check(run) if finding.state == "bad"]
    if bad:
        raise SubmissionError(f"the check of {run} failed: {bad[0].name}: {bad[0].detail}", bad[0].fix)


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
        good = Finding("path", "good", f"{target} (a single file; the grader wants representation/{MODEL})")
        return [good], target
    folder = target if target.name == "representation" else target / "representation"
    file = folder / MODEL
    findings = [finding("path", file.is_file(), f"{file}", f"{file} is missing", AGAIN)]
    results = folder / RESULTS
    lost = f"{results} is missing: every score would be computed and lost"
    findings.append(finding("results folder", results.is_dir(), f"{results}", lost, f"mkdir {results}"))
    if (folder / "tfhub").exists():
        findings.append(Finding("path", "bad", f"{folder / 'tfhub'} would be taken instead of {MODEL}", "remove it"))
    override = results / "gin" / "postprocess.gin"
    if override.exists():
        findings.append(Finding("data set", "warning", f"{override} overrides AICROWD_DATASET_NAME", "remove it"))
    return findings, file


def finding(name: str, good: bool, detail: str, problem: str, fix: str, otherwise: State = "bad") -> Finding:
    """A good finding, or else a problem with its fix."""
    return Finding(name, "good", detail) if good else Finding(name, otherwise, problem, fix)


def size(file: Path) -> Finding:
    """Size of the file."""
    mebibytes = file.stat().st_size / 2**20
    text = f"{mebibytes:.1f} MiB"
    return finding("size", mebibytes * 2**20 < SIZE_WARNING, text, text, "export a smaller encoder", "warning")


def examine(encode: Encode, about: dict[str, Any]) -> list[Finding]:
    """Everything that needs the loaded file."""
    findings = [Finding("loads", "good", f"TorchScript, {about['parameters']:,} weights"), *inside(about)]
    served = {channels: attempt(encode, channels) for channels in (1, 3)}
    findings += [shapes(served)]
    working = [channels for channels, outcome in served.items() if isinstance(outcome, Tensor)]
    return findings + [item for channels in working for item in behaviour(encode, channels)]


def inside(about: dict[str, Any]) -> list[Finding]:
    """What the file says about itself."""
    foreign, baked, files = (", ".join(map(str, about[key])) for key in ("foreign", "baked", "files"))
    return [
        finding("mode", not about["training"], "evaluation", "saved in training mode", "call .eval() before tracing"),
        finding("dependencies", not foreign, "plain torch", f"needs {foreign}", "use torch's own operations only"),
        finding("files", not files, "reads and writes none", f"holds {files}", "remove them; do not run a stranger's"),
        finding(
            "device",
            not baked,
            "moves to a GPU",
            f"stays on the CPU after .cuda(): {baked}",
            "register constants as buffers, create tensors with device=input.device",
        ),
    ]


def attempt(encode: Encode, channels: int) -> Tensor | str:
    """Codes of a batch of 16, or the reason why there are none."""
    try:
        codes = encode(evaluator_images(16, (channels, IMAGE_SIZE, IMAGE_SIZE)))
    except SubmissionError as error:
        return error.what
    except RuntimeError as error:
        return [line.strip() for line in str(error).splitlines() if line.strip()][-1][:200]
    if not isinstance(codes, Tensor) or codes.dim() != 2 or len(codes) != 16:
        form = tuple(codes.shape) if isinstance(codes, Tensor) else type(codes).__name__
        return f"gives {form} for 16 images, not (16, width)"
    return codes


def shapes(served: dict[int, Tensor | str]) -> Finding:
    """Which of the challenge's data sets it can encode."""
    names = [name for name, channels in CHANNELS.items() if isinstance(served[channels], Tensor)]
    reasons = "; ".join(
        f"{channels} channels: {outcome}" for channels, outcome in served.items() if isinstance(outcome, str)
    )
    fix = f"take float32 images (n, channels, {IMAGE_SIZE}, {IMAGE_SIZE}) and return (n, width)"
    return finding("data sets", bool(names), ", ".join(names), f"none can be encoded: {reasons}", fix)


def behaviour(encode: Encode, channels: int) -> list[Finding]:
    """Codes of images with ``channels`` channels; further batch sizes are guarded like the first."""
    shape = (channels, IMAGE_SIZE, IMAGE_SIZE)
    label = f"{channels} channel{'s' if channels > 1 else ''}"
    images = evaluator_images(64, shape)
    try:
        codes, again = encode(images), encode(images)
        split = torch.cat([encode(images[:1]), encode(images[1:9]), encode(images[9:25]), encode(images[25:])])
        extremes = torch.cat([encode(torch.zeros(2, *shape)), encode(torch.ones(2, *shape))])
    except (SubmissionError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1][:200]
        return [Finding(f"batches ({label})", "bad", reason, "do not fix the batch size in the trace")]
    whole = codes.shape == split.shape and bool(torch.allclose(codes, split, atol=SAME, rtol=SAME))
    steady = torch.equal(codes, again)
    finite = bool(torch.isfinite(torch.cat([codes, extremes])).all())
    return [
        finding(
            f"values ({label})",
            finite,
            "finite, also for black and white images",
            "NaN or infinite",
            "guard 0/0, log(0)",
        ),
        dtype(codes, label),
        finding(
            f"deterministic ({label})", steady, "yes", "two calls differ", "export a mean, not a sample", "warning"
        ),
        finding(
            f"batches ({label})",
            whole or not steady,
            "1, 8, 16 and 64 agree",
            "codes depend on the batch",
            "export in evaluation mode, without a fixed batch size",
        ),
        width(codes, label),
        spread(codes, label),
        speed(encode, shape, label),
    ]


def dtype(codes: Tensor, label: str) -> Finding:
    """What numpy will make of the codes."""
    good = codes.dtype in (torch.float32, torch.float64) and not codes.requires_grad
    found = f"{codes.dtype}".removeprefix("torch.") + (", requires gradients" if codes.requires_grad else "")
    return finding(f"type ({label})", good, found, found, "return float32 without gradients")


def width(codes: Tensor, label: str) -> Finding:
    """Number of code dimensions; one alone crashes MIG and SAP."""
    count = codes.shape[1]
    problem = f"{count} dimension: MIG and SAP compare two and crash"
    return finding(f"width ({label})", count >= 2, f"{count} dimensions", problem, "export at least two dimensions")


def spread(codes: Tensor, label: str) -> Finding:
    """Constant or tiny dimensions; measured on noise images, so it is a hint and no verdict."""
    deviations = codes.double().std(dim=0)
    constant, tiny = int((deviations == 0).sum()), int((deviations < PRUNING_THRESHOLD).sum())
    detail = f"{constant} of {codes.shape[1]} dimensions constant, {tiny} below {PRUNING_THRESHOLD} on random images"
    fix = "constant codes crash modularity; small ones are pruned by the FactorVAE score: rescale"
    return finding(f"scale ({label})", tiny < codes.shape[1], detail, detail, fix, "warning")


def speed(encode: Encode, shape: tuple[int, int, int], label: str) -> Finding:
    """Time for 10,000 images in the evaluator's batches of 64, from a measurement of about two seconds."""
    images, count, start = evaluator_images(64, shape), 0, time.perf_counter()
    while count < 10_000 and time.perf_counter() - start < TIMED_SECONDS:
        encode(images)
        count += len(images)
    seconds = (time.perf_counter() - start) / count * 10_000
    hours = seconds / 10_000 * FACTOR_VAE_ENCODINGS / 3600
    detail = f"{seconds:.1f} s for 10,000 images; the FactorVAE score needs {hours:.2f} h of encoding"
    return finding(f"speed ({label})", hours < 2, detail, detail, "export a smaller encoder", "warning")
