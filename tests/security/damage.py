"""Ways in which files are damaged: bytes, JSON values, pieces of syntax, members of archives.

Each takes a valid file's bytes and a random generator, and returns a damaged copy.
"""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from typing import Any

from submission import checkpoint


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` with bytes flipped, set to extremes, removed, repeated or cut off."""
    raw = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(raw))
        way, width = chance.randrange(6), chance.choice((1, 2, 4, 8))
        if way == 0:
            raw[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            raw[at : at + width] = chance.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * width
        elif way == 2:
            raw[at : at + width] = chance.randbytes(width)
        elif way == 3:
            del raw[at : at + chance.randrange(1, 64)]
        elif way == 4:
            raw[at:at] = raw[at : at + chance.randrange(1, 64)]
        else:
            del raw[at:]
        raw = raw or bytearray(b"x")
    return bytes(raw)


HOSTILE: list[Any] = [
    *(None, True, 0, -1, 2**70, 10**6, 1.5, float("inf"), float("nan"), 1e308, "", "x" * 100, "\x1b[31m", "\u2028"),
    *("../..", "/dev/zero", "=1+1", [], [[]], {}, {"a": {}}, "NaN", [1] * 40),
]


def other(value: Any, chance: random.Random) -> Any:
    """``value`` with one part, anywhere in it, replaced, renamed or removed."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {name: item for name, item in value.items() if name != key}
        if chance.random() < 0.1:
            return {str(chance.choice(HOSTILE)) if name == key else name: item for name, item in value.items()}
        return value | {key: other(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        index = chance.randrange(len(value))
        return [*value[:index], other(value[index], chance), *value[index + 1 :]]
    return copy.deepcopy(chance.choice(HOSTILE))


def other_json(content: bytes, chance: random.Random) -> bytes:
    """JSON with other values; sometimes with other bytes."""
    text = json.dumps(other(json.loads(content), chance)).encode()
    return mutated(text, chance) if chance.random() < 0.2 else text


def other_lines(content: bytes, chance: random.Random) -> bytes:
    """Lines of JSON, one of them with other values."""
    lines = content.splitlines()
    at = chance.randrange(len(lines))
    lines[at] = other_json(lines[at], chance)
    return b"\n".join(lines) + b"\n"


PIECES = (b"%", b"@", b"(", b")", b"\n", b"=", b"'", b"include ", b"\xff", b"\0", b"1e999", b"None", b".", b"/", b"\t")


def other_gin(content: bytes, chance: random.Random) -> bytes:
    """A configuration with other pieces of gin's syntax."""
    text = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(text) + 1)
        text[at : at + chance.randrange(4)] = chance.choice(PIECES) + chance.randbytes(chance.randrange(2))
    return bytes(text)


def signed(content: bytes, chance: random.Random) -> bytes:
    """A damaged checkpoint whose checksum fits, as its maker can have it."""
    archive = mutated(content[: -checkpoint.COMMENT_SIZE], chance)
    return archive + checkpoint.comment(archive)


def repacked(content: bytes, chance: random.Random) -> bytes:
    """A zip archive with one damaged member and right checksums; sometimes a damaged archive."""
    if chance.random() < 0.3:
        return mutated(content, chance)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = chance.choice(old.namelist())
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, mutated(data or b"x", chance) if name == chosen else data)
    return buffer.getvalue()
