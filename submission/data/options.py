"""Options of data sets: their types are those of the loader's annotations, their numbers stay within bounds."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping

from submission.errors import UsageError
from submission.options import accepts, describe, finite

SEEDS = (0, 2**32 - 1)
MOST_BYTES = 4 << 30  # of the images that a made data set keeps in memory


def check(name: str, loader: Callable[..., object], options: Mapping[str, object]) -> None:
    """UsageError for a value whose type is not the one that ``loader`` of the data set ``name`` is annotated with."""
    hints = typing.get_type_hints(loader)
    for option, value in options.items():
        if not accepts(hints.get(option, object), value):
            raise UsageError(f"{name} cannot have {option}={value!r:.60}", f"it takes {describe(hints[option])}")
        if not finite(value):
            raise UsageError(f"{name} cannot have {option}={value!r:.60}", "give a finite number")
        if option == "seed":
            within(name, SEEDS, seed=typing.cast(int, value))


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
        raise UsageError(f"{name} cannot have {given}: {count} images", f"lower them to {most} images or fewer")
