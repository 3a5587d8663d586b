"""Encode images with a TorchScript file that nobody vouches for, in a sandbox of its own."""

from __future__ import annotations

import json
import subprocess
import threading
import weakref
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.errors import SubmissionError
from submission.export.archive import read_archive
from submission.export.engines import DEFAULT, Limits, launch
from submission.export.sandbox import ANSWER, CODES, IMAGES

CODES_LIMIT = 2**31
"""Bytes that one answer may have."""
START_SECONDS = 240
"""Wall-clock time that starting the sandbox and Python may take on a busy machine."""


class IsolatedEncoder:
    """A TorchScript file in a process without network, files or privileges; call it with images.

    ``with IsolatedEncoder(path) as encode: codes = encode(images)`` takes float32 images (n, C, H, W) in [0, 1] and
    returns float32 codes (n, width), computed on the CPU. The file is loaded inside, too: loading runs its code.

    Args:
        path: the file.
        limits: what the process may use.

    Attributes:
        description: what ``inspection.describe`` said of the file, inside the process.

    Raises:
        IsolationError: this machine has neither bubblewrap nor a container engine with the project's image.
        SubmissionError: the file cannot be loaded or breaks the evaluator's contract, or a limit was exceeded.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT) -> None:
        self.path, self.limits = Path(path), limits
        read_archive(self.path)
        self._launch = launch(self.path, limits)
        self._process = subprocess.Popen(
            self._launch.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._launch.environment,
            start_new_session=True,
        )
        try:
            self.description: dict[str, Any] = json.loads(self._answer(START_SECONDS))
        except BaseException:
            self.close()
            raise

    def __call__(self, images: Tensor | npt.NDArray[np.float32]) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        pixels = np.ascontiguousarray(np.asarray(images), dtype="<f4")
        try:
            stdin = self._pipe(self._process.stdin)
            stdin.write(IMAGES.pack(*pixels.shape))
            stdin.write(pixels.data)
            stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._codes(self._answer(), len(pixels))

    def _codes(self, body: bytes, count: int) -> Tensor:
        rows, width = CODES.unpack_from(body)
        if rows != count or len(body) != CODES.size + 4 * rows * width:
            raise SubmissionError(f"{self.path} answers with a malformed message", "do not trust this file")
        values = np.frombuffer(body, "<f4", offset=CODES.size).reshape(rows, width).copy()
        if not np.isfinite(values).all():
            raise SubmissionError(f"{self.path} returns NaN or infinite codes", "do not trust this file")
        return torch.from_numpy(values)

    def _answer(self, extra: float = 0.0) -> bytes:
        """The body of the next message; SubmissionError for an error message, a death, or silence."""
        timer = threading.Timer(self.limits.seconds + extra, self._process.kill)
        timer.start()
        try:
            status, length = ANSWER.unpack(self._read(ANSWER.size))
            if length > CODES_LIMIT:
                raise SubmissionError(f"{self.path} answers with {length} bytes", "do not trust this file")
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

    def __init__(self, path: Path, limits: Limits = DEFAULT) -> None:
        super().__init__()
        self._encode = IsolatedEncoder(path, limits)
        weakref.finalize(self, self._encode.close)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, width) float32 of images (n, C, H, W)."""
        return self._encode(images)
