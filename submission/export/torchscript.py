"""TorchScript files: tracing, checking, saving and loading. No other module makes or reads one.

PyTorch marks TorchScript as deprecated, but it is the format that the challenge's evaluator loads; the warning is
silenced here and nowhere else.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeGuard

import torch
from torch import nn

from submission.errors import SubmissionError
from submission.export.parity import require_same_codes
from submission.export.representation import Representation
from submission.files import write_bytes
from submission.models.networks import channels_first
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
    eager, shape = Representation.of(model, mode), channels_first(model.image_shape)
    content = traced(eager, shape)
    require_same_codes(eager, _load(io.BytesIO(content), "cpu"), shape, BATCHES, f"TorchScript export {path}")
    write_bytes(path, content)


def traced(module: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """The TorchScript file of ``module``, traced on images (n, *shape)."""
    example = torch.rand(TRACED_BATCH, *shape, generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with _torchscript(), torch.no_grad():
        torch.jit.save(torch.jit.trace(module, example, check_trace=False), buffer)
    return buffer.getvalue()


def load_torchscript(path: Path, device: str | torch.device = "cpu", evaluation: bool = True) -> torch.jit.ScriptModule:
    """Read a TorchScript file, in evaluation mode unless told otherwise; anything else is refused, and never unpickled.

    Loading a TorchScript file runs no Python from it, but its code runs when the module is called: see
    docs/security.md before calling a stranger's file.

    Raises:
        SubmissionError: the file is missing, truncated, a pickle, not TorchScript, or nothing that can be called.
    """
    _require_torchscript(Path(path))
    try:
        module = _load(str(path), device)
    except (RuntimeError, ValueError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise SubmissionError(
            f"{path} cannot be loaded as TorchScript: {reason}", "export it again, with this torch or an older one"
        ) from error
    if not hasattr(module, "forward"):
        raise SubmissionError(f"{path} cannot be called: it has no forward", "save a module whose forward encodes")
    return module.eval() if evaluation else module


def _load(source: str | BinaryIO, device: str | torch.device) -> torch.jit.ScriptModule:
    with _torchscript():
        return torch.jit.load(source, map_location=device)


def _require_torchscript(path: Path) -> None:
    """Look at the file's outside: TorchScript is a zip archive with ``code/`` and ``constants.pkl``."""
    if not path.is_file():
        raise SubmissionError(f"{path} does not exist or is not a file", "pass a TorchScript file (.pt)")
    again = "write it with torch.jit.save or `python -m submission export`"
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
            changed = archive.testzip()
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError):
        raise SubmissionError(f"{path} is not TorchScript: it is truncated or no torch archive", again) from None
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check its permissions") from None
    if "constants.pkl" not in names:
        found = "a pickled object (torch.save)" if "data.pkl" in names else "another kind of archive"
        raise SubmissionError(f"{path} is not TorchScript but {found}", again)
    if changed:
        raise SubmissionError(f"{path} is damaged: the checksum of {changed} does not fit", again)


def is_script(module: nn.Module) -> TypeGuard[torch.jit.ScriptModule]:
    """Whether it is TorchScript."""
    return isinstance(module, torch.jit.ScriptModule)


def inlined(module: nn.Module, example: torch.Tensor, trace: bool) -> torch.jit.ScriptModule | None:
    """``module`` as TorchScript whose weights are constants of its graph; None where it cannot be had.

    Nothing is folded: PyTorch's numeric optimisation of frozen graphs folds some batch normalisations on a wrong axis.

    Args:
        module: in evaluation mode.
        example: images (n, C, H, W) with which a module that is not TorchScript is traced.
        trace: whether it may be.
    """
    if not is_script(module) and not trace:
        return None
    try:
        with _torchscript(), torch.no_grad():
            script = module if is_script(module) else torch.jit.trace(module, example, check_trace=False)
            return torch.jit.freeze(script, optimize_numerics=False) if hasattr(script, "training") else script
    except RuntimeError:
        return None


@contextlib.contextmanager
def _torchscript() -> Iterator[None]:
    """Silence the deprecation of TorchScript, and nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.", category=DeprecationWarning)
        yield
