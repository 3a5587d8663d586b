"""The process inside a sandbox that loads and runs an untrusted file: TorchScript, torch.export or ONNX.

``submission.export.isolated`` starts it in bubblewrap or a container, which remove files, network and privileges first.
This module bounds memory and processor time, loads the file, answers batches of images with codes, and ends when its
parent does. Messages are plain bytes on standard input and output; nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import select
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

IMAGES = struct.Struct("<4I")  # n, C, H, W; then n * C * H * W float32; four zeros ask for the weights
CODES = struct.Struct("<2I")  # n, width; then n * width float32
HEAD = struct.Struct("<I")  # of weights: bytes of JSON, a list of names and shapes; the JSON; then all float32
PROTOCOL = 2
"""Of these messages; an image of another version of this package may have another one."""
ANSWER = struct.Struct("<BQ")  # 0 good or 1 an error's text; length of the body that follows
LONGEST_ERROR = 500
SCRATCH = 16 << 20
"""Bytes of the only folder that can be written, which is in memory and goes with the process; torch.export needs it."""


def limit(memory: int, seconds: int, files: int = 0) -> None:
    """Bound data memory (bytes), processor time from now on (seconds), files (bytes of each); forbid core dumps."""
    import resource  # not on Windows, where other modules read this one's formats

    limits = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_CPU: math.ceil(time.process_time()) + seconds,
        resource.RLIMIT_FSIZE: files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def end_with_parent() -> None:
    """Fork: this process waits, and kills its child, which returns, as soon as the other end of input is closed.

    A container outlives a parent that was killed; the file's own code may keep the interpreter busy for ever.
    """
    child = os.fork()
    if child == 0:
        return
    poll = select.poll()
    poll.register(0, 0)  # no event but the hang-up, which is always reported

    def kill_at_hang_up() -> None:
        poll.poll()
        os.kill(child, signal.SIGKILL)

    threading.Thread(target=kill_at_hang_up, daemon=True).start()
    os.close(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def private_output() -> BinaryIO:
    """The pipe to the parent; standard output itself is closed to the file's own ``print``."""
    pipe = os.dup(1)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    return os.fdopen(pipe, "wb")


def answer(output: BinaryIO, status: int, body: bytes) -> None:
    """One message."""
    output.write(ANSWER.pack(status, len(body)) + body)
    output.flush()


def serve(output: BinaryIO, module: nn.Module) -> None:
    """Encode batches from standard input until it ends."""
    while header := sys.stdin.buffer.read(IMAGES.size):
        try:
            body = encoded(module, received(header)) if any(header) else weights(module)
        except Exception as error:  # noqa: BLE001 - whatever an untrusted file raises is reported to the parent
            answer(output, 1, str(error).encode(errors="replace")[:LONGEST_ERROR])
            continue
        answer(output, 0, body)


def encoded(module: nn.Module, images: Tensor) -> bytes:
    """The message of codes."""
    from submission.export.contract import run_checked

    codes = as_array(run_checked(module, images, "the file"))
    return CODES.pack(*codes.shape) + codes.tobytes()


def weights(module: nn.Module) -> bytes:
    """The message of parameters and buffers, as float32."""
    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in module.state_dict().items()}
    about = json.dumps([[name, list(tensor.shape)] for name, tensor in tensors.items()]).encode()
    return b"".join([HEAD.pack(len(about)), about, *(tensor.numpy().tobytes() for tensor in tensors.values())])


def received(header: bytes) -> Tensor:
    """The images (n, C, H, W) that follow ``header``."""
    import numpy as np
    import torch

    shape = IMAGES.unpack(header)
    pixels = bytearray(sys.stdin.buffer.read(4 * int(np.prod(shape, dtype=np.int64))))
    return torch.from_numpy(np.frombuffer(pixels, np.float32).reshape(shape))


def as_array(codes: Tensor) -> npt.NDArray[np.float32]:
    """Codes as a float32 array; numpy has no bfloat16, so the challenge's evaluator would fail on it."""
    if str(codes.dtype) not in ("torch.float32", "torch.float64"):
        raise TypeError(f"the file returns {codes.dtype}, not float32")
    array: npt.NDArray[np.float32] = codes.float().cpu().contiguous().numpy()
    return array


def loaded(path: Path, image_shape: tuple[int, ...]) -> tuple[nn.Module, dict[str, Any]]:
    """The module in a file and its description; without an ``image_shape`` the file is TorchScript."""
    from submission.export.foreign import OPENERS
    from submission.export.inspection import describe
    from submission.export.torchscript import load_torchscript

    if image_shape and path.suffix.lower() in OPENERS:
        height, width, channels = image_shape
        return OPENERS[path.suffix.lower()](path, (height, width, channels)), {}
    module = load_torchscript(path, evaluation=False, isolated=True)
    return module, dataclasses.asdict(describe(module))


def main() -> None:
    """Arguments: file, threads, bytes of memory, seconds of processor time, and height, width, channels if known."""
    path, threads, memory, seconds, *image_shape = sys.argv[1:]
    end_with_parent()
    output = private_output()
    try:
        import torch

        torch.set_num_threads(int(threads))
        limit(int(memory), int(seconds), 0 if path.endswith(".pt") else SCRATCH)
        module, about = loaded(Path(path), tuple(map(int, image_shape)))
    except Exception as error:  # noqa: BLE001 - reported to the parent
        answer(output, 1, f"{getattr(error, 'what', error)}".encode(errors="replace")[:LONGEST_ERROR])
        return
    answer(output, 0, json.dumps({"protocol": PROTOCOL, "module": about}).encode())
    serve(output, module)
