"""Large sets of images stay in a file: it is read row by row, after it was converted once if it is compressed."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from submission.data import npz
from submission.data.dataset import Images
from submission.data.grid import Indices
from submission.data.npz import Header, read_header
from submission.errors import SubmissionError
from submission.files import atomic
from submission.locks import waiting
from submission.progress import QUIET, Progress

BLOCK = 12_288 * 512  # bytes that are decompressed at once


@dataclass(eq=False)
class FilePixels:
    """Images (n, height, width, channels) of uint8 that lie in row-major order in ``path`` from byte ``offset`` on.

    They are read with ``pread`` rather than through a memory map: mapped pages would count as this process's memory
    until the whole file did.
    """

    path: Path
    offset: int
    count: int
    image_shape: tuple[int, int, int]
    packed: None = None
    array: None = None
    floats: None = None
    _file: BinaryIO = field(init=False, repr=False)
    _lock: threading.Lock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the file for as long as this object lives."""
        self._file, self._lock = self.path.open("rb", buffering=0), threading.Lock()
        weakref.finalize(self, self._file.close)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: it opens the file itself."""
        return {name: getattr(self, name) for name in ("path", "offset", "count", "image_shape")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again."""
        self.__init__(**state)  # type: ignore[misc]

    def images(self, indices: Indices) -> Images:
        """The images asked for."""
        wanted = np.asarray(indices, dtype=np.int64)
        wanted = np.where(wanted < 0, wanted + self.count, wanted)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < self.count):
            raise IndexError(f"image index out of range: {self.path} has {self.count} images")
        result = np.empty((len(wanted), *self.image_shape), dtype=np.uint8)
        size = int(np.prod(self.image_shape))
        for row, index in zip(result.reshape(len(wanted), size), wanted.tolist(), strict=True):
            if self._read(row.data, self.offset + index * size) != size:
                raise SubmissionError(f"{self.path} ends before image {index}", "it has changed: load it again")
        return result

    def _read(self, into: memoryview, place: int) -> int:
        """Read bytes at ``place``; threads and forked processes may read at the same time."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [into], place)
        with self._lock:
            self._file.seek(place)
            return self._file.readinto(into) or 0  # type: ignore[attr-defined]


def open_npy(path: Path) -> tuple[Header, FilePixels]:
    """A .npy file of images as a store."""
    with path.open("rb") as file:
        header = read_header(file)
        return header, FilePixels(path, file.tell(), header.shape[0], header.shape[1:])  # type: ignore[arg-type]


def image_store(
    path: Path, shape: tuple[int, ...] = (-1, 64, 64, 3), progress: Progress = QUIET
) -> tuple[npz.Header, FilePixels]:
    """The ``images`` of an archive as a store: in place if they are not compressed, else from a converted copy."""
    with npz.member(path, "images", whole=False) as (header, _):
        npz.require(path, "images", header, shape, "uint8")
    count = header.nbytes // (64 * 64 * 3)
    offset = stored_offset(path)
    if offset is not None:
        return header, FilePixels(path, offset, count, (64, 64, 3))
    copy = converted(path, (count, 64, 64, 3), lambda: inflated(path), progress)
    return header, open_npy(copy)[1]


def inflated(path: Path) -> Iterator[bytes]:
    """The bytes of the ``images``, block by block; the checksum is compared at the end."""
    with npz.member(path, "images") as (header, stream):
        left = header.nbytes
        while left:
            block = stream.read(min(BLOCK, left))
            if not block:
                raise EOFError(f"the data end {left} bytes early")
            left -= len(block)
            yield block


def stored_offset(path: Path) -> int | None:
    """Where the bytes of the ``images`` begin in the archive, or None if they are compressed."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("images.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        with path.open("rb") as file:
            file.seek(info.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", file.read(4))
            file.seek(name_length + extra_length, 1)
            npz.read_header(file)
            return file.tell()


def converted(source: Path, shape: tuple[int, ...], blocks: Callable[[], Iterable[bytes]], progress: Progress) -> Path:
    """The .npy file of uint8 images that ``source`` was converted to, made now if it is not there.

    It lies beside the source, or in the user's cache folder where that place is read-only. Its name carries the
    source's size and time, so a replaced source is converted again; it appears only when complete.
    """
    target = converted_path(source)
    with waiting(target):
        if not target.is_file():
            with atomic(target) as file:
                write_npy(file, shape, blocks(), progress, source.name)
    return target


def converted_path(source: Path) -> Path:
    """Where the converted copy of ``source`` belongs."""
    status = source.stat()
    stamp = hashlib.sha256(f"{source.resolve()} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:12]
    folder = source.parent if os.access(source.parent, os.W_OK) else cache_folder()
    return folder / f"{source.name}-{stamp}.npy"


def cache_folder() -> Path:
    """The user's cache folder for converted files."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "disentanglement-submission"


def write_npy(file: BinaryIO, shape: tuple[int, ...], blocks: Iterable[bytes], progress: Progress, name: str) -> None:
    """Write a .npy file of uint8 from blocks of its bytes."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    with progress.task(f"convert {name}", int(np.prod(shape, dtype=np.int64)) >> 20) as task:
        for block in blocks:
            file.write(block)
            task.advance(len(block) >> 20)
