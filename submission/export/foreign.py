"""Encoders in other formats: ONNX and torch.export. Both run code by the author of the file.

A torch.export archive may hold pickles, and PyTorch unpickles them; an ONNX model runs in onnxruntime.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.errors import SubmissionError

logger = logging.getLogger("submission")


class OnnxModule(nn.Module):
    """An ONNX model on the CPU, with images as it wants them: channels first or last, any or a fixed batch size."""

    def __init__(self, path: Path, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.session = onnx_session(path)
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(given.name for given in inputs)
            raise SubmissionError(f"{path} takes {len(inputs)} inputs ({names})", "save a model of images alone")
        self.input, self.output = inputs[0].name, self.session.get_outputs()[0].name
        if inputs[0].type != "tensor(float)":
            fix = "save a model of float32 images in [0, 1]"
            raise SubmissionError(f"{path} takes {inputs[0].type}, not float32 images", fix)
        self.channels_last = takes_channels_last(path, inputs[0].shape, image_shape)
        self.batch = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else 0

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, D) of the images (n, channels, height, width)."""
        arranged = images.movedim(1, 3) if self.channels_last else images
        return torch.from_numpy(self.run(np.ascontiguousarray(arranged.cpu().numpy()))).to(images.device)

    def run(self, images: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Codes of images in the model's own arrangement; a fixed batch size is filled up with the last image."""
        if not self.batch:
            return np.asarray(self.session.run([self.output], {self.input: images})[0])
        found = []
        for start in range(0, len(images), self.batch):
            part = images[start : start + self.batch]
            full = np.concatenate([part, np.repeat(part[-1:], self.batch - len(part), axis=0)])
            found.append(np.asarray(self.session.run([self.output], {self.input: full})[0])[: len(part)])
        return np.concatenate(found)


def onnx_session(path: Path) -> Any:
    """The model in onnxruntime; SubmissionError where that is not installed, or the file is no ONNX model."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise SubmissionError(f"{path} is an ONNX model, which needs onnxruntime", "pip install onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its words go to the terminal raw; what is wrong is raised as well
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check the path") from None
    except Exception as error:  # onnxruntime's own kinds, one for each way to fail
        reason = " ".join(str(error).split())[:200]
        raise SubmissionError(f"{path} cannot be loaded as ONNX: {reason}", "export it again") from error


def takes_channels_last(path: Path, shape: list[Any], image_shape: tuple[int, int, int]) -> bool:
    """Whether a model with inputs of ``shape`` (integers, names or None) takes images (n, height, width, channels).

    Raises:
        SubmissionError: it takes images of another shape than (height, width, channels) ``image_shape``.
    """
    height, width, channels = image_shape

    def fits(wanted: tuple[int, ...]) -> bool:
        pairs = zip(shape[1:], wanted, strict=True)
        return len(shape) == 4 and all(given == size for given, size in pairs if isinstance(given, int))

    if len(shape) == 4 and fits((channels, height, width)):
        return False
    if len(shape) == 4 and fits((height, width, channels)):
        return True
    wanted = f"(n, {channels}, {height}, {width}) or (n, {height}, {width}, {channels})"
    raise SubmissionError(f"{path} takes inputs of shape {shape}, not {wanted}", "choose the data set with --data")


class ExportedProgram(nn.Module):
    """A torch.export archive. Its batch size may be fixed, which the probe of the encoder finds out."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        loggers = [logging.getLogger(name) for name in ("torch.export", "torch._export")]
        levels = [own.level for own in loggers]
        try:
            for own in loggers:
                own.setLevel(logging.ERROR)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.program = [torch.export.load(path).module()]  # a list: `eval` refuses exported modules
        except Exception as error:  # torch's own kinds, one for each way to fail
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
            raise SubmissionError(f"{path} cannot be loaded by torch.export: {reason}", "export it again") from error
        finally:
            for own, level in zip(loggers, levels, strict=True):
                own.setLevel(level)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, D) of the images (n, channels, height, width)."""
        codes: Tensor = self.program[0](images.contiguous())
        return codes


Opener = Callable[[Path, tuple[int, int, int]], nn.Module]
OPENERS: dict[str, Opener] = {".onnx": OnnxModule, ".pt2": lambda path, image_shape: ExportedProgram(path)}
"""File ending → a function from a file and an image's (height, width, channels) to its module; none for TorchScript."""


def warn_of_program(path: Path) -> None:
    """Say that a file is a program that runs in this process."""
    logger.warning("%s is a program and runs with your rights: use --isolated unless you trust its author.", path)
