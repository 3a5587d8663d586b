"""Requirements of the challenge's evaluator on codes, with advice for codes that violate them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from submission.errors import SubmissionError

BATCHES, CHANNELS = (1, 2, 3, 4, 8, 16, 32, 64, 128), (1, 3)
"""Numbers of images and of channels that are tried on a module that fails."""


def run_checked(module: Callable[[Tensor], object], images: Tensor, name: str) -> Tensor:
    """Codes (n, width) of ``images`` (n, C, H, W), checked as the evaluator's contract demands.

    Raises:
        SubmissionError: the module fails on these images, or returns something other than a finite float tensor with
            one row per image.
    """
    try:
        codes = called(module, images)
    except SubmissionError:
        raise
    except Exception as error:  # torch.jit.Error, and whatever else an untrusted file raises
        raise SubmissionError(
            f"{name} fails on images of shape {tuple(images.shape)}: {last_line(error)}", advice(module, images)
        ) from error
    return checked_codes(codes, len(images), name)


def called(module: Callable[[Tensor], object], images: Tensor) -> object:
    """What the module returns."""
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse .* in beta")  # such codes are refused afterwards
        return module(images)


def advice(module: Callable[[Tensor], object], images: Tensor) -> str:
    """How to export a module that fails on these images, found by trying others."""
    weights = list(module.parameters()) if isinstance(module, nn.Module) else []
    for kind in {weight.dtype for weight in weights if weight.is_floating_point()} - {images.dtype}:
        if takes(module, images.to(kind)):
            return f"its weights are {str(kind).removeprefix('torch.')}: convert it with .float() before exporting"
    sizes = [size for size in BATCHES if size != len(images) and takes(module, images[:1].expand(size, -1, -1, -1))]
    if sizes:
        return f"it takes batches of {sizes[0]} only: trace it without a fixed batch size (x.shape[0], not a number)"
    for channels in CHANNELS:
        if channels != images.shape[1] and takes(module, images[:, :1].expand(-1, channels, -1, -1)):
            return f"it takes images of {channels} channel{'s' * (channels > 1)}: export it for this data set's images"
    return "export the representation for this data set's image shape"


def takes(module: Callable[[Tensor], object], images: Tensor) -> bool:
    """Whether the module returns a tensor with a row for each of these images."""
    try:
        codes = called(module, images)
    except Exception:  # noqa: BLE001 - see run_checked
        return False
    return isinstance(codes, Tensor) and codes.dim() > 0 and len(codes) == len(images)


def last_line(error: Exception) -> str:
    """What went wrong, without the traceback that TorchScript puts before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:200]


def checked_codes(codes: object, count: int, name: str) -> Tensor:
    """``codes`` if they are a finite floating (count, width) tensor, else a SubmissionError naming ``name``."""
    fix = "return one finite floating-point row of codes per image"
    if not isinstance(codes, Tensor):
        raise SubmissionError(f"{name} returns a {type(codes).__name__}, not a tensor", fix)
    if kind := unusual(codes):
        raise SubmissionError(f"{name} returns a {kind} tensor, not a dense one with values", fix)
    if codes.dim() != 2 or len(codes) != count or codes.shape[1] == 0:
        raise SubmissionError(f"{name} returns shape {tuple(codes.shape)} for {count} images", fix)
    if not codes.is_floating_point():
        raise SubmissionError(f"{name} returns {codes.dtype}", fix)
    if not bool(torch.isfinite(codes).all()):
        raise SubmissionError(f"{name} returns NaN or infinite codes", fix)
    return codes


def unusual(codes: Tensor) -> str:
    """What makes ``codes`` something else than an array of numbers in memory; empty where nothing does."""
    if codes.layout != torch.strided:
        return str(codes.layout).removeprefix("torch.").replace("_", " ")
    kinds = {"nested": codes.is_nested, "quantized": codes.is_quantized, "meta-device": codes.is_meta}
    return next((kind for kind, found in kinds.items() if found), "")
