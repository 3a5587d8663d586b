"""Values of options: checks against type annotations, and single values where several may be given."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a quoted string"}


def accepts(hint: Any, value: object, objects: tuple[type, ...] = ()) -> bool:
    """Whether ``value`` is of the type ``hint``; whole numbers count as floats, truth values not as numbers.

    Args:
        objects: classes whose instances are taken where ``hint`` is a protocol.

    >>> accepts(float, 3), accepts(int, True), accepts(tuple[int, ...], (1, "2")), accepts(int | None, None)
    (True, False, False, True)
    >>> accepts(tuple[float, float], (1, 2, 3)), accepts(Mapping[str, Sequence[int]], {"a": [1]})
    (False, True)
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(accepts(argument, value, objects) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin in (tuple, Sequence):
        return isinstance(value, tuple | list) and accepts_all(item_hints(hint, len(value)), value, objects)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(accepts_all(arguments, pair, objects) for pair in value.items())
    if hint in (float, int):
        return isinstance(value, Real if hint is float else Integral) and not isinstance(value, bool)
    if getattr(hint, "_is_protocol", False):
        return isinstance(value, objects)
    return not isinstance(hint, type) or isinstance(value, hint)


def accepts_all(hints: Sequence[Any], values: Sequence[object], objects: tuple[type, ...]) -> bool:
    """Whether there are as many ``values`` as ``hints``, each of its type."""
    return len(hints) == len(values) and all(map(accepts, hints, values, [objects] * len(hints)))


def item_hints(hint: Any, count: int) -> Sequence[Any]:
    """The types of the items of a list or tuple of the type ``hint`` that has ``count`` of them."""
    arguments = typing.get_args(hint)
    return arguments if counted(hint) else arguments[:1] * count


def counted(hint: Any) -> bool:
    """Whether the type ``hint`` is a tuple of so many items, each with a type of its own."""
    return typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is not ...


def as_list(values: Any) -> list[Any]:
    """Several values as a list; a single one, a text or a path included, as a list of one.

    >>> as_list("mig"), as_list(("mig", "dci"))
    (['mig'], ['mig', 'dci'])
    """
    if isinstance(values, str | Path) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def finite(value: object) -> bool:
    """Whether ``value`` holds no infinite or NaN number; whole numbers must fit a float."""
    if isinstance(value, tuple | list):
        return all(map(finite, value))
    number: Any = value
    return not isinstance(value, Real) or bool(abs(number) <= sys.float_info.max)


def plain(value: Any) -> Any:
    """``value`` as a configuration holds it.

    Numbers of NumPy and PyTorch, and fractions, become Python's own, lists and arrays tuples, members of enumerations
    their values.

    >>> import numpy as np
    >>> plain([np.int64(3), np.arange(2), True, {"red": np.float64(0.5)}])
    (3, (0, 1), True, {'red': 0.5})
    """
    value = value.value if isinstance(value, Enum) else value
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return float(value) if isinstance(value, Real) and not isinstance(value, int) else value


def storable(value: object) -> bool:
    """Whether a configuration can hold ``value``: a number, a truth value, text, None, a tuple or a dictionary."""
    if isinstance(value, tuple | dict):
        return all(map(storable, value.items() if isinstance(value, dict) else value))
    return value is None or type(value) in (bool, int, float, str)


def describe(hint: Any) -> str:
    """A type in words.

    >>> describe(tuple[int, ...]), describe(float | None)
    ('a tuple, each item a whole number', 'a number or None')
    >>> describe(Mapping[str, tuple[float, float]])
    'a dictionary {a quoted string: (a number, a number)}'
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(describe, arguments))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if counted(hint):
        return f"({', '.join(map(describe, arguments))})"
    if origin in (tuple, Sequence):
        kind = "tuple" if origin is tuple else "list"
        return f"a {kind}" if arguments[0] is object else f"a {kind}, each item {describe(arguments[0])}"
    if origin is Mapping:
        return f"a dictionary {{{describe(arguments[0])}: {describe(arguments[1])}}}"
    if hint in (type(None), object):
        return "None" if hint is not object else "anything"
    name = getattr(hint, "__name__", str(hint)).lower()
    return WORDS.get(hint, f"a {name}, e.g. @Linear()" if getattr(hint, "_is_protocol", False) else name)
