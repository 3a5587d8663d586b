"""Values of study files: each must have the type of its field; a single item stands for a list of one."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from submission.errors import UsageError, did_you_mean
from submission.options import accepts, describe, plain


def fields_of(kind: type, values: Mapping[str, object], where: str) -> dict[str, Any]:
    """``values`` for fields of the dataclass ``kind``, with a tuple wherever a field has a list of any length.

    Args:
        kind: ``Study``, or a part of one.
        values: name of the field → value in the study file.
        where: the file, and what in it has these values, e.g. ``mystudy.gin: study.methods[0]``.

    Raises:
        UsageError: a field that ``kind`` does not have, or a value of another type.
    """
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise UsageError(f"{where}.{name} is unknown", did_you_mean(str(name), hints, f"known: {', '.join(hints)}"))
        found[name] = listed(plain(value), hints[name])
        if not accepts(hints[name], found[name]):
            raise UsageError(f"{where}.{name} = {value!r:.80} has the wrong type", f"it takes {describe(hints[name])}")
    return found


def settle(part: Any, where: str, **changes: object) -> None:
    """Give ``part``, a frozen dataclass, its values and ``changes`` as ``fields_of`` has them; errors as there."""
    for name, value in fields_of(type(part), {**vars(part), **changes}, where).items():
        object.__setattr__(part, name, value)


def fields_of_part(kind: type, value: object, where: str, short: str) -> dict[str, Any]:
    """``fields_of`` a dictionary; a text alone is the value of the field ``short``.

    Raises:
        UsageError: as ``fields_of``; ``value`` is neither a text nor a dictionary.
    """
    given = {short: value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        known = ", ".join(typing.get_type_hints(kind))
        raise UsageError(f"{where} = {value!r:.80} has the wrong type", f"give {short}, or a dictionary with {known}")
    return fields_of(kind, given, where)


def listed(value: object, hint: Any) -> object:
    """``value`` with tuples where the type ``hint`` has lists of any length, also as the values of a dictionary."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Mapping and isinstance(value, Mapping):
        return {key: listed(item, arguments[1]) for key, item in value.items()}
    return as_tuple(value) if origin is Sequence or arguments[1:] == (...,) else value


def as_tuple(value: object) -> tuple[Any, ...]:
    """The items of a list; a text, a number or a dictionary is one item.

    >>> as_tuple([1, 4]), as_tuple("R^10")
    ((1, 4), ('R^10',))
    """
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else (value,)
