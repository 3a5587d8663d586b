"""TorchScript files: tracing, checking, saving and loading. No other module calls ``torch.jit``.

PyTorch marks TorchScript as deprecated, but it is the format that the challenge's evaluator loads; the warning is
silenced here and nowhere else.
"""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from submission.errors import SubmissionError
from submission.export.parity import require_same_codes
from submission.export.representation import Representation
from submission.files import atomic
from submission.models.vae import VAE

BATCHES = (1, 8, 16, 64)
"""Batch sizes that the challenge's evaluator uses."""
TRACED_BATCH = 3
"""Differs from every size in ``BATCHES``, so that a frozen batch size cannot go unseen."""


def export_torchscript(model: VAE, mode: str, path: Path) -> None:
    """Write the representation of ``model`` as a TorchScript file that equals the eager encoder.

    The file takes float32 images (n, C, H, W) in [0, 1], contiguous or not, for any n, and returns (n, width) float32
    on the images' device. It is written on the CPU in evaluation mode, compared with the eager encoder at batch sizes
    1, 8, 16 and 64, and only then gets its name. ``model`` itself is left as it is.

    Args:
        model: the VAE, on any device.
        mode: one of ``model.space.export_modes``.
        path: the file; its folder is created.

    Raises:
        UsageError: the space has no such mode.
        SubmissionError: the file cannot be written, or differs from the eager encoder.
    """
    eager = Representation(copy.deepcopy(model.encoder), copy.deepcopy(model.space), mode).cpu().eval()
    height, width, channels = model.image_shape
    shape = (channels, height, width)
    content = traced(eager, shape)
    require_same_codes(eager, _load(io.BytesIO(content), "cpu"), shape, BATCHES, f"TorchScript export {path}")
    with atomic(path) as file:
        file.write(content)


def traced(module: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """The TorchScript file of ``module``, traced on images (n, *shape)."""
    example = torch.rand(TRACED_BATCH, *shape, generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with _torchscript(), torch.no_grad():
        torch.jit.save(torch.jit.trace(module, example, check_trace=False), buffer)
    return buffer.getvalue()


def load_torchscript(path: Path, device: str | torch.device = "cpu") -> torch.jit.ScriptModule:
    """Read a TorchScript file in evaluation mode; anything else is refused, and never unpickled.

    Loading a TorchScript file runs no Python from it, but its code runs when the module is called: see
    docs/security.md before calling a stranger's file.

    Raises:
        SubmissionError: the file is missing, truncated, a pickle, or not TorchScript.
    """
    _require_torchscript(Path(path))
    try:
        return _load(str(path), device)
    except (RuntimeError, ValueError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise SubmissionError(
            f"{path} cannot be loaded as TorchScript: {reason}", "export it again, with this torch or an older one"
        ) from error


def _load(source: str | BinaryIO, device: str | torch.device) -> torch.jit.ScriptModule:
    with _torchscript():
        return torch.jit.load(source, map_location=device).eval()


def _require_torchscript(path: Path) -> None:
    """Look at the file's outside: TorchScript is a zip archive with ``code/`` and ``constants.pkl``."""
    if not path.is_file():
        raise SubmissionError(f"{path} does not exist or is not a file", "pass a TorchScript file (.pt)")
    again = "write it with torch.jit.save or `python -m submission export`"
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except zipfile.BadZipFile:
        raise SubmissionError(f"{path} is not TorchScript: it is truncated or no torch archive", again) from None
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check its permissions") from None
    if "constants.pkl" not in names:
        found = "a pickled object (torch.save)" if "data.pkl" in names else "another kind of archive"
        raise SubmissionError(f"{path} is not TorchScript but {found}", again)


def optimised(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """A frozen copy for fast evaluation on the module's device: constants folded, weights laid out for inference.

    A module that TorchScript cannot freeze is returned as it is.
    """
    try:
        with _torchscript():
            return torch.jit.optimize_for_inference(torch.jit.freeze(module))
    except RuntimeError:
        return module


def baked_constants(module: torch.jit.ScriptModule) -> list[str]:
    """What a trace has nailed to a device: names of tensor constants and of operations created on the CPU.

    The evaluator calls ``.cuda()`` on the loaded file, which moves parameters and buffers, but not these. Tensors
    without dimensions mix with any device and do not count.
    """
    graph: Any = module.inlined_graph
    found = []
    for node in graph.findAllNodes("prim::Constant"):
        kind = node.output().type().kind()
        if kind == "TensorType" and node.t("value").dim() > 0:
            found.append(f"tensor constant of shape {tuple(node.t('value').shape)}")
        elif kind == "DeviceObjType" and node.s("value") != "cuda":
            found += [use.user.kind() for use in node.output().uses()]
    return sorted(set(found))


@contextlib.contextmanager
def _torchscript() -> Iterator[None]:
    """Silence the deprecation of TorchScript, and nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.", category=DeprecationWarning)
        yield


def run_checked(module: nn.Module, images: Tensor, name: str) -> Tensor:
    """Codes (n, width) of ``images`` (n, C, H, W), checked as the evaluator's contract demands.

    Raises:
        SubmissionError: the module fails on these images, or returns something other than a finite float tensor with
            one row per image.
    """
    try:
        with torch.inference_mode():
            codes = module(images)
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise SubmissionError(
            f"{name} fails on images of shape {tuple(images.shape)}: {lines[-1].strip()[:200]}",
            "export the representation for this data set's image shape",
        ) from error
    return checked_codes(codes, len(images), name)


def checked_codes(codes: object, count: int, name: str) -> Tensor:
    """``codes`` if they are a finite floating (count, width) tensor, else a SubmissionError naming ``name``."""
    fix = "return one finite floating-point row of codes per image"
    if not isinstance(codes, Tensor):
        raise SubmissionError(f"{name} returns a {type(codes).__name__}, not a tensor", fix)
    if codes.dim() != 2 or len(codes) != count or codes.shape[1] == 0:
        raise SubmissionError(f"{name} returns shape {tuple(codes.shape)} for {count} images", fix)
    if not codes.is_floating_point():
        raise SubmissionError(f"{name} returns {codes.dtype}", fix)
    if not bool(torch.isfinite(codes).all()):
        raise SubmissionError(f"{name} returns NaN or infinite codes", fix)
    return codes
