"""Reader of HDF5 files: only arrays stored in the file itself, and only of the expected size."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.reading import errors_named, reason, require_memory, require_regular, shown
from submission.errors import SubmissionError

PROBE = """
import contextlib, sys
import h5py
seconds = int(sys.argv[1])
with contextlib.suppress(ImportError):  # not on Windows
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
with contextlib.suppress(Exception), h5py.File(sys.argv[2], "r") as file:
    for name in list(file):
        with contextlib.suppress(Exception):
            found = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
            if name in sys.argv[3:] and not (found.external or found.is_virtual):
                if found.shape == ():
                    found[()]
                step = max(1, (1 << 26) // max(1, found.nbytes // len(found)))
                for start in range(0, len(found), step):
                    found[start : start + step]
"""
"""Reads arrays as the reader will. Exceptions are left to the reader: the library itself may loop or crash."""
PROBE_SECONDS, PROBE_SECONDS_PER_MB = 10, 2


def require_sound(path: Path, names: Sequence[str], fix: str) -> None:
    """SubmissionError where the HDF5 library does not come to an end with the arrays ``names`` of ``path``.

    On damaged files it can loop for ever or crash, so a process of its own with a limit on its time reads them first.
    """
    seconds = PROBE_SECONDS + PROBE_SECONDS_PER_MB * (require_regular(path, fix) >> 20)
    command = [sys.executable, "-c", PROBE, str(seconds), str(path), *names]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60 + 20 * seconds)
    except subprocess.TimeoutExpired:
        raise SubmissionError(f"cannot read {path}: it is damaged, reading it does not end", fix) from None
    if done.returncode < 0:
        raise SubmissionError(f"cannot read {path}: it is damaged, the HDF5 library fails on it", fix)


STREAM = """
import contextlib, sys
import h5py
seconds, path, name, rows = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
with contextlib.suppress(ImportError):  # not on Windows
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
try:
    with h5py.File(path, "r") as file:
        for start in range(0, len(file[name]), rows):
            sys.stdout.buffer.write(file[name][start : start + rows].tobytes())
except BrokenPipeError:
    pass
except Exception as error:
    sys.exit(f"{error}")
"""
"""Writes the rows of an array to standard output."""
BLOCK_SECONDS = 300
"""Wall-clock time for one block; a busy machine takes a second."""


def streamed(path: Path, name: str, shape: tuple[int, ...], rows: int, fix: str) -> Iterator[bytes]:
    """The bytes of the uint8 array ``name``, ``rows`` rows at a time, read by a process of its own; see above.

    The caller has checked that the array is the file's own and of ``shape``.

    Raises:
        SubmissionError: the array is damaged, or reading it does not end.
    """
    seconds = PROBE_SECONDS + PROBE_SECONDS_PER_MB * (require_regular(path, fix) >> 20)
    command = [sys.executable, "-c", STREAM, str(seconds), str(path), name, str(rows)]
    row = math.prod(shape[1:])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            for start in range(0, shape[0], rows):
                yield block_of(process, min(rows, shape[0] - start) * row, path, name, fix)
        finally:
            process.kill()


def block_of(process: subprocess.Popen[bytes], size: int, path: Path, name: str, fix: str) -> bytes:
    """The next ``size`` bytes of a process's output."""
    assert process.stdout is not None
    assert process.stderr is not None
    timer = threading.Timer(BLOCK_SECONDS, process.kill)
    timer.start()
    try:
        block = process.stdout.read(size)
        if len(block) == size:
            return block
        said = process.stderr.read(1 << 12).decode(errors="replace").strip()
    finally:
        timer.cancel()
    ended = "the HDF5 library fails on it, or reading it does not end" if process.wait() < 0 else reason(OSError(said))
    raise SubmissionError(f"cannot read '{name}' of {path}: it is damaged, {ended}", fix)


def open_file(path: Path, fix: str) -> Any:
    """The file, open for reading."""
    import h5py

    require_regular(path, fix)
    with errors_named(path, fix):
        return h5py.File(path, "r")


def names(path: Path, file: Any, fix: str) -> list[str]:
    """Names of what the file has at its top level."""
    with errors_named(path, fix):
        return list(file)


def array(path: Path, file: Any, name: str, fix: str) -> Any:
    """The array ``name``; one that is a link to elsewhere, virtual or stored in other files counts as absent."""
    import h5py

    with errors_named(path, fix, name):
        found = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
        if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual or found.shape is None:
            raise SubmissionError(f"{path} has no array '{name}' in the file itself", fix)
        return found


def require(path: Path, file: Any, name: str, shape: tuple[int, ...], dtype: str, fix: str) -> Any:
    """The array ``name``, if it has ``shape`` and ``dtype``."""
    found = array(path, file, name, fix)
    with errors_named(path, fix, name):
        if found.shape != shape or found.dtype != np.dtype(dtype):
            have = f"{found.shape} {shown(str(found.dtype))}"
            raise SubmissionError(f"'{name}' of {path} is {have}, not {shape} {dtype}", fix)
    return found


def read(path: Path, file: Any, name: str, limit: int, fix: str) -> npt.NDArray[Any]:
    """The array ``name`` in memory, if it is at most ``limit`` bytes of plain values or text."""
    found = array(path, file, name, fix)
    with errors_named(path, fix, name):
        require_memory(path, name, found.nbytes, fix, limit)
        values = np.asarray(found.asstr()[()] if found.dtype.kind == "O" else found[()])
        if values.dtype.kind not in "biufcSUO":
            what = f"'{name}' of {path} has elements that are not plain values: {shown(str(values.dtype))}"
            raise SubmissionError(what, fix)
        return values
