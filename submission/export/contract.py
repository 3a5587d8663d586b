"""What the challenge's evaluator demands of codes, told in one line where they break it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from submission.errors import SubmissionError


def run_checked(module: Callable[[Tensor], object], images: Tensor, name: str) -> Tensor:
    """Codes (n, width) of ``images`` (n, C, H, W), checked as the evaluator's contract demands.

    Raises:
        SubmissionError: the module fails on these images, or returns something other than a finite float tensor with
            one row per image.
    """
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse .* in beta")  # such codes are refused below
            codes = module(images)
    except SubmissionError:
        raise
    except Exception as error:  # torch.jit.Error, and whatever else a stranger's code raises
        raise SubmissionError(
            f"{name} fails on images of shape {tuple(images.shape)}: {last_line(error)}",
            "export the representation for this data set's image shape",
        ) from error
    return checked_codes(codes, len(images), name)


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
