"""Checks of a loaded representation, called as the grader calls it: shapes, types, values, determinism, speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from submission.challenge.contract import CHANNELS, FACTOR_VAE_ENCODINGS, IMAGE_SIZE, PRUNING_THRESHOLD
from submission.challenge.finding import Finding, finding
from submission.errors import SubmissionError
from submission.export.contract import advice, last_line, unusual
from submission.export.inspection import Description
from submission.export.parity import evaluator_images

Encode = Callable[[Tensor], Tensor]
TIMED_SECONDS = 2.0
SAME = 1e-4


def examine(encode: Encode, about: Description) -> list[Finding]:
    """Everything that needs the loaded file."""
    findings = [Finding("loads", "good", f"TorchScript, {about.parameters:,} weights"), *inside(about)]
    served = {channels: attempt(encode, channels) for channels in (1, 3)}
    findings += [shapes(served)]
    working = [channels for channels, outcome in served.items() if isinstance(outcome, Tensor)]
    return findings + [item for channels in working for item in behaviour(encode, channels)]


def inside(about: Description) -> list[Finding]:
    """What the file says about itself."""
    foreign, baked, files = (", ".join(names) for names in (about.foreign, about.baked, about.files))
    return [
        finding("mode", not about.training, "evaluation", "saved in training mode", "call .eval() before tracing"),
        finding("dependencies", not foreign, "plain torch", f"needs {foreign}", "use torch's own operations only"),
        finding(
            "files", not files, "reads and writes none", f"holds {files}", "remove them; do not run an untrusted file"
        ),
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
    except Exception as error:  # noqa: BLE001 - torch.jit.Error, and whatever else an untrusted file raises
        return f"{last_line(error)} ({advice(encode, evaluator_images(16, (channels, IMAGE_SIZE, IMAGE_SIZE)))})"
    if isinstance(codes, Tensor) and (kind := unusual(codes)):
        return f"gives a {kind} tensor, not a dense one with values"
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
    except Exception as error:  # noqa: BLE001 - see attempt
        return [Finding(f"batches ({label})", "bad", last_line(error), "do not fix the batch size in the trace")]
    steady = torch.equal(codes, again)
    return [
        values(torch.cat([codes, extremes]), label),
        dtype(codes, label),
        finding(
            f"deterministic ({label})", steady, "yes", "two calls differ", "export a mean, not a sample", "warning"
        ),
        batches(codes, split, steady, label),
        width(codes, label),
        spread(codes, label),
        speed(encode, shape, label),
    ]


def values(codes: Tensor, label: str) -> Finding:
    """Whether all codes are numbers."""
    finite = bool(torch.isfinite(codes).all())
    good = "finite, also for black and white images"
    return finding(f"values ({label})", finite, good, "NaN or infinite", "guard 0/0, log(0)")


def batches(codes: Tensor, split: Tensor, steady: bool, label: str) -> Finding:
    """Whether codes of one batch are those of smaller ones; codes that are drawn again cannot be compared."""
    whole = codes.shape == split.shape and bool(torch.allclose(codes, split, atol=SAME, rtol=SAME))
    fix = "export in evaluation mode, without a fixed batch size"
    good = whole or not steady
    return finding(f"batches ({label})", good, "1, 8, 16 and 64 agree", "codes depend on the batch", fix)


def dtype(codes: Tensor, label: str) -> Finding:
    """What numpy will make of the codes."""
    good = codes.dtype in (torch.float32, torch.float64) and not codes.requires_grad
    found = f"{codes.dtype}".removeprefix("torch.") + (", requires gradients" if codes.requires_grad else "")
    return finding(f"type ({label})", good, found, found, "return float32 without gradients")


def width(codes: Tensor, label: str) -> Finding:
    """Number of code dimensions; one alone crashes MIG and SAP."""
    count = codes.shape[1]
    problem = f"{count} dimension: MIG and SAP compare two dimensions and crash"
    return finding(f"width ({label})", count >= 2, f"{count} dimensions", problem, "export at least two dimensions")


def spread(codes: Tensor, label: str) -> Finding:
    """Constant or tiny dimensions; measured on noise images, so it is a hint and no verdict."""
    deviations = codes.double().std(dim=0)
    constant, tiny = int((deviations == 0).sum()), int((deviations < PRUNING_THRESHOLD).sum())
    detail = f"{constant} of {codes.shape[1]} dimensions constant, {tiny} below {PRUNING_THRESHOLD} on random images"
    fix = "rescale the codes: modularity crashes on constant ones, the FactorVAE score ignores small ones"
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
