"""Checks of option values against type annotations, for configurations, data sets, objectives."""

from __future__ import annotations

import sys
import types
import typing
from numbers import Integral, Real
from typing import Any

WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a quoted string"}


def accepts(hint: Any, value: object, objects: tuple[type, ...] = ()) -> bool:
    """Whether ``value`` is of the type ``hint``; whole numbers count as floats, truth values not as numbers.

    Args:
        objects: classes whose instances are taken where ``hint`` is a protocol.

    >>> accepts(float, 3), accepts(int, True), accepts(tuple[int, ...], (1, "2")), accepts(int | None, None)
    (True, False, False, True)
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(accepts(argument, value, objects) for argument in arguments)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(accepts(arguments[0], item, objects) for item in value)
    if hint in (float, int):
        return isinstance(value, Real if hint is float else Integral) and not isinstance(value, bool)
    if getattr(hint, "_is_protocol", False):
        return isinstance(value, objects)
    return not isinstance(hint, type) or isinstance(value, hint)


def finite(value: object) -> bool:
    """Whether ``value`` holds no infinite or NaN number; whole numbers must fit a float."""
    if isinstance(value, tuple | list):
        return all(map(finite, value))
    number: Any = value
    return not isinstance(value, Real) or bool(abs(number) <= sys.float_info.max)


def describe(hint: Any) -> str:
    """A type in words.

    >>> describe(tuple[int, ...]), describe(float | None)
    ('a tuple, each item a whole number', 'a number or None')
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(describe, arguments))
    if origin is tuple:
        return f"a tuple, each item {describe(arguments[0])}"
    if hint is type(None):
        return "None"
    name = getattr(hint, "__name__", str(hint)).lower()
    return WORDS.get(hint, f"a {name}, e.g. @Linear()" if getattr(hint, "_is_protocol", False) else name)
