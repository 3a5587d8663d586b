"""Numeric arrays of MATLAB 5 files.

A small parser of the part of the format that the published data sets use (MathWorks, "MAT-File Format", chapter 1):
plain and zlib-compressed matrices of numbers. Declared types and sizes are checked before data is read or
decompressed; cells, structures, objects and sparse matrices are never read.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from submission.data.reading import errors_named, require_memory, require_regular, shown
from submission.errors import SubmissionError

HEADER = 128
MATRIX, COMPRESSED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Element types in a file, by their number."""
CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8",
    10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64",
}  # fmt: skip
COMPLEX = 0x0800
MOST_HEAD = 4096  # bytes that hold flags, dimensions and name of a matrix
MOST_BYTES = 1 << 31
Order = Literal["<", ">"]


@dataclass(frozen=True)
class Matrix:
    """The head of a matrix in a file.

    Attributes:
        name: of the variable.
        shape: its dimensions.
        kind: MATLAB's class.
        dtype: how the elements are stored.
        start: where the data begins, in bytes from the matrix's own start.
        nbytes: size of the data.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    dtype: np.dtype[Any]
    start: int
    nbytes: int


def read_matlab(
    path: Path, variable: str, shape: tuple[int, ...], kinds: tuple[str, ...], fix: str
) -> npt.NDArray[Any]:
    """The array ``variable`` of ``path``, if it has ``shape`` (-1: any length) and one of MATLAB's classes ``kinds``.

    Its type is the one in which the numbers are stored, which may be narrower than MATLAB's class.

    Args:
        fix: what a user should do about a bad file.

    Raises:
        SubmissionError: no such file or array, another shape or class, or a damaged file.
    """
    size = require_regular(path, fix)
    with errors_named(path, fix), path.open("rb") as file:
        order = byte_order(file.read(HEADER))
        for body in matrices(file, size, order):
            found = head(body.read(MOST_HEAD), order)
            if found.name == variable:
                require(path, found, shape, kinds, fix)
                require_memory(path, variable, found.nbytes, fix, MOST_BYTES)
                return array(body, found)
    raise SubmissionError(f"{path} has no array '{variable}'", fix)


def byte_order(header: bytes) -> Order:
    """``<`` or ``>``, from the first bytes of a file; ValueError where it is not MATLAB 5."""
    orders: dict[bytes, Order] = {b"IM": "<", b"MI": ">"}
    if len(header) < HEADER or header[126:] not in orders or not any(header[:4]):
        raise ValueError("it is not a MATLAB 5 file")
    return orders[header[126:]]


class Body:
    """The bytes of one matrix, decompressed as far as they are asked for.

    Args:
        raw: the element's content in the file.
        compressed: whether it is compressed; a tag of 8 bytes then comes before the matrix.
    """

    def __init__(self, raw: bytes, compressed: bool) -> None:
        self._stream = zlib.decompressobj() if compressed else None
        self._rest, self._ready = (raw, b"") if compressed else (b"", raw)
        self._skip = 8 if compressed else 0

    def read(self, size: int) -> bytes:
        """The first ``size`` bytes, or fewer where it ends; each call begins at the start."""
        end = size + self._skip
        while self._stream is not None and len(self._ready) < end and not self._stream.eof:
            block = self._stream.decompress(self._rest, end - len(self._ready))
            self._rest = self._stream.unconsumed_tail
            if not block:
                break
            self._ready += block
        return self._ready[self._skip : end]

    def tag(self, order: str) -> int:
        """The type in the tag before a compressed matrix; -1 where there is none."""
        self.read(0)
        return int(struct.unpack(f"{order}I", self._ready[:4])[0]) if len(self._ready) >= 4 else -1

    def require_end(self) -> None:
        """ValueError where compressed bytes do not end rightly a few bytes on; zlib compares its checksum there."""
        if self._stream is not None:
            self.read(len(self._ready) + 16)
            if not self._stream.eof:
                raise ValueError("the compressed data do not end where they should")


def matrices(file: IO[bytes], size: int, order: str) -> Iterator[Body]:
    """The matrices at the top level of a file of ``size`` bytes."""
    while tag := file.read(8):
        kind, length = struct.unpack(f"{order}II", tag)
        if kind not in (MATRIX, COMPRESSED) or file.tell() + length > size:
            raise ValueError(f"an element of type {kind} and {length} bytes is damaged or cut short")
        body = Body(file.read(length), kind == COMPRESSED)
        if kind == COMPRESSED and body.tag(order) != MATRIX:
            raise ValueError("a compressed element is damaged, or not a matrix")
        yield body


def head(raw: bytes, order: Order) -> Matrix:
    """Flags, dimensions, name and the tag of the data, from the first bytes of a matrix."""
    kind, start, size, following = element(raw, 0, order)
    if (kind, size) != (6, 8):
        raise ValueError("a matrix has no flags")
    flags = struct.unpack_from(f"{order}I", raw, start)[0]
    kind, start, size, following = element(raw, following, order)
    if kind != 5 or size % 4 or not 8 <= size <= 4 * 32:
        raise ValueError("a matrix has no dimensions")
    shape = struct.unpack_from(f"{order}{size // 4}i", raw, start)
    if min(shape) < 0:
        raise ValueError(f"a matrix has the dimensions {shape}")
    kind, start, size, following = element(raw, following, order)
    if kind != 1 or start + size > len(raw):
        raise ValueError("a matrix has no name")
    name = raw[start : start + size].decode("latin-1")
    about = CLASSES.get(flags & 0xFF, f"class {flags & 0xFF}") + (" complex" if flags & COMPLEX else "")
    if flags & 0xFF < 6 or flags & COMPLEX:
        return Matrix(name, shape, about, np.dtype("u1"), 0, 0)
    kind, start, size, _ = element(raw, following, order)
    if kind not in STORED:
        raise ValueError(f"'{shown(name)}' is stored as type {kind}")
    dtype = np.dtype(STORED[kind]).newbyteorder(order)
    if size != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"'{shown(name)}' has {size} bytes for the dimensions {shape}")
    return Matrix(name, shape, about, dtype, start, size)


def element(raw: bytes, at: int, order: str) -> tuple[int, int, int, int]:
    """Type, start, size and following place of the data element at ``at``, in the long or the short form."""
    if at + 8 > len(raw):
        raise ValueError("a matrix is cut short")
    kind, size = struct.unpack_from(f"{order}II", raw, at)
    if kind >> 16:  # the short form: size and type share a word, the data follow in the next
        return kind & 0xFFFF, at + 4, kind >> 16, at + 8
    return kind, at + 8, size, at + 8 + -(-size // 8) * 8


def require(path: Path, found: Matrix, shape: tuple[int, ...], kinds: tuple[str, ...], fix: str) -> None:
    """SubmissionError unless ``found`` has the ``shape`` and one of the classes ``kinds``."""
    fits = len(found.shape) == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, found.shape, strict=True)
    )
    if not fits or found.kind not in kinds:
        what = f"'{found.name}' of {path} is {found.shape} {found.kind}, not {shape} {' or '.join(kinds)}"
        raise SubmissionError(what, fix)


def array(body: Body, found: Matrix) -> npt.NDArray[Any]:
    """The numbers of a matrix, in the machine's byte order."""
    raw = body.read(found.start + found.nbytes)[found.start :]
    if len(raw) != found.nbytes:
        raise ValueError(f"'{found.name}' has {len(raw)} of {found.nbytes} bytes")
    body.require_end()
    values = np.frombuffer(raw, found.dtype).reshape(found.shape, order="F")
    return values.astype(found.dtype.newbyteorder("="))
