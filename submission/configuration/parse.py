"""gin text → bindings with their origin, without gin's global registry."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gin.config_parser import BindingStatement, ConfigParser, ImportStatement, IncludeStatement

from submission.configuration.catalogue import find
from submission.errors import UsageError
from submission.schema import read_regular


@dataclass(frozen=True)
class Macro:
    """``%name``."""

    name: str


@dataclass(frozen=True)
class Reference:
    """``@scope/name()``: an object made from the bindings ``scope/name.parameter``."""

    scope: str
    name: str


@dataclass(frozen=True)
class Key:
    """``scope/selector.parameter``; a macro's definition has no parameter."""

    scope: str
    selector: str
    parameter: str

    def __str__(self) -> str:
        """As it is written in gin."""
        scope = f"{self.scope}/" if self.scope else ""
        return f"{scope}{self.selector}" + (f".{self.parameter}" if self.parameter else "")


@dataclass(frozen=True)
class Binding:
    """A value and where it was bound, e.g. ``demo.gin:3``."""

    value: object
    origin: str


MOST_BYTES = 1 << 20
"""Of one gin file."""
Bindings = dict[Key, Binding]
NAMES = (Key("", "data", "name"), Key("", "objective", "name"))
"""What has options of its own."""


class _Delegate:
    """Leaves macros and references unresolved."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        """A reference; its scope may be empty."""
        scope, _, name = scoped_configurable_name.rpartition("/")
        return Reference(scope, name)

    def macro(self, macro_name: str) -> Macro:
        """A macro."""
        return Macro(macro_name)


def read(files: Sequence[str]) -> Bindings:
    """Bindings of gin ``files`` (paths or names); later ones win."""
    bindings: Bindings = {}
    for name in files:
        bindings = overlay(bindings, read_file(find(name), ()))
    return bindings


def bound(text: str) -> Bindings:
    """Bindings of a text such as ``"train.steps = 10"``."""
    return read_text(text, f"--bind {'; '.join(text.splitlines())}", Path(), ())


def overlay(below: Bindings, above: Bindings) -> Bindings:
    """Both, ``above`` winning; where it names another data set or objective, the options of the one below are gone.

    Macros and schedules that only these options, or values that are replaced, used go with them.
    """
    gone = {name.selector for name in NAMES if renamed(below, above, name)}
    kept = {key: binding for key, binding in below.items() if key.scope or key.selector not in gone} | above
    dropped = [binding for key, binding in below.items() if key not in kept or key in above]
    orphans = used(dropped, below) - above.keys()
    orphans -= used([binding for key, binding in kept.items() if key not in orphans], kept)
    return {key: binding for key, binding in kept.items() if key not in orphans}


def used(users: Iterable[Binding], bindings: Bindings) -> set[Key]:
    """The definitions of the macros and schedules that ``users`` name, directly or by way of others."""
    found: set[Key] = set()
    waiting = list(users)
    while waiting:
        named = names_in(waiting.pop().value)
        new = {key for key in bindings if (key.scope, key.selector, bool(key.parameter)) in named} - found
        found |= new
        waiting += [bindings[key] for key in new]
    return found


def names_in(value: object) -> set[tuple[str, str, bool]]:
    """Scope and name of the macros and schedules in ``value``, and whether it is a schedule."""
    if isinstance(value, list | tuple):
        return set().union(*map(names_in, value))
    if isinstance(value, Macro):
        return {("", value.name, False)}
    return {(value.scope, value.name, True)} if isinstance(value, Reference) else set()


def completed(included: Bindings, own: Bindings) -> Bindings:
    """``overlay`` for a text and what it includes; options of something that it is the first to name stay."""
    first = {name: own[name] for name in NAMES if name in own and name not in included}
    return overlay(included | first, own)


def renamed(below: Bindings, above: Bindings, name: Key) -> bool:
    """Whether ``above`` binds ``name`` to something that ``below`` does not."""
    return name in above and (name not in below or above[name].value != below[name].value)


def read_file(file: Path, including: tuple[Path, ...]) -> Bindings:
    """Bindings of one file and the files it includes; ``including`` are the files that led here."""
    if file in including:
        raise UsageError(f"{file} includes itself", "remove one of the includes")
    fix = "pass a gin text file in UTF-8"
    try:
        text = read_regular(file, MOST_BYTES, fix).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"cannot read {file}: it is not UTF-8 text", fix) from None
    return read_text(text, file.name, file.parent, (*including, file))


def read_text(text: str, origin: str, folder: Path, including: tuple[Path, ...]) -> Bindings:
    """Bindings of gin ``text``; included files are in ``folder`` or in the gin folder."""
    bindings: Bindings = {}
    own: Bindings = {}
    for statement in statements(text, origin):
        if isinstance(statement, IncludeStatement):
            bindings = overlay(completed(bindings, own), read_file(find(statement.filename, folder), including))
            own = {}
        elif isinstance(statement, BindingStatement):
            key = Key(statement.scope or "", statement.selector, statement.arg_name or "")
            where = origin if origin.startswith("--bind") else f"{origin}:{statement.location.line_num}"
            own[key] = Binding(statement.value, where)
        elif isinstance(statement, ImportStatement):
            fix = "remove the import: a configuration runs no code"
            raise UsageError(f"{origin} imports {statement.module}", fix)
    return completed(bindings, own)


def statements(text: str, origin: str) -> list[object]:
    """The statements of gin ``text``; UsageError where it is not gin."""
    found: list[object] = []
    try:
        parser = ConfigParser(io.StringIO(text), _Delegate())
        while (statement := parser.parse_statement()) is not None:
            found.append(statement)
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError) as error:
        reason = readable(str(getattr(error, "msg", error)))
        where = origin if origin.startswith("--bind") else f"{origin}:{getattr(error, 'lineno', None) or '?'}"
        raise UsageError(
            f"{where} is not gin: {reason}", "write section.parameter = value, with strings in quotes"
        ) from error
    return found


def readable(reason: str) -> str:
    """gin's error in one line; a text without quotes, which it shows as a node of Python's syntax tree, by name."""
    token = re.search(r"malformed node.*Failed to parse token '([^']*)'", reason, re.DOTALL)
    if token:
        return f"{token[1]:.60} is neither a finite number, nor True or False, nor text in quotes"
    return f"{' '.join(reason.split()):.200}"
