"""TensorBoard event files of scalars, written without TensorBoard.

A file is a sequence of records: length (uint64), masked CRC-32C of it, an ``Event`` protocol buffer, masked CRC-32C of
that (little endian). Only the fields that scalars need are encoded.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from submission.files import unwritable

POLYNOMIAL = 0x82F63B78
MASK_DELTA = 0xA282EAD8
VERSION = b"brain.Event:2"


def crc_table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli) of each byte."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


TABLE = crc_table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of ``data``, rotated by 15 bits and shifted by a constant as TensorFlow's record files have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """One framed record."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def varint(number: int) -> bytes:
    """A non-negative integer, seven bits a byte, lowest first."""
    head, rest = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + varint(rest) if rest else bytes([head])


def text(field: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def event(seconds: float, *fields: bytes) -> bytes:
    """An ``Event`` with its wall time and other encoded fields."""
    return b"\x09" + struct.pack("<d", seconds) + b"".join(fields)


def scalar(name: str, value: float) -> bytes:
    """A ``Summary.Value`` as a field of ``Summary``."""
    return text(1, text(1, name.encode()) + b"\x15" + struct.pack("<f", value))


class EventFile:
    """Scalars over steps in a folder that ``tensorboard --logdir`` shows; each process begins a file of its own.

    Args:
        folder: made where it is not there.

    Raises:
        SubmissionError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"events.out.tfevents.{time.time():.6f}.submission"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        self.append(event(time.time(), text(3, VERSION)))

    def write(self, step: int, values: Mapping[str, object]) -> None:
        """Append the finite numbers among ``values`` at ``step``."""
        numbers = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
        summary = b"".join(scalar(name, value) for name, value in numbers.items() if math.isfinite(value))
        self.append(event(time.time(), varint(2 << 3) + varint(step), text(5, summary)))

    def append(self, data: bytes) -> None:
        """Append one record; it is on its way to the disk when this returns."""
        try:
            with self.path.open("ab") as file:
                file.write(record(data))
        except OSError as error:
            raise unwritable(self.path, error) from error
