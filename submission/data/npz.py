"""The project's one reader of .npz archives: it never unpickles, and checks a header before it reads the data."""

from __future__ import annotations

import contextlib
import math
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from submission.data.reading import errors_named, listed, require_memory, require_regular, shown
from submission.errors import SubmissionError

Array = npt.NDArray[np.generic]
READ_AGAIN = "download the file again (`python -m submission data verify`) or fix the program that wrote it"
KINDS = "biufcSUmM"
"""Kinds of elements that are plain values: neither objects, which need unpickling, nor records."""
MOST_DIMENSIONS = 32
MOST_BYTES = 1 << 40


@dataclass(frozen=True)
class Header:
    """Contents of a .npy header: shape, element type, Fortran order."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays(
    path: Path, wanted: Sequence[str], fix: str = READ_AGAIN, limit: int = MOST_BYTES
) -> dict[str, npt.NDArray[Any]]:
    """Those of the arrays called ``wanted`` that the archive ``path`` has.

    Args:
        fix: how to make a right file, for the messages.
        limit: bytes of one array.

    Raises:
        SubmissionError: the file is missing, unreadable, damaged or not an archive, or an array has elements other
            than plain values, or does not fit the memory.
    """
    there = names(path, fix)
    return {name: read(path, name, limit, fix) for name in wanted if name in there}


def read(path: Path, name: str, limit: int = MOST_BYTES, fix: str = READ_AGAIN) -> npt.NDArray[Any]:
    """Array ``name`` of the archive ``path``, whole, in memory; one of more than ``limit`` bytes is refused."""
    with member(path, name, fix=fix) as (header, stream):
        require_memory(path, name, header.nbytes, fix, limit)
        array = np.empty(header.shape[::-1] if header.fortran else header.shape, dtype=header.dtype)
        fill(stream, array.reshape(-1).view(np.uint8).data)
        return array.T if header.fortran else array


@contextlib.contextmanager
def member(path: Path, name: str, whole: bool = True, fix: str = READ_AGAIN) -> Iterator[tuple[Header, IO[bytes]]]:
    """The header of array ``name`` in the archive ``path``, and a stream that stands at its first byte of data.

    Unless ``whole`` is false the caller reads all of it, and the archive's checksum is compared. Anything wrong with
    the archive, the member, its type or its declared size is a SubmissionError that names both.
    """
    if name not in (there := names(path, fix)):
        raise SubmissionError(f"{path} has no array '{name}' (it has {listed(there) or 'none'})", fix)
    with errors_named(path, fix, name), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        header = read_header(stream)
        check(path, name, header, archive.getinfo(f"{name}.npy"), stream.tell(), fix)
        yield header, stream
        if whole:
            stream.read(1)  # reaching the end makes zipfile compare the checksum


def names(path: Path, fix: str = READ_AGAIN) -> list[str]:
    """Names of the arrays in an archive."""
    require_regular(path, fix)
    with errors_named(path, fix), path.open("rb") as file:
        start = file.read(len(np.lib.format.MAGIC_PREFIX))
        if start == np.lib.format.MAGIC_PREFIX:
            raise SubmissionError(f"cannot read {path}: it is a single array, not an .npz archive", fix)
        if not zipfile.is_zipfile(file):
            what = "it is cut short" if start.startswith(b"PK") else "it is not an .npz archive"
            raise SubmissionError(f"cannot read {path}: {what}", fix)
        with zipfile.ZipFile(file) as archive:
            return [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]


def read_header(stream: IO[bytes]) -> Header:
    """Parse a .npy header; ValueError where there is none."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        shape, fortran, dtype = read(stream)
    if len(shape) > MOST_DIMENSIONS or any(isinstance(size, bool) or size < 0 for size in shape):
        raise ValueError(f"its header has the shape {shown(str(shape))}")
    return Header(shape, dtype, fortran and len(shape) > 1)


def check(path: Path, name: str, header: Header, info: zipfile.ZipInfo, start: int, fix: str) -> None:
    """Refuse elements that are not plain values, and a size that disagrees with the archive's directory."""
    dtype = header.dtype
    if dtype.hasobject:
        raise SubmissionError(f"'{name}' of {path} is a pickled object array, which could run code", fix)
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise SubmissionError(f"'{name}' of {path} has elements that are not plain values: {shown(str(dtype))}", fix)
    if start + header.nbytes != info.file_size:
        what = f"'{name}' of {path} is {info.file_size - start} bytes long, its header says {header.nbytes}"
        raise SubmissionError(what, fix)


def fill(stream: IO[bytes], view: memoryview) -> None:
    """Fill ``view`` from ``stream``; EOFError where the stream ends early."""
    done = 0
    while done < len(view):
        block = stream.read(min(1 << 22, len(view) - done))
        if not block:
            raise EOFError(f"the data end after {done} of {len(view)} bytes")
        view[done : done + len(block)] = block
        done += len(block)


def require(path: Path, name: str, header: Header, shape: tuple[int, ...], dtype: str) -> None:
    """Refuse an array without the ``shape`` (-1 means any length) and ``dtype`` wanted, or in Fortran order."""
    if header.fortran:
        raise SubmissionError(f"'{name}' of {path} is in Fortran order", "save it in C order: np.ascontiguousarray")
    fits = len(header.shape) == len(shape) and all(
        want in (-1, have) for have, want in zip(header.shape, shape, strict=True)
    )
    if not fits or header.dtype != np.dtype(dtype):
        wanted = "x".join("n" if size < 0 else str(size) for size in shape)
        found = "x".join(map(str, header.shape))
        raise SubmissionError(f"'{name}' of {path} is {found} {header.dtype}, not {wanted} {dtype}", READ_AGAIN)
