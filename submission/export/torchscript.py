"""TorchScript files: tracing, checking, saving and loading. No other module makes or reads one.

PyTorch marks TorchScript as deprecated, but it is the format that the challenge's evaluator loads; the warning is
silenced here and nowhere else.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeGuard

import torch
from torch import nn

from submission.errors import SubmissionError
from submission.export.archive import ArchiveContents, read_archive
from submission.export.foreign import warn_of_program
from submission.export.parity import require_same_codes
from submission.export.representation import Representation
from submission.files import write_bytes
from submission.models.networks import channels_first
from submission.models.vae import VAE

BATCHES = (1, 8, 16, 64)
"""Batch sizes that the challenge's evaluator uses."""
COUNTER = re.compile(rb"\.?___torch_mangle_\d+")
"""What torch adds to the names of classes, counting all that a process has traced."""
LOCAL = re.compile(rb"\b_\d+\b")
PER_FILE = (".debug_pkl", "serialization_id")
"""Members that differ between files of one program."""
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
    if not same_program(path, content):  # the same program keeps its hash, and so its scores
        write_bytes(path, content)


def same_program(path: Path, content: bytes) -> bool:
    """Whether the TorchScript file ``path`` has the code and tensors of ``content``, but for torch's counters in names.

    Nothing is run: torch numbers the classes of each process, so that equal programs differ in their bytes.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as old, zipfile.ZipFile(io.BytesIO(content)) as new:
            if unpacked(old) > 2 * unpacked(new):  # another one, or made to fill the memory
                return False
            read_archive(path)  # refuses archives that PyTorch reads differently
            return members(old) == members(new)
    except (SubmissionError, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, zlib.error):
        return False


def unpacked(archive: zipfile.ZipFile) -> int:
    """Bytes that an archive says it holds."""
    return sum(member.file_size for member in archive.infolist())


def members(archive: zipfile.ZipFile) -> tuple[dict[str, bytes], list[bytes]]:
    """Structure and tensors in a TorchScript file by name, and its classes, without counters."""
    files = {name: COUNTER.sub(b"", archive.read(name)) for name in archive.namelist() if not name.endswith(PER_FILE)}
    code = [files.pop(name) for name in list(files) if name.endswith(".py")]
    classes = [part.strip() for text in code for part in re.split(rb"(?=^class )", text, flags=re.MULTILINE)]
    return files, sorted(renumbered(text) for text in classes if text)


def renumbered(text: bytes) -> bytes:
    """Code in which the local names ``_0``, ``_1``, … count from 0 in the order in which they appear."""
    order: dict[bytes, bytes] = {}
    return LOCAL.sub(lambda match: order.setdefault(match[0], b"_%d" % len(order)), text)


def traced(module: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """The TorchScript file of ``module``, traced on images (n, *shape)."""
    example = torch.rand(TRACED_BATCH, *shape, generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with _torchscript(), torch.no_grad():
        torch.jit.save(torch.jit.trace(module, example, check_trace=False), buffer)
    content = buffer.getvalue()
    _written.add((len(content), hashlib.sha256(content).digest()))
    return content


_written: set[tuple[int, bytes]] = set()
"""Length and SHA-256 of the files that this process made."""


def _written_here(path: Path) -> bytes | None:
    """The bytes of a file that this process made, whatever its place; None for any other."""
    size = path.stat().st_size
    if not any(size == length for length, _ in _written):
        return None
    content = path.read_bytes()
    return content if (len(content), hashlib.sha256(content).digest()) in _written else None


def load_torchscript(
    path: Path, device: str | torch.device = "cpu", evaluation: bool = True, isolated: bool = False, own: bool = False
) -> torch.jit.ScriptModule:
    """Read a TorchScript file; anything else is refused, and never unpickled by Python.

    A TorchScript file is a program: its operations run while it is loaded and when it is called. Unless this process is
    ``isolated``, or the file is this process's ``own`` or has the bytes of a file that this process made, a warning
    says so, and a file whose code reads or writes files is refused.

    Args:
        path: the file.
        device: where its weights go.
        evaluation: whether to put it into evaluation mode.
        isolated: whether this process runs in a sandbox.
        own: whether this process has just written the file.

    Raises:
        SubmissionError: the file is missing, truncated, a pickle, not TorchScript, reads or writes files, or has no
            ``forward``.
    """
    path = Path(path)
    contents = read_archive(path)
    known = None if isolated or own else _written_here(path)
    if not (isolated or own or known is not None):
        _require_harmless(path, contents)
    try:
        module = _load(str(path) if known is None else io.BytesIO(known), device)
    except (RuntimeError, ValueError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        fix = "export it again, with this torch or an older one"
        if not contents.ascii:
            fix = "use ASCII names only in the scripted code: PyTorch cannot read back others"
        raise SubmissionError(f"{path} cannot be loaded as TorchScript: {reason}", fix) from error
    if not hasattr(module, "forward"):
        raise SubmissionError(f"{path} cannot be called: it has no forward", "save a module whose forward encodes")
    return module.eval() if evaluation else module


def _require_harmless(path: Path, contents: ArchiveContents) -> None:
    """Warn that the file is a program; SubmissionError where its code touches files."""
    if contents.files:
        raise SubmissionError(
            f"{path} was not loaded: its code reads or writes files ({', '.join(contents.files)})",
            "do not trust it, or run it with --isolated",
        )
    warn_of_program(path)


def _load(source: str | BinaryIO, device: str | torch.device) -> torch.jit.ScriptModule:
    with _torchscript():
        module: torch.jit.ScriptModule = torch.jit.load(source, map_location=device)
    return module


def is_script(module: nn.Module) -> TypeGuard[torch.jit.ScriptModule]:
    """Whether it is TorchScript."""
    return isinstance(module, torch.jit.ScriptModule)


def inlined(module: nn.Module, example: torch.Tensor, trace: bool) -> torch.jit.ScriptModule | None:
    """``module`` as TorchScript whose weights are constants of its graph; None where it cannot be had.

    Nothing is folded: PyTorch's numeric optimisation of frozen graphs folds some batch normalisations on a wrong axis.

    Args:
        module: in any mode; its graph is that of evaluation mode.
        example: images (n, C, H, W) with which a module that is not TorchScript is traced.
        trace: whether it may be.
    """
    if not is_script(module) and not trace:
        return None
    try:
        with _torchscript(), torch.no_grad():
            script: torch.jit.ScriptModule
            script = module if is_script(module) else torch.jit.trace(module, example, check_trace=False)
            if not hasattr(script, "training"):  # frozen already
                return script
            still = copy.deepcopy(script).eval() if script.training else script
            frozen: torch.jit.ScriptModule = torch.jit.freeze(still, optimize_numerics=False)
            return frozen
    except RuntimeError:
        return None


@contextlib.contextmanager
def _torchscript() -> Iterator[None]:
    """Silence the deprecation of TorchScript, and nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.", category=DeprecationWarning)
        yield
