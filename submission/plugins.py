"""Modules outside of the package that register networks, objectives, metrics, spaces or data sets.

Importing a module runs its code, so that none is imported unless its user asks for it: by name (``--import MODULE``),
by an ordinary ``import`` from Python, or by installing a distribution with an entry point in ``submission.plugins``. A
run records the modules that were asked for by name; commands that open it ask for them again.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterable
from importlib import metadata

from submission.errors import UsageError
from submission.options import as_list

logger = logging.getLogger(__name__)

GROUP = "submission.plugins"
"""Entry points of installed distributions that are loaded when a command starts."""
_imported: list[str] = []


def import_modules(names: str | Iterable[str]) -> None:
    """Import modules by name, or a single one, from the current folder, too, and remember that they were asked for.

    Raises:
        UsageError: there is no such module, or it fails while it is imported.
    """
    for name in as_list(names):
        folder = os.getcwd()  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, folder)
        try:
            importlib.import_module(name)
        except Exception as error:
            reason = " ".join(str(error).split())
            what = f"the module {name!r} cannot be imported: {type(error).__name__}: {reason}"
            raise UsageError(what, "give the name of a module that Python finds, without .py") from error
        finally:
            sys.path.remove(folder)
        if name not in _imported:
            _imported.append(name)


def load_entry_points() -> None:
    """Load what installed distributions register; one that fails is named in a warning and left out."""
    for point in metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:  # noqa: BLE001 - as above
            logger.warning("the plugin %s of an installed package cannot be loaded: %s", point.name, error)


def choices(known: Iterable[str]) -> str:
    """What to do about the name of a part that is not ``known``: choose one, or import the module that registers it."""
    return f"choose from {', '.join(known)}, or import the module that registers it: --import MODULE"


def imported_modules() -> tuple[str, ...]:
    """The modules that were asked for by name in this process."""
    return tuple(_imported)


def require_modules(names: Iterable[str], user: str) -> None:
    """UsageError where ``user``, a run, needs modules that are not imported in this process."""
    missing = [name for name in names if name not in sys.modules]
    if missing:
        options = " ".join(f"--import {name}" for name in missing)
        raise UsageError(
            f"{user} uses parts of {', '.join(missing)}, whose code would be run", f"pass {options} if you trust it"
        )
