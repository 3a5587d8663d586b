"""Readable names for methods and settings: what a run is called is its method and the settings that differ.

``name_methods`` takes the settings of several runs and gives each a name such as ``β-VAE, β = 4``. Runs that differ in
nothing but their seed get equal names, all others different ones.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SettingsMap = Mapping[str, object]
"""``section.parameter`` → value, e.g. ``{"objective.beta": 4.0}``, as ``Settings.bindings()`` gives it."""

IGNORED = ("train.seed", "train.log_every", "train.checkpoint_every", "train.tensorboard")
"""Settings that do not make another method: repetitions differ in them, or results do not depend on them."""

SYMBOLS = {
    "objective.beta": "β",
    "objective.gamma": "γ",
    "objective.alpha": "α",
    "objective.capacity": "C",
    "objective.free": "free nats",
    "objective.factor_betas": "β per factor",
    "model.space": "",
    "data.name": "",
    "data.order": "N",
    "data.discount": "γ",
    "train.held_out": "held-out images",
}
"""How a table calls a setting; the value alone where the symbol is empty. Other settings keep their own name."""

OBJECTIVES = {
    "beta_vae": ("{}VAE", "β-"),
    "capacity": ("annealed {}VAE", ""),
    "annealed_vae": ("annealed {}VAE", ""),
    "capacity_tc": ("annealed {}TCVAE", ""),
    "free_bits": ("free-bits {}VAE", ""),
    "beta_tcvae": ("{}TCVAE", "β-"),
    "factor_vae": ("{}FactorVAE", ""),
    "dip_vae": ("{}DIP-VAE", ""),
    "dip_vae_i": ("{}DIP-VAE-I", ""),
    "dip_vae_ii": ("{}DIP-VAE-II", ""),
}
"""Objective → method on any space, and what precedes it on Gaussian latents."""

SEPARATELY_NAMED = ("objective.name",)
"""Settings that the name of the method already says."""
GAUSSIAN = re.compile(r"R\^\d+(\([^()]*\))?")
HYPERSPHERICAL = re.compile(r"posterior\s*=\s*(vmf|power_spherical)\b")


class Schedule(NamedTuple):
    """A value that changes during training: the schedule's class and its parameters."""

    kind: str
    parameters: tuple[tuple[str, object], ...]

    def __str__(self) -> str:
        named = dict(self.parameters)
        if self.kind == "Constant":
            return shown(named.get("value"))
        if self.kind != "Linear" or not {"start", "stop"} <= named.keys():
            return f"{self.kind}({', '.join(f'{key}={shown(value)}' for key, value in self.parameters)})"
        length = f" in {named['steps']:,} updates" if named.get("steps") else ""
        if not length and named.get("fraction", 1.0) != 1.0:
            length = f" over {shown(named['fraction'])} of the run"
        return f"{shown(named['start'])} to {shown(named['stop'])}{length}"


@dataclass(frozen=True)
class MethodName:
    """The name of one run's method among others.

    Attributes:
        method: e.g. ``β-VAE``.
        settings: name and value of each setting in which this run's method differs from others of that name; the name
            is empty where the value speaks for itself, e.g. ``S^10``.
        number: 2, 3, … where names alone would be equal, else 1.
    """

    method: str
    settings: tuple[tuple[str, str], ...] = ()
    number: int = 1

    @property
    def differences(self) -> str:
        """The settings alone, e.g. ``β = 4, batch size = 64``; empty where nothing differs."""
        return ", ".join(f"{name} = {value}" if name else value for name, value in self.settings)

    def __str__(self) -> str:
        label = ", ".join(filter(None, (self.method, self.differences)))
        return label if self.number == 1 else f"{label} [{self.number}]"


def name_methods(runs: Sequence[SettingsMap], ignored: Collection[str] = IGNORED) -> list[MethodName]:
    """A name for each of several runs, in their order.

    Args:
        runs: the settings of each run.
        ignored: settings that do not make another method.

    >>> runs = [{"objective.name": "beta_vae", "objective.beta": beta, "train.seed": 0} for beta in (1.0, 4.0)]
    >>> [str(name) for name in name_methods(runs)]
    ['β-VAE, β = 1', 'β-VAE, β = 4']
    """
    identities = [identity(run, ignored) for run in runs]
    methods = {own: method_name(dict(own)) for own in identities}
    names: dict[Identity, MethodName] = {}
    for method in dict.fromkeys(methods.values()):
        group = [dict(own) for own, other in methods.items() if other == method]
        differing = differing_settings(group)
        titles = setting_titles(differing)
        for settings in group:
            found = tuple((titles[key], shown(settings[key])) for key in differing if key in settings)
            names[tuple(settings.items())] = MethodName(method, found)
    unique = numbered(names)
    return [unique[own] for own in identities]


