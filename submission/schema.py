"""JSON of unknown origin becomes frozen dataclasses: types, nesting, sizes and numbers are checked as it is read.

A record's schema is its dataclass: the fields are the keys, their annotations the types. Fields without a default are
required. Unknown keys are kept in a field ``extra`` where the record has one, and dropped elsewhere.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import stat
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from submission.errors import SubmissionError

T = TypeVar("T")
Key = tuple[str | int, ...]
"""Where a value is: names of entries and positions in lists, from the outermost."""
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class Limits:
    """What JSON may contain at most.

    Attributes:
        size: bytes of the file.
        depth: nested lists and objects.
        text: letters of one string.
        items: values altogether.
        magnitude: of a whole number.
    """

    size: int = 64 << 20
    depth: int = 32
    text: int = 1 << 20
    items: int = 4 << 20
    magnitude: int = 2**63


LIMITS = Limits()


def read_record(kind: type[T], path: Path, fix: str) -> T:
    """The record of the dataclass ``kind`` in the JSON file ``path``.

    Raises:
        SubmissionError: the file is missing or is not such a record; it names the file, the key and the value, and
            ends with ``fix``.
    """
    return record(kind, read_json(path, fix), path, fix)


def read_json(path: Path, fix: str, limits: Limits = LIMITS) -> Any:
    """The JSON in ``path``, within ``limits``; SubmissionError, with ``fix``, where it is something else."""
    return parse_json(read_regular(path, limits.size, fix), str(path), fix, limits)


def read_regular(path: Path, most: int, fix: str) -> bytes:
    """The content of a regular file of at most ``most`` bytes; SubmissionError for pipes, devices and folders."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError(f"cannot read {path}: it is not a regular file", fix)
        if status.st_size > most:
            raise SubmissionError(f"cannot read {path}: it has {status.st_size:,} bytes, at most {most:,}", fix)
        return path.read_bytes()
    except FileNotFoundError:
        raise SubmissionError(f"{path} does not exist", fix) from None
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror or error}", fix) from None
    except ValueError as error:  # a name with a null character
        raise SubmissionError(f"cannot read {os.fspath(path)!a}: {error}", fix) from None


def parse_json(content: bytes | str, name: str, fix: str, limits: Limits = LIMITS) -> Any:
    """The value of the JSON text ``content``, UTF-8; ``name`` is the file in the error."""
    try:
        value = json.loads(content if isinstance(content, str) else content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SubmissionError(f"cannot read {name}: it is not UTF-8 text", fix) from None
    except RecursionError:
        raise SubmissionError(f"cannot read {name}: it is nested too deeply", fix) from None
    except ValueError as error:
        raise SubmissionError(f"cannot read {name}: {error}", fix) from None
    complaint = excess(value, limits)
    if complaint:
        raise SubmissionError(f"cannot read {name}: {complaint}", fix)
    return value


def excess(value: Any, limits: Limits) -> str:
    """Which of ``limits`` ``value`` exceeds; empty where it keeps them."""
    level, depth, count = [value], 0, 0
    while level:
        count += len(level)
        if depth > limits.depth:
            return f"it is nested more than {limits.depth} deep"
        if count > limits.items:
            return f"it holds more than {limits.items:,} values"
        inner: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                inner += item
                inner += item.values()
            elif kind is list:
                inner += item
            elif kind is str and len(item) > limits.text:
                return f"it holds a text of {len(item):,} letters, at most {limits.text:,}"
            elif kind is int and abs(item) > limits.magnitude:
                return "it holds a whole number of more than 64 bits"
        level, depth = inner, depth + 1
    return ""


def record(kind: type[T], value: object, where: Path | str, fix: str) -> T:
    """``value``, read from JSON, as a record of the dataclass ``kind``; ``where`` names the file in errors."""
    return typing.cast(T, _Reader(str(where), fix).read(kind, value, ()))


@dataclass(frozen=True)
class _Reader:
    """Turns JSON values into what annotations ask for.

    Attributes:
        where: name of the file.
        fix: what to do about an error.
    """

    where: str
    fix: str

    def read(self, hint: Any, value: Any, key: Key) -> Any:
        """``value`` as ``hint``; ``key`` is its place in the file."""
        if type(value) is hint and (hint is not float or math.isfinite(value)):
            return value
        origin, arguments, nested = parts_of(hint)
        if hint is Any or hint is object:
            return value
        if origin in (typing.Union, types.UnionType):
            return self.choice(arguments, value, key)
        if nested:
            return self.object(hint, value, key)
        if origin in (tuple, list) and isinstance(value, list):
            return origin(self.read(arguments[0], item, (*key, n)) for n, item in enumerate(value))
        if origin in (dict, Mapping) and isinstance(value, dict):
            if arguments[1] is Any:
                return dict(value)
            return {name: self.read(arguments[1], item, (*key, name)) for name, item in value.items()}
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        raise self.wrong(hint, value, key)

    def choice(self, hints: tuple[Any, ...], value: Any, key: Key) -> Any:
        """``value`` as the first of ``hints`` that it fits."""
        if value is None and type(None) in hints:
            return None
        rest = [hint for hint in hints if hint is not type(None)]
        for hint in rest[:-1]:
            try:
                return self.read(hint, value, key)
            except SubmissionError:
                continue
        return self.read(rest[-1], value, key)

    def object(self, kind: Any, value: Any, key: Key) -> Any:
        """A nested record."""
        if not isinstance(value, dict):
            raise self.wrong(kind, value, key)
        hints, required = hints_of(kind), required_of(kind)
        if missing := required - value.keys():
            first = next(name for name in hints if name in missing)
            raise SubmissionError(f"{self.where} lacks {place((*key, first))!r}", self.fix)
        found = {
            name: self.read(hints[name], item, (*key, name))
            for name, item in value.items()
            if name in hints and name != "extra"
        }
        if "extra" in hints:
            found["extra"] = {name: item for name, item in value.items() if name not in hints or name == "extra"}
        return kind(**found)

    def wrong(self, hint: Any, value: Any, key: Key) -> SubmissionError:
        """The error for a ``value`` of another type."""
        what = f"{place(key)} in {self.where}" if key else self.where
        return SubmissionError(f"{what} is {value!r:.60}, not {describe(hint)}", self.fix)


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Types of a dataclass's fields."""
    return typing.get_type_hints(kind)


@functools.cache
def required_of(kind: Any) -> frozenset[str]:
    """Names of a dataclass's fields that have no default."""
    missing = dataclasses.MISSING
    fields = (f for f in dataclasses.fields(kind) if f.default is missing and f.default_factory is missing)
    return frozenset(field.name for field in fields)


@functools.cache
def parts_of(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """Origin and arguments of a type, and whether it is a dataclass."""
    return typing.get_origin(hint), typing.get_args(hint), dataclasses.is_dataclass(hint)


def place(key: Key) -> str:
    """A place in the file as text; long names are shortened."""
    parts = (f"[{part}]" if type(part) is int else f".{part:.60}" for part in key)
    return "".join(parts).removeprefix(".")


def describe(hint: Any) -> str:
    """A type in words."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(describe, typing.get_args(hint)))
    if origin in (tuple, list):
        return f"a list, each item {describe(typing.get_args(hint)[0])}"
    return WORDS.get(hint, "an object")


def to_json(value: Any) -> Any:
    """A record as plain lists and dicts; fields that are None by default and None are left out, ``extra`` is merged."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        plain = {f.name: to_json(item) for f, item in fields if f.name != "extra" and not (item is None is f.default)}
        return plain | dict(getattr(value, "extra", {}))
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, tuple | list) else value
