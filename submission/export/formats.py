"""Export formats besides TorchScript: torch.export, ONNX and plain weights; each is read back for the parity check."""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from submission.errors import SubmissionError, UsageError
from submission.export.parity import Encode, evaluator_images
from submission.export.representation import Representation
from submission.export.torchscript import load_torchscript, traced
from submission.files import write_bytes
from submission.text import printable

Shape = tuple[int, int, int]
EXAMPLE_BATCH = 2
BATCH_LIMIT = 2**20
TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        file: its name in a run folder.
        write: (module, image shape (C, H, W)) → the file's bytes.
        read: (path, the module) → a function from images to codes, or None where the reader is not installed.
        needs: packages without which it cannot be written.
    """

    file: str
    write: Callable[[Representation, Shape], bytes]
    read: Callable[[Path, Representation], Encode | None]
    needs: tuple[str, ...] = ()


def write_format(name: str, module: Representation, shape: Shape, folder: Path) -> Path:
    """Write ``module`` (on the CPU, in evaluation mode) as the format called ``name`` into ``folder``.

    Raises:
        UsageError: no such format.
        SubmissionError: a package is missing, the module cannot be expressed, or the file cannot be written.
    """
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}", f"choose from {', '.join(FORMATS)}")
    chosen = FORMATS[name]
    missing = [package for package in chosen.needs if importlib.util.find_spec(package) is None]
    if missing:
        raise SubmissionError(f"the format {name} needs {', '.join(missing)}", "pip install '.[export]'")
    try:
        content = chosen.write(module, shape)
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        raise SubmissionError(f"cannot export as {name}: {reason(error)}", "leave it out of --formats") from error
    path = folder / chosen.file
    write_bytes(path, content)
    return path


def reason(error: BaseException) -> str:
    """The first line of what caused the error in the first place, without terminal codes."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return printable(TERMINAL_CODE.sub("", line).strip())[:300]


def exported_program(module: Representation, shape: Shape) -> torch.export.ExportedProgram:
    """``module`` as a torch.export program with a free batch size.

    Exported from an ordinary contiguous batch: torch.export checks strides, and readers pass contiguous images.
    """
    example = evaluator_images(EXAMPLE_BATCH, shape).contiguous()
    dimension = torch.export.Dim("batch", min=1, max=BATCH_LIMIT)
    with _quiet(), torch.no_grad():
        return torch.export.export(module, (example,), dynamic_shapes=({0: dimension},))


def write_pt2(module: Representation, shape: Shape) -> bytes:
    """A torch.export archive."""
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(exported_program(module, shape), buffer)
    return buffer.getvalue()


def read_pt2(path: Path, module: Representation) -> Encode:
    """The exported program as a function."""
    with _quiet():
        program = torch.export.load(path).module()
    return lambda images: program(images.contiguous())


def write_onnx(module: Representation, shape: Shape) -> bytes:
    """An ONNX model with input ``images`` (batch, C, H, W) and output ``codes`` (batch, width)."""
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            exported_program(module, shape),
            (),
            input_names=["images"],
            output_names=["codes"],
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def read_onnx(path: Path, module: Representation) -> Encode | None:
    """The model in onnxruntime; None where that is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda images: torch.from_numpy(session.run(None, {given.name: images.contiguous().numpy()})[0])


def write_weights(module: Representation, shape: Shape) -> bytes:
    """The weights alone, with what is needed to build the module again as metadata."""
    from safetensors.torch import save

    tensors = {name: tensor.contiguous().clone() for name, tensor in module.state_dict().items()}
    about = {"space": module.spec, "mode": module.mode, "image_shape": json.dumps(shape)}
    return save(tensors, metadata=about)


def read_weights(path: Path, module: Representation) -> Encode:
    """The architecture of ``module`` with every weight taken from the file."""
    from safetensors.torch import load_file

    fresh = copy.deepcopy(module)
    with torch.no_grad():
        for tensor in fresh.state_dict().values():
            tensor.zero_()
    fresh.load_state_dict(load_file(path))
    return fresh


def read_torchscript(path: Path, module: Representation) -> Encode:
    """The file as the evaluator loads it."""
    return load_torchscript(path, own=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' remarks about their own internals; their errors are exceptions and stay."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


FORMATS = {
    "pt": Format("representation/pytorch_model.pt", traced, read_torchscript),
    "pt2": Format("export/model.pt2", write_pt2, read_pt2),
    "onnx": Format("export/model.onnx", write_onnx, read_onnx, ("onnx", "onnxscript")),
    "safetensors": Format("export/weights.safetensors", write_weights, read_weights, ("safetensors",)),
}
