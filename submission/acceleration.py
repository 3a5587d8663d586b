"""The hook through which the optional package ``submission.accelerators`` takes over slow functions.

A function marked ``@replaceable`` is complete by itself. Where the package is installed and was built, its faster
implementation of the same function is called first; it returns ``NotImplemented`` for arguments that it does not take.
Without the package, or with ``SUBMISSION_ACCELERATORS=off``, every result is the same up to rounding, but slower.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

PACKAGE = "submission.accelerators"
SWITCH = "SUBMISSION_ACCELERATORS"

P = ParamSpec("P")
R = TypeVar("R")


def replaceable(function: Callable[P, R]) -> Callable[P, R]:
    """Let an accelerator do the work of ``function``, under the name ``module.function``, where it can."""
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def chosen(*arguments: P.args, **named: P.kwargs) -> R:
        faster = accelerators().get(name)
        result = NotImplemented if faster is None else faster(*arguments, **named)
        return function(*arguments, **named) if result is NotImplemented else result

    return chosen


def switched_off() -> bool:
    """Whether the environment variable asks for the program without accelerators."""
    return os.environ.get(SWITCH, "").lower() in ("off", "0", "no", "false")


@functools.cache
def accelerators() -> Mapping[str, Callable[..., Any]]:
    """Function name → faster implementation; empty without the package, or where it is switched off."""
    if switched_off():
        return {}
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        return {}
    found: Mapping[str, Callable[..., Any]] = package.replacements()
    return found
