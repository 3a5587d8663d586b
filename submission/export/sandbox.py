"""The child process that runs a stranger's TorchScript file: no network, no file system, bounded memory and time.

Started as a script by ``submission.export.isolated``; docs/security.md says what this protects from.
The order matters: the namespace is left while the process has one thread, libraries and the file are loaded while
the file system is still there, and the file's code runs only after it is gone.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
IMAGES = struct.Struct("<4I")  # n, C, H, W; then n * C * H * W float32
CODES = struct.Struct("<2I")  # n, width; then n * width float32
NO_NETWORK = "network namespaces are not permitted here"


def leave_network() -> None:
    """Move this process into its own user, network and IPC namespaces; it must have one thread.

    Raises:
        OSError: the machine does not permit it.
    """
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        raise OSError(ctypes.get_errno(), NO_NETWORK)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def leave_files(empty: Path) -> None:
    """Make ``empty`` the root folder and drop every capability, so that there is no way back."""
    os.chroot(empty)
    os.chdir("/")
    libc = ctypes.CDLL(None, use_errno=True)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "privileges cannot be dropped")


def limit(memory: int, seconds: int) -> None:
    """Bound data memory (bytes) and processor time (seconds); forbid writing files and core dumps."""
    limits = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def private_output() -> BinaryIO:
    """The pipe to the parent; standard output itself is closed to the file's own ``print``."""
    pipe = os.dup(1)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    return os.fdopen(pipe, "wb")


def answer(output: BinaryIO, status: int, body: bytes) -> None:
    """One message: status (0 good, 1 an error's text), length, body."""
    output.write(struct.pack("<BQ", status, len(body)) + body)
    output.flush()


def serve(output: BinaryIO, module: Any) -> None:
    """Encode batches from standard input until it ends."""
    while header := sys.stdin.buffer.read(IMAGES.size):
        images = received(header)
        try:
            codes = encoded(module, images)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises is told to the parent
            answer(output, 1, str(error).encode()[:500])
            continue
        answer(output, 0, CODES.pack(*codes.shape) + codes.tobytes())


def received(header: bytes) -> Any:
    """The images (n, C, H, W) that follow ``header``."""
    import numpy as np  # what functions import is loaded already: the file system is gone
    import torch

    shape = IMAGES.unpack(header)
    pixels = bytearray(sys.stdin.buffer.read(4 * int(np.prod(shape, dtype=np.int64))))
    return torch.from_numpy(np.frombuffer(pixels, np.float32).reshape(shape))


def encoded(module: Any, images: Any) -> Any:
    """Codes (n, width) of the images."""
    from submission.export.contract import run_checked

    return plain(run_checked(module, images, "the file"))


def plain(codes: Any) -> Any:
    """Codes as a float32 array; numpy has no bfloat16, so the evaluator would fail on it."""
    if str(codes.dtype) not in ("torch.float32", "torch.float64"):
        raise TypeError(f"the file returns {codes.dtype}, not float32")
    return codes.float().cpu().contiguous().numpy()


def main() -> None:
    """Arguments: file, empty folder, threads, bytes of memory, seconds of processor time, import path."""
    path, empty, threads, memory, seconds, packages = sys.argv[1:7]
    output = private_output()
    try:
        leave_network()
        sys.path.insert(0, packages)
        module, about = loaded(Path(path), int(threads))
        limit(int(memory), int(seconds))
        leave_files(Path(empty))
    except Exception as error:  # noqa: BLE001 - told to the parent
        answer(output, 1, f"{getattr(error, 'what', error)}".encode()[:500])
        return
    answer(output, 0, json.dumps(about).encode())
    serve(output, module)


def loaded(path: Path, threads: int) -> tuple[Any, dict[str, Any]]:
    """The module and its description; every library that encoding needs is in memory afterwards."""
    import torch

    import submission.export.contract  # noqa: F401 - for serve
    from submission.export.inspection import describe
    from submission.export.torchscript import load_torchscript

    torch.set_num_threads(threads)
    with torch.inference_mode():
        torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2))(
            torch.rand(2, 1, 8, 8)
        )
    module = load_torchscript(path, evaluation=False)
    return module, describe(module)


if __name__ == "__main__":
    main()
