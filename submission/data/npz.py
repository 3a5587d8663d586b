"""Reading .npz archives without ever unpickling: the header of a member is checked before its bytes are touched."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from submission.data.reading import unreadable
from submission.errors import SubmissionError

READ_AGAIN = "download the file again (`python -m submission data verify`) or fix the program that wrote it"


@dataclass(frozen=True)
class Header:
    """What a .npy header says: shape, element type, Fortran order."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@contextlib.contextmanager
def member(path: Path, name: str, whole: bool = True) -> Iterator[tuple[Header, IO[bytes]]]:
    """The header of array ``name`` in the archive ``path``, and a stream that stands at its first byte of data.

    Unless ``whole`` is false the caller reads all of it, and the archive's checksum is compared. Anything wrong with
    the archive, the member, its type (object arrays need unpickling) or its declared size is a SubmissionError that
    names both.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            header = read_header(stream)
            check(path, name, header, archive.getinfo(f"{name}.npy"), stream.tell())
            yield header, stream
            if whole:
                stream.read(1)  # reaching the end makes zipfile compare the checksum
    except FileNotFoundError:
        raise SubmissionError(f"{path} does not exist", "check the path") from None
    except KeyError:
        raise SubmissionError(f"{path} has no array '{name}' (it has {', '.join(names(path))})", READ_AGAIN) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise unreadable(path, error, READ_AGAIN, name) from None


def read_header(stream: IO[bytes]) -> Header:
    """Parse a .npy header; ValueError where it is none."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return Header(shape, dtype, fortran)


def check(path: Path, name: str, header: Header, info: zipfile.ZipInfo, start: int) -> None:
    """Refuse object arrays, Fortran order, and a size that disagrees with the archive's directory."""
    if header.dtype.hasobject:
        raise SubmissionError(f"'{name}' of {path} is a pickled object array, which could run code", READ_AGAIN)
    if header.fortran and len(header.shape) > 1:
        raise SubmissionError(f"'{name}' of {path} is in Fortran order", "save it in C order: np.ascontiguousarray")
    if start + header.nbytes != info.file_size:
        raise SubmissionError(
            f"'{name}' of {path} is {info.file_size - start} bytes long, its header says {header.nbytes}", READ_AGAIN
        )


def names(path: Path) -> list[str]:
    """Names of the arrays in an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [entry.removesuffix(".npy") for entry in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise unreadable(path, error, READ_AGAIN) from None


def read(path: Path, name: str, limit: int = 1 << 40) -> npt.NDArray:
    """Array ``name`` of the archive ``path``, whole, in memory; one of more than ``limit`` bytes is refused."""
    with member(path, name) as (header, stream):
        if header.nbytes > limit:
            raise SubmissionError(f"'{name}' of {path} unpacks to {header.nbytes} bytes, more than {limit}", READ_AGAIN)
        array = np.empty(header.shape, dtype=header.dtype)
        fill(stream, array.reshape(-1).view(np.uint8).data)
        return array


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
    """Refuse an array that has not the ``shape`` (-1 stands for any length) and ``dtype`` wanted."""
    fits = len(header.shape) == len(shape) and all(
        want in (-1, have) for have, want in zip(header.shape, shape, strict=True)
    )
    if not fits or header.dtype != np.dtype(dtype):
        wanted = "x".join("n" if size < 0 else str(size) for size in shape)
        found = "x".join(map(str, header.shape))
        raise SubmissionError(f"'{name}' of {path} is {found} {header.dtype}, not {wanted} {dtype}", READ_AGAIN)
