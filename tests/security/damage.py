"""Hypothesis strategies of damaged files: bytes, JSON values, pieces of syntax, members of archives.

Each takes a valid file's bytes and draws damaged copies, of which Hypothesis finds the smallest one that fails.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from submission import checkpoint

Damage = Callable[[bytes], SearchStrategy[bytes]]
WAYS = ("flip", "extreme", "other", "remove", "repeat", "cut")


@composite
def mutated(draw: DrawFn, content: bytes) -> bytes:
    """``content`` with bytes flipped, set to extremes, replaced, removed, repeated or cut off."""
    raw = bytearray(content)
    for _ in range(draw(st.sampled_from((1, 1, 2, 4, 16)))):
        way, at = draw(st.sampled_from(WAYS)), draw(st.integers(0, len(raw) - 1))
        if way == "flip":
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif way == "extreme":
            raw[at : at + 8] = draw(st.sampled_from((b"\x00", b"\xff", b"\x7f", b"\x80"))) * draw(st.integers(1, 8))
        elif way == "other":
            raw[at : at + 8] = draw(st.binary(min_size=1, max_size=8))
        elif way == "remove":
            del raw[at : at + draw(st.integers(1, 63))]
        elif way == "repeat":
            raw[at:at] = raw[at : at + draw(st.integers(1, 63))]
        else:
            del raw[at:]
        raw = raw or bytearray(b"x")
    return bytes(raw)


LETTERS = st.text(st.characters(exclude_categories=()), max_size=20)
"""Text of any code points: control characters, and halves of surrogate pairs, which JSON can hold."""

LEAVES = st.one_of(
    st.sampled_from(
        [None, True, 0, -1, 2**70, 10**6, 1.5, 1e308, "x" * 100, "\x1b[31m", "\u2028", "../..", "/dev/zero"]
    ),
    st.sampled_from(["=1+1", "NaN", [1] * 40]),
    *(st.integers(), st.floats(), LETTERS),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4), max_leaves=8
)


@composite
def other(draw: DrawFn, value: Any) -> Any:
    """``value`` with one part, anywhere in it, replaced, renamed or removed."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key, way = draw(st.sampled_from(list(value))), draw(st.integers(0, 9))
        if way == 9:
            return {name: item for name, item in value.items() if name != key}
        if way == 8:
            new = draw(LETTERS)
            return {new if name == key else name: item for name, item in value.items()}
        return value | {key: draw(other(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(other(value[index])), *value[index + 1 :]]
    return draw(VALUES)


@composite
def other_json(draw: DrawFn, content: bytes) -> bytes:
    """JSON with other values; sometimes with other bytes."""
    text = json.dumps(draw(other(json.loads(content)))).encode()
    return text if draw(st.integers(0, 4)) else draw(mutated(text))


@composite
def other_lines(draw: DrawFn, content: bytes) -> bytes:
    """Lines of JSON, one of them with other values."""
    lines = content.splitlines()
    at = draw(st.integers(0, len(lines) - 1))
    lines[at] = draw(other_json(lines[at]))
    return b"\n".join(lines) + b"\n"


PIECES = (b"%", b"@", b"(", b")", b"\n", b"=", b"'", b"include ", b"\xff", b"\0", b"1e999", b"None", b".", b"/", b"\t")


@composite
def other_gin(draw: DrawFn, content: bytes) -> bytes:
    """A configuration with other pieces of gin's syntax."""
    text = bytearray(content)
    for piece in draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = piece + draw(st.binary(max_size=1))
    return bytes(text)


@composite
def signed(draw: DrawFn, content: bytes) -> bytes:
    """A damaged checkpoint whose checksum fits, as its maker can have it."""
    archive = draw(mutated(content[: -checkpoint.COMMENT_SIZE]))
    return archive + checkpoint.comment(archive)


@composite
def repacked(draw: DrawFn, content: bytes) -> bytes:
    """A zip archive with one damaged member and right checksums; sometimes a damaged archive."""
    if not draw(st.integers(0, 2)):
        return draw(mutated(content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = draw(st.sampled_from(old.namelist()))
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, draw(mutated(data or b"x")) if name == chosen else data)
    return buffer.getvalue()


@composite
def recompressed(draw: DrawFn, content: bytes) -> bytes:
    """A gzip file damaged as a whole, or inside with a right checksum."""
    if draw(st.booleans()):
        return draw(mutated(content))
    return gzip.compress(draw(mutated(gzip.decompress(content))), mtime=0)
