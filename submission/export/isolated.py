"""Encode images with an untrusted file, in a sandbox.

The sandbox's messages are checked like any input: its code may have written them.
"""

from __future__ import annotations

import math
import subprocess
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission import schema
from submission.errors import SubmissionError
from submission.export.archive import read_archive
from submission.export.engines import DEFAULT, ImageShape, IsolationError, Limits, image, launch
from submission.export.foreign import OPENERS
from submission.export.inspection import Description
from submission.export.sandbox import ANSWER, CODES, HEAD, IMAGES, PROTOCOL
from submission.schema import parse_json, record

CODES_LIMIT = 2**31
"""Bytes that one answer may have."""
START_SECONDS = 240
"""Wall-clock time that starting the sandbox and Python may take on a busy machine."""
UNTRUSTED = "do not trust this file"
MOST_DIMENSIONS = 16
MESSAGE = schema.Limits(size=16 << 20, depth=4, items=1 << 20)
"""What a message of JSON may hold."""


@dataclass(frozen=True)
class Greeting:
    """The first message: the version of the messages, and what the module is."""

    protocol: int = 0
    module: Description = field(default_factory=Description)


class IsolatedEncoder:
    """An untrusted file in a process without network, files or privileges; call it with images.

    ``with IsolatedEncoder(path) as encode: codes = encode(images)`` takes float32 images (n, C, H, W) in [0, 1] and
    returns float32 codes (n, width), computed on the CPU. The file is loaded inside, too: loading runs its code.

    Args:
        path: the file.
        limits: what the process may use.
        image_shape: (height, width, channels) of the images; with it, the file may be torch.export (.pt2) or ONNX.

    Attributes:
        description: what ``inspection.describe`` said of a TorchScript file, inside the process.

    Raises:
        IsolationError: this machine has neither bubblewrap nor a container engine with the project's image.
        SubmissionError: the file cannot be loaded or breaks the evaluator's contract, or a limit was exceeded.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT, image_shape: ImageShape | None = None) -> None:
        self.path, self.limits = Path(path), limits
        if image_shape is None or self.path.suffix.lower() not in OPENERS:
            read_archive(self.path)
        self._launch = launch(self.path, limits, image_shape)
        self._process = subprocess.Popen(
            self._launch.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._launch.environment,
            start_new_session=True,
        )
        try:
            self.description = self._greeted(self._answer(START_SECONDS))
        except BaseException:
            self.close()
            raise

    def __call__(self, images: Tensor | npt.NDArray[np.float32]) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        pixels = np.ascontiguousarray(np.asarray(images), dtype="<f4")
        self._ask(IMAGES.pack(*pixels.shape), pixels.data)
        return self._codes(self._answer(), len(pixels))

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, as float32."""
        self._ask(IMAGES.pack(0, 0, 0, 0))
        body = self._answer()
        if len(body) < HEAD.size:
            raise self._malformed()
        (length,) = HEAD.unpack_from(body)
        about = record(list[list[Any]], self._json(body[HEAD.size : HEAD.size + length]), self.path, UNTRUSTED)
        at, found = HEAD.size + length, {}
        for entry in about:
            name, shape = self._entry(entry)
            size = math.prod(shape)
            if 4 * size > len(body) - at:
                raise self._malformed()
            values = np.array(memoryview(body)[at : at + 4 * size].cast("f"), dtype="<f4")
            found[name] = torch.from_numpy(values.reshape(shape))
            at += 4 * size
        return found

    def _greeted(self, body: bytes) -> Description:
        """The description in the first message."""
        greeting: Greeting = record(Greeting, self._json(body), self.path, UNTRUSTED)
        if greeting.protocol != PROTOCOL:
            what = f"{self.path} cannot be isolated: the image {image()} holds another version of this package"
            raise IsolationError(what, "make it again: make image")
        return greeting.module

    def _entry(self, entry: list[Any]) -> tuple[str, tuple[int, ...]]:
        """Name and shape of a tensor."""
        if len(entry) != 2 or not isinstance(entry[0], str) or not isinstance(entry[1], list):
            raise self._malformed()
        if len(entry[1]) > MOST_DIMENSIONS or not all(type(size) is int and size >= 0 for size in entry[1]):
            raise self._malformed()
        return entry[0], tuple(entry[1])

    def _ask(self, *parts: bytes | memoryview) -> None:
        """One message."""
        try:
            stdin = self._pipe(self._process.stdin)
            for part in parts:
                stdin.write(part)
            stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def _codes(self, body: bytes, count: int) -> Tensor:
        if len(body) < CODES.size:
            raise self._malformed()
        rows, width = CODES.unpack_from(body)
        if rows != count or len(body) != CODES.size + 4 * rows * width:
            raise self._malformed()
        values = np.frombuffer(body, "<f4", offset=CODES.size).reshape(rows, width).copy()
        if not np.isfinite(values).all():
            raise SubmissionError(f"{self.path} returns NaN or infinite codes", UNTRUSTED)
        return torch.from_numpy(values)

    def _malformed(self) -> SubmissionError:
        return SubmissionError(f"{self.path} sent a malformed message", UNTRUSTED)

    def _json(self, body: bytes) -> Any:
        """The JSON in a message."""
        return parse_json(body, f"the answer of {self.path}", UNTRUSTED, MESSAGE)

    def _answer(self, extra: float = 0.0) -> bytes:
        """The body of the next message; SubmissionError for an error message, a death, or silence."""
        timer = threading.Timer(self.limits.seconds + extra, self._process.kill)
        timer.start()
        try:
            status, length = ANSWER.unpack(self._read(ANSWER.size))
            if length > CODES_LIMIT:
                raise SubmissionError(f"{self.path} sent a message of {length} bytes", UNTRUSTED)
            body = self._read(length)
        finally:
            timer.cancel()
        if status:
            raise self._reported(body.decode(errors="replace"))
        return body

    def _read(self, length: int) -> bytes:
        data = self._pipe(self._process.stdout).read(length)
        if len(data) < length:
            raise self._died()
        return data

    def _reported(self, message: str) -> SubmissionError:
        line = " ".join(message.split())
        return SubmissionError(f"{self.path} (isolated): {line}", "export it again, or do not trust this file")

    def _died(self) -> SubmissionError:
        code = self._process.wait()
        how = f"signal {-code if code < 0 else code - 128}" if code < 0 or code > 128 else f"exit code {code}"
        limits = f"{self.limits.memory / 2**30:.3g} GiB of memory, {self.limits.seconds} s"
        return SubmissionError(
            f"{self.path} was stopped in isolation ({how}; limits: {limits})", "raise the limits, or do not trust it"
        )

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                self._pipe(pipe).close()
            except BrokenPipeError:
                continue
        self._process.wait()
        if self._launch.stop:
            subprocess.run(self._launch.stop, capture_output=True, env=self._launch.environment, check=False)

    def __enter__(self) -> IsolatedEncoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class IsolatedModule(nn.Module):
    """An ``IsolatedEncoder`` as a module; the process ends with the object.

    Attributes:
        batch_size: images per call that are worth a message.
    """

    batch_size = 64

    def __init__(self, path: Path, limits: Limits = DEFAULT, image_shape: ImageShape | None = None) -> None:
        super().__init__()
        self._encode = IsolatedEncoder(path, limits, image_shape)
        weakref.finalize(self, self._encode.close)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        return self._encode(images)


def isolated_weights(path: Path) -> dict[str, Tensor]:
    """Parameters and buffers of a TorchScript file that is loaded in a sandbox."""
    with IsolatedEncoder(path) as encoder:
        return encoder.weights()
