"""Event files: published checksums, and a reader of the format that shares nothing with the writer."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from submission.errors import SubmissionError
from submission.training.tensorboard import EventFile, masked_crc


def unmask(masked: int) -> int:
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0xE3069283),  # the standard check value of CRC-32C
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (bytes([255]) * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_checksum_is_crc_32c(data: bytes, crc: int) -> None:
    assert unmask(masked_crc(data)) == crc


def fields(data: bytes) -> list[tuple[int, object]]:
    """(number, value) of every field of a protocol buffer."""

    def varint() -> int:
        nonlocal data
        number = shift = 0
        while True:
            byte, data = data[0], data[1:]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    found: list[tuple[int, object]] = []
    while data:
        number, kind = divmod(varint(), 8)
        size = {1: 8, 5: 4}.get(kind)
        if kind == 0:
            found.append((number, varint()))
            continue
        size = varint() if size is None else size
        found.append((number, data[:size]))
        data = data[size:]
    return found


def events(path: Path) -> list[dict[int, object]]:
    """Fields of every event of a file, its framing checked."""
    content, found = path.read_bytes(), []
    while content:
        (size,) = struct.unpack("<Q", content[:8])
        assert struct.unpack("<I", content[8:12]) == (masked_crc(content[:8]),)
        body = content[12 : 12 + size]
        assert struct.unpack("<I", content[12 + size : 16 + size]) == (masked_crc(body),)
        found.append(dict(fields(body)))
        content = content[16 + size :]
    return found


def test_scalars_are_read_back_with_their_steps(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "events")
    file.write(100, {"loss": 12.5, "kl/0": -1, "name": "text", "broken": float("nan")})
    file.write(300_000, {"loss": 2.25})
    head, *rest = events(file.path)
    assert head[3] == b"brain.Event:2"
    read = []
    for event in rest:
        for _, value in fields(event[5]):
            name, number = (part for _, part in fields(value))
            read.append((event[2], name.decode(), struct.unpack("<f", number)[0]))
    assert read == [(100, "loss", 12.5), (100, "kl/0", -1.0), (300_000, "loss", 2.25)]


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SubmissionError, match=r"cannot write .*file"):
        EventFile(tmp_path / "file" / "events")
