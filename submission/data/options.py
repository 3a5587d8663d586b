"""Options of data sets: their types are those of the loader's annotations, their numbers stay within bounds."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from submission.errors import UsageError

SEEDS = (0, 2**32 - 1)
MOST_BYTES = 4 << 30  # of the images that a made data set keeps in memory
WORDS = {bool: "True or False", int: "a whole number", float: "a finite number", str: "text in quotes"}


def check(name: str, loader: Callable[..., object], options: Mapping[str, object]) -> None:
    """UsageError for a value whose type is not the one that ``loader`` of the data set ``name`` is annotated with."""
    hints = typing.get_type_hints(loader)
    for option, value in options.items():
        if not fits(hints.get(option, object), value):
            raise UsageError(f"{name} cannot have {option}={value!r}", f"it takes {describe(hints[option])}")
        if option == "seed":
            within(name, SEEDS, seed=typing.cast(int, value))


def fits(hint: Any, value: object) -> bool:
    """Whether ``value`` is of the type ``hint``; whole numbers count as floats, truth values not as numbers."""
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple | list) and all(fits(typing.get_args(hint)[0], item) for item in value)
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool) and finite(value)
    return not isinstance(hint, type) or isinstance(value, hint)


def finite(value: Real) -> bool:
    """Whether ``value`` is finite as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def describe(hint: Any) -> str:
    """A type in words."""
    if typing.get_origin(hint) is tuple:
        return f"a tuple, each item {describe(typing.get_args(hint)[0])}"
    return WORDS.get(hint, str(hint))


def within(name: str, bounds: tuple[float, float], **values: float) -> None:
    """UsageError for the first of ``values`` of the data set ``name`` that is not from ``bounds``, ends included."""
    low, high = bounds
    for option, value in values.items():
        if not low <= value <= high:
            raise UsageError(f"{name} cannot have {option}={value}", f"give a number from {low} to {high}")


def affordable(name: str, size: int, **values: int) -> None:
    """UsageError where ``values``, which multiply, make more images of ``size`` bytes than fit ``MOST_BYTES``."""
    count, most = math.prod(values.values()), MOST_BYTES // size
    if count > most:
        given = ", ".join(f"{option}={value}" for option, value in values.items())
        raise UsageError(f"{name} cannot have {given}: {count} images", f"make them {most} or fewer together")
