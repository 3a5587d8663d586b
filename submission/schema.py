"""JSON of unknown origin becomes frozen dataclasses: types, nesting, sizes and numbers are checked as it is read.

A record's schema is its dataclass: the fields are the keys, their annotations the types. Fields without a default are
required. Unknown keys are kept in a field ``extra`` where the record has one, and dropped elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import os
import stat
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from submission.errors import SubmissionError

T = TypeVar("T")
Key = tuple[str | int, ...]
"""Where a value is: names of entries and positions in lists, from the outermost."""
Converter = Callable[[Any], Any]
Size = Annotated[int, "a whole number above 0"]
"""The type of a field that holds a size or a number of things of which there is at least one."""
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
    if complaint := excess(value, limits):
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
            if kind is float:
                continue
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
    try:
        return typing.cast(T, converter(typing.cast(Any, kind))(value))
    except MismatchError as found:
        raise SubmissionError(found.message(str(where)), fix) from None


class MismatchError(Exception):
    """A value is not what its annotation asks for.

    Attributes:
        hint: the annotation; None where a field is missing.
        value: what is there instead.
        key: where, the innermost name or position first; containers add theirs.
    """

    def __init__(self, hint: Any, value: Any, *key: str | int) -> None:
        super().__init__()
        self.hint, self.value, self.key = hint, value, list(key)

    def within(self, key: str | int) -> MismatchError:
        """The same, ``key`` being the name or the position of what holds it."""
        self.key.append(key)
        return self

    def message(self, where: str) -> str:
        """One line; ``where`` is the name of the file."""
        name = place(tuple(reversed(self.key)))
        if self.hint is None:
            return f"{where} lacks {name!r}"
        return f"{f'{name} in {where}' if name else where} is {self.value!r:.60}, not {describe(self.hint)}"


@functools.cache
def converter(hint: Any) -> Converter:
    """The function that turns a JSON value into what the annotation ``hint`` asks for, or raises ``MismatchError``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return lambda value: value
    if origin in (typing.Union, types.UnionType):
        return union_converter(hint, [converter(each) for each in arguments if each is not type(None)])
    if dataclasses.is_dataclass(hint):
        return object_converter(hint)
    if origin in (tuple, list):
        return list_converter(hint, converter(arguments[0]))
    if origin in (dict, Mapping):
        return mapping_converter(hint, converter(arguments[1]))
    if origin is Annotated:
        return size
    return number if hint is float else plain_converter(hint)


def size(value: Any) -> int:
    """A whole number above 0."""
    if type(value) is int and value > 0:
        return value
    raise MismatchError(Size, value)


def number(value: Any) -> float:
    """A finite number."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int:
        return float(value)
    raise MismatchError(float, value)


def plain_converter(hint: Any) -> Converter:
    """Values of one type."""

    def convert(value: Any) -> Any:
        if type(value) is hint:
            return value
        raise MismatchError(hint, value)

    return convert


def union_converter(hint: Any, converters: Sequence[Converter]) -> Converter:
    """The first of several types that fits; the error is the last one's."""
    optional = type(None) in typing.get_args(hint)

    def convert(value: Any) -> Any:
        if value is None and optional:
            return None
        for attempt in converters[:-1]:
            with contextlib.suppress(MismatchError):
                return attempt(value)
        return converters[-1](value)

    return convert


def list_converter(hint: Any, item: Converter) -> Converter:
    """Lists of one type, as a list or a tuple."""
    origin: Any = typing.get_origin(hint)

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise MismatchError(hint, value)
        found = []
        try:
            for own in value:
                found.append(item(own))
        except MismatchError as wrong:
            raise wrong.within(len(found)) from None
        return origin(found)

    return convert


def mapping_converter(hint: Any, item: Converter) -> Converter:
    """Objects whose values are of one type."""

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise MismatchError(hint, value)
        found, name = {}, ""
        try:
            for name, own in value.items():
                found[name] = item(own)
        except MismatchError as wrong:
            raise wrong.within(name) from None
        return found

    return convert


def object_converter(kind: Any) -> Converter:
    """Records."""
    hints, required = hints_of(kind), required_of(kind)
    converters = {name: converter(hint) for name, hint in hints.items() if name != "extra"}

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise MismatchError(kind, value)
        if missing := required - value.keys():
            raise MismatchError(None, None, next(name for name in hints if name in missing))
        found: dict[str, Any] = {}
        extra, name = {}, ""
        try:
            for name, own in value.items():
                if name in converters:
                    found[name] = converters[name](own)
                else:
                    extra[name] = own
        except MismatchError as wrong:
            raise wrong.within(name) from None
        return kind(**found, extra=extra) if "extra" in hints else kind(**found)

    return convert


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Types of a dataclass's fields."""
    return typing.get_type_hints(kind, include_extras=True)


@functools.cache
def required_of(kind: Any) -> frozenset[str]:
    """Names of a dataclass's fields that have no default."""
    missing = dataclasses.MISSING
    fields = (f for f in dataclasses.fields(kind) if f.default is missing and f.default_factory is missing)
    return frozenset(field.name for field in fields)


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
    if origin is Annotated:
        return str(hint.__metadata__[0])
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
