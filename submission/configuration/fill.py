"""Bindings → frozen settings; every binding must be consumed, and every value must have its parameter's type."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from submission.configuration.parse import Binding, Bindings, Key, Macro, Reference, bound, overlay, read, read_text
from submission.configuration.settings import (
    DataSettings,
    ExportSettings,
    ModelSettings,
    ObjectiveSettings,
    Settings,
    TrainSettings,
)
from submission.errors import UsageError, did_you_mean, invocation
from submission.objectives import OBJECTIVES
from submission.objectives.schedules import Constant, Cosine, Geometric, Linear, require_not_negative
from submission.options import accepts, as_list, describe, finite, plain, storable
from submission.plugins import choices

Bind = str | Mapping[str, object]
"""A binding as text, or bindings as names and values."""
Binds = Bind | Iterable["Binds"]
"""One or several of these."""
SECTIONS: dict[str, type] = {
    "data": DataSettings,
    "model": ModelSettings,
    "objective": ObjectiveSettings,
    "train": TrainSettings,
    "export": ExportSettings,
}
MOST_VALUES = 100_000
"""Values that a configuration may expand to; macros that double others reach any number in a few lines."""
SCHEDULES: dict[str, type] = {"Constant": Constant, "Cosine": Cosine, "Geometric": Geometric, "Linear": Linear}
FORMER_NAMES = {"train.look_ahead": "train.patience"}
"""Names of settings before version 0.4 and their names now; still accepted, with a warning, until version 0.5."""


def load(files: str | Path | Iterable[str | Path], binds: Binds = ()) -> Settings:
    """Settings from gin ``files`` (paths or names of shipped ones) and bindings.

    A single file or binding needs no list. Bindings are texts such as ``"train.steps = 10"``, or names with values,
    ``{"train.steps": 10}``, schedules among them.

    Raises:
        UsageError: a file or name that does not exist, text that is not gin, a value of the wrong type, or a
            binding that nothing consumes; one line that says where and what the nearest valid name is.
    """
    return Filler(overlay(read([str(file) for file in as_list(files)]), all_bound(binds))).settings()


def with_bindings(settings: Settings, binds: Binds) -> Settings:
    """``settings`` with bindings, which win; bindings and errors as for ``load``."""
    return Filler(overlay(read_text(settings.gin(), "settings", Path(), ()), all_bound(binds))).settings()


def all_bound(binds: Binds) -> Bindings:
    """Bindings of texts, and of names with values; later ones win."""
    if isinstance(binds, str):
        return bound(binds)
    bindings: Bindings = {}
    if isinstance(binds, Mapping):
        for name, value in binds.items():
            bindings |= named(" ".join(str(name).split()), value)
        return bindings
    if not isinstance(binds, Iterable):
        fix = "give names with values, {'train.steps': 10}, or texts, 'train.steps = 10'"
        raise UsageError(f"{binds!r:.60} is not a binding", fix)
    for part in binds:
        bindings |= all_bound(part)
    return bindings


def named(name: str, value: object) -> Bindings:
    """Bindings of a name and its value; a schedule's parameters are bound in the scope of the setting's name."""
    scope, _, own = name.rpartition("/")
    selector, _, parameter = own.partition(".")
    key = Key(scope, selector, parameter)
    if not isinstance(value, tuple(SCHEDULES.values())):
        return {key: Binding(str(value) if isinstance(value, Path) else plain(value), "bind")}
    kind = type(value).__name__
    parameters = {Key(parameter, kind, item): Binding(plain(number), "bind") for item, number in vars(value).items()}
    return {key: Binding(Reference(parameter, kind), "bind"), **parameters}


class Filler:
    """Consumes bindings section by section."""

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = {current_name(key): binding for key, binding in bindings.items()}
        self.consumed: set[Key] = set()
        self.resolved = 0

    def settings(self) -> Settings:
        """The settings; UsageError for a leftover binding."""
        arguments = {name: self.section(name, kind) for name, kind in SECTIONS.items()}
        for key in self.bindings:
            if key not in self.consumed:
                raise self.unused(key)
        return Settings(**{name: kind(**arguments[name]) for name, kind in SECTIONS.items()})

    def section(self, name: str, kind: type) -> dict[str, Any]:
        """Arguments of one settings object; made only when no binding is left over, so that misspellings show."""
        fields = [f.name for f in dataclasses.fields(kind)]
        hints = typing.get_type_hints(kind)
        given = {k.parameter: k for k in self.bindings if k.selector == name and not k.scope and k.parameter}
        known = {p: self.value(given[p], hints[p]) for p in given if p in fields and p != "options"}
        if "options" not in fields:
            return known
        rest = [key for parameter, key in given.items() if parameter not in known]
        chosen = str(known.get("name", kind().name))
        return known | {"options": self.options(name, chosen, rest)}

    def options(self, section: str, name: str, keys: Iterable[Key]) -> Mapping[str, object]:
        """The options of the objective or data set called ``name``; a data set checks its own when it is loaded.

        An objective's are complete, defaults included, so that a run's configuration says what its loss was.
        """
        if section == "data":
            return {key.parameter: self.stored(key) for key in keys}
        hints, defaults = objective_parameters(name)
        given = {k.parameter: self.value(k, hints[k.parameter]) for k in keys if k.parameter in hints}
        if getattr(OBJECTIVES[name], "__module__", "").startswith("submission."):
            for option, value in given.items():
                require_not_negative(option, value)
        return defaults | given

    def stored(self, key: Key) -> object:
        """The value of an option whose type is not known yet; UsageError for one that no configuration can hold."""
        value = self.value(key, None)
        if not storable(value):
            what = f"{key} = {value!r:.80} ({self.bindings[key].origin}) is nothing that a configuration can hold"
            raise UsageError(what, "give a number, a truth value, text, or a list of these")
        return value

    def value(self, key: Key, hint: Any) -> object:
        """The value bound to ``key``, macros and references resolved, checked against the type ``hint``."""
        self.consumed.add(key)
        binding = self.bindings[key]
        value = self.resolve(binding.value, binding)
        if hint is not None and not accepts(hint, value, tuple(SCHEDULES.values())):
            raise UsageError(
                f"{key} = {value!r:.80} ({binding.origin}) has the wrong type", f"it takes {describe(hint)}"
            )
        if not finite(value):
            raise UsageError(f"{key} = {value!r:.60} ({binding.origin:.90}) is not finite", "give a finite number")
        return value

    def resolve(self, value: object, binding: Binding, above: tuple[Key, ...] = ()) -> object:
        """``value`` without macros and references; lists become tuples. ``above`` are macros being resolved."""
        self.resolved += 1
        if self.resolved > MOST_VALUES:
            what = f"the macros of this configuration ({binding.origin:.90}) expand to more than {MOST_VALUES:,} values"
            raise UsageError(what, "write shorter lists")
        if isinstance(value, Macro):
            key = self.macro(value.name, binding)
            if key in above:
                circle = " → ".join(f"%{name.selector:.40}" for name in (*above[above.index(key) :], key))
                raise UsageError(
                    f"a macro refers to itself ({binding.origin:.90}): {circle:.200}",
                    "give one of them a value",
                )
            self.consumed.add(key)
            return self.resolve(self.bindings[key].value, self.bindings[key], (*above, key))
        if isinstance(value, Reference):
            return self.schedule(value, binding)
        if isinstance(value, list | tuple):
            return tuple(self.resolve(item, binding, above) for item in value)
        return value

    def macro(self, name: str, binding: Binding) -> Key:
        """The key of the macro called ``name``; UsageError where it has no value."""
        key = Key("", name, "")
        if key in self.bindings:
            return key
        what = f"the macro %{name} ({binding.origin}) has no value"
        if "." in name:
            raise UsageError(what, "a macro's name has no dots: use e.g. " + name.replace(".", "_"))
        macros = [key.selector for key in self.bindings if not key.scope and not key.parameter]
        raise UsageError(what, did_you_mean(name, macros, f"bind {name} = …", most=1))

    def schedule(self, reference: Reference, binding: Binding) -> object:
        """The schedule that ``reference`` names, from the bindings of its scope."""
        if reference.name not in SCHEDULES:
            hint = did_you_mean(reference.name, SCHEDULES, f"choose one of {', '.join(SCHEDULES)}", most=1)
            raise UsageError(f"there is no schedule @{reference.name} ({binding.origin})", hint)
        kind = SCHEDULES[reference.name]
        hints = typing.get_type_hints(kind)
        owned = [k for k in self.bindings if (k.scope, k.selector) == (reference.scope, reference.name)]
        given = {key.parameter: self.value(key, hints[key.parameter]) for key in owned if key.parameter in hints}
        needed = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
        for parameter in needed:
            if parameter not in given:
                full = Key(reference.scope, reference.name, parameter)
                raise UsageError(f"{full} has no value (@{reference.name} in {binding.origin})", f"bind {full} = …")
        return kind(**given)

    def unused(self, key: Key) -> UsageError:
        """The error for a binding that nothing consumed."""
        what = f"nothing uses {key} ({self.bindings[key].origin})"
        names = self.valid_schedules() if key.selector in SCHEDULES else self.valid_names()
        otherwise = f"remove it, or see {invocation('train')} --list"
        return UsageError(what, did_you_mean(str(key), names, otherwise, most=1))

    def valid_names(self) -> list[str]:
        """Every name that a binding of this configuration may have."""
        names = [f"{s}.{f.name}" for s, kind in SECTIONS.items() for f in dataclasses.fields(kind)]
        objective = self.bindings.get(Key("", "objective", "name"), Binding(ObjectiveSettings().name, "")).value
        names += [f"objective.{option}" for option in objective_parameters(str(objective))[0]]
        return [name for name in [*names, *self.valid_schedules()] if not name.endswith(".options")]

    def valid_schedules(self) -> list[str]:
        """Names of the parameters of the schedules that something uses."""
        scopes = {(key.scope, key.selector) for key in self.consumed if key.selector in SCHEDULES}
        return [str(Key(s, n, f.name)) for s, n in scopes for f in dataclasses.fields(SCHEDULES[n])]


def current_name(key: Key) -> Key:
    """``key``, or its current name, with a warning, where it is one of ``FORMER_NAMES``."""
    name = FORMER_NAMES.get(str(key))
    if name is None:
        return key
    warnings.warn(f"{key} is now called {name}", FutureWarning, stacklevel=4)
    selector, _, parameter = name.partition(".")
    return Key("", selector, parameter)


def objective_parameters(name: str) -> tuple[dict[str, Any], dict[str, object]]:
    """Types and defaults of the settings of the objective called ``name``; UsageError for an unknown objective."""
    if name not in OBJECTIVES:
        hint = did_you_mean(name, OBJECTIVES, choices(OBJECTIVES), most=1)
        raise UsageError(f"unknown objective {name!r}", hint)
    factory = OBJECTIVES[name]
    hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    parameters = list(inspect.signature(factory).parameters.values())[2:]  # after the space and the data set's size
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return {p.name: hints[p.name] for p in parameters}, defaults


def default_bindings(objective: str) -> Mapping[str, str]:
    """Default values of all settings and of an objective's options, ``section.parameter`` → value as gin text."""
    return defaults_with(objective, OBJECTIVES[objective])


@functools.cache
def defaults_with(objective: str, factory: object) -> Mapping[str, str]:
    """The same, for an objective that ``factory`` makes; studies ask once for every trial."""
    options = ObjectiveSettings(objective, objective_parameters(objective)[1])
    plain = Settings(TrainSettings(epochs=1), objective=options)
    return {key: repr(value) for key, value in plain.bindings().items()}