Identity = tuple[tuple[str, object], ...]


def identity(settings: SettingsMap, ignored: Collection[str] = IGNORED) -> Identity:
    """What two runs of one method have in common: every setting that is not ignored, hashable and in fixed order."""
    return tuple(sorted((key, frozen(value)) for key, value in settings.items() if key not in ignored))


def frozen(value: object) -> object:
    """``value`` in a hashable form that is equal for equal settings, however they were read."""
    if isinstance(value, list | tuple) and not isinstance(value, Schedule):
        return tuple(map(frozen, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return Schedule(type(value).__name__, tuple(own))
    return str(value) if isinstance(value, Mapping | set) else value


def differing_settings(group: Sequence[SettingsMap]) -> list[str]:
    """Names of the settings in which runs differ, objective and space first."""
    order = ("model.space", "objective", "model", "data", "train", "export")
    keys = dict.fromkeys(key for settings in group for key in settings if key not in SEPARATELY_NAMED)
    different = [key for key in keys if len({(key in run, run.get(key)) for run in group}) > 1]
    return sorted(different, key=lambda key: next((i for i, start in enumerate(order) if key.startswith(start)), 9))


def setting_titles(keys: Sequence[str]) -> dict[str, str]:
    """How to call each setting; the full name where two would be called alike."""
    titles = {key: SYMBOLS.get(key, key.partition(".")[2].replace("_", " ") or key) for key in keys}
    return {key: key if title and list(titles.values()).count(title) > 1 else title for key, title in titles.items()}


def numbered(names: Mapping[Identity, MethodName]) -> dict[Identity, MethodName]:
    """The same names, with a number where different settings would read alike (True and 1, say)."""
    seen: dict[str, int] = {}
    found = {}
    for own, name in names.items():
        seen[str(name)] = seen.get(str(name), 0) + 1
        found[own] = dataclasses.replace(name, number=seen[str(name)])
    return found


def method_name(settings: SettingsMap) -> str:
    """The method that an objective on a latent space is known as.

    >>> method_name({"objective.name": "beta_vae", "model.space": "S^10"})
    'ΔVAE'
    >>> method_name({"objective.name": "beta_tcvae", "model.space": "ISA(5x4; p0=2.1, p=2.2)"})
    'ISA-TCVAE'
    """
    objective = str(settings.get("objective.name", "beta_vae"))
    prefix = space_prefix(str(settings.get("model.space", "R^10")))
    if objective not in OBJECTIVES:
        return objective if not prefix else f"{objective} ({prefix.rstrip('-')}VAE)"
    pattern, gaussian = OBJECTIVES[objective]
    return pattern.format(prefix or gaussian)


def space_prefix(spec: str) -> str:
    """``Δ`` for manifolds with Brownian posteriors, ``S-`` for von Mises–Fisher ones, ``ISA-``; empty for Gaussian."""
    if "ISA(" in spec:
        return "ISA-"
    if all(GAUSSIAN.fullmatch(factor.strip()) for factor in re.split(r"\sx\s", spec)):
        return ""
    return "S-" if HYPERSPHERICAL.search(spec) else "Δ"


def shown(value: object) -> str:
    """A value as a table shows it: every digit of a number, no quotes around text.

    >>> shown(4.0), shown((1.0, 2.5)), shown("mlp")
    ('4', '(1, 2.5)', 'mlp')
    """
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, tuple) and not isinstance(value, Schedule):
        return f"({', '.join(map(shown, value))})"
    return str(value) if value != "" else "none"


BINDING = re.compile(r"([\w./]+) = (.*)")
REFERENCE = re.compile(r"@(\w+)/(\w+)\(\)")


def read_settings(text: str) -> dict[str, object]:
    """Settings from a run's operative configuration, which has one ``key = value`` per line.

    A value that is not plain data stays text, so that any file has settings and equal files have equal ones.
    """
    matches = [match for line in text.splitlines() if (match := BINDING.fullmatch(line.strip()))]
    lines: dict[str, str] = {match[1]: match[2] for match in matches}
    own = {key: literal(value) for key, value in lines.items()}
    return {key: referenced(value, own) for key, value in own.items() if "/" not in key}


@functools.lru_cache(maxsize=4096)
def literal(text: str) -> object:
    """The plain value that ``text`` stands for, or the text itself."""
    try:
        return frozen(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text


def referenced(value: object, settings: SettingsMap) -> object:
    """The schedule that ``@scope/Kind()`` stands for; any other value as it is."""
    found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    start = f"{found[1]}/{found[2]}."
    own = [(key.removeprefix(start), other) for key, other in settings.items() if key.startswith(start)]
    return Schedule(found[2], tuple(own))
