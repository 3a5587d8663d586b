"""A study: a grid of methods, data sets, settings and seeds, and the trials that it consists of."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from submission.configuration import load
from submission.configuration.fill import Bind, Binds, default_bindings
from submission.configuration.settings import SEED, ObjectiveSettings, Settings, bindings_of
from submission.configuration.studies import find_study, read_study
from submission.data.registry import require_options
from submission.errors import UsageError, did_you_mean
from submission.evaluation.plan import PRESETS
from submission.metrics.registry import REGISTRY, registered
from submission.plugins import choices
from submission.studies.fields import as_tuple, fields_of, fields_of_part, settle
from submission.studies.measures import MEASURES
from submission.studies.picture import Picture

LONGEST_NAME, LONGEST_BYTES = 80, 240
"""Letters and bytes of a trial's name before its digest: file systems take 255 bytes."""
FIRST = "first"
"""Folder, inside a trial's, of the run from whose weights the trial starts."""


@dataclass(frozen=True)
class Method:
    """One method of a study.

    Attributes:
        config: configuration names, joined by ``+``.
        label: what tables and folders call it; the configuration's name by default.
        grid: setting → values to try, in addition to the study's grid.
        bind: bindings of this method alone: gin texts, or names with values.
        first: bindings of a training before the trial's own, from whose weights the trial starts; none for no such.
    """

    config: str
    label: str = ""
    grid: Mapping[str, Sequence[object]] = field(default_factory=dict)
    bind: Sequence[Bind] = ()
    first: Sequence[Bind] = ()

    def __post_init__(self) -> None:
        settle(self, "method", label=self.label or str(self.config).rpartition("/")[2])

    @property
    def labelled(self) -> bool:
        """Whether the label was given, rather than taken from the configuration's name."""
        return self.label != self.config.rpartition("/")[2]

    @classmethod
    def of(cls, value: object, where: str = "study.methods") -> Method:
        """From a configuration's name, or a dictionary of these attributes; UsageError, with ``where``, for others."""
        found = fields_of_part(cls, value, where, "config")
        if "config" not in found:
            raise UsageError(f"{where} = {value!r:.80} has no config", "name a configuration, e.g. 'demo'")
        return cls(**found)


@dataclass(frozen=True)
class Trial:
    """One training run of a study, with what is measured afterwards.

    Attributes:
        method: the method's label.
        choices: setting → value, as far as the grid chose it.
        settings: of the run.
        seeded: settings besides ``train.seed`` that take the seed's value.
        first: settings of the training from whose weights the run starts; None for random weights.
    """

    method: str
    choices: Mapping[str, object]
    settings: Settings
    seeded: tuple[str, ...] = ()
    first: Settings | None = None

    @property
    def seed(self) -> int:
        """Training seed."""
        return self.settings.train.seed

    @functools.cached_property
    def bindings(self) -> dict[str, str]:
        """The operative configuration without what the seed decides, ``section.parameter`` → value as gin text.

        ``first.section.parameter`` is a setting in which the first training differs.
        """
        own = bindings_of(self.settings.gin())
        before = bindings_of(self.first.gin()) if self.first else own
        found = own | {f"first.{key}": value for key, value in before.items() if own.get(key) != value}
        return {key: value for key, value in found.items() if key.removeprefix("first.") not in (*self.seeded, SEED)}

    @functools.cached_property
    def digest(self) -> str:
        """Eight hex digits of the bindings that differ from the defaults: new options do not rename old trials."""
        plain = {**default_bindings(self.settings.objective.name), "objective.name": repr(ObjectiveSettings.name)}
        changed = sorted(f"{key} = {value}" for key, value in self.bindings.items() if plain.get(key) != value)
        return hashlib.sha256("\n".join(changed).encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """Method, choices and digest: what trials of different seeds share, fit for a folder that is not hidden."""
        parts = [self.method, *(f"{key.rpartition('.')[2]}={value}" for key, value in self.choices.items())]
        readable = "-".join(re.sub(r"[^\w.=+]+", "_", part).strip("_") for part in parts).lstrip(".")
        start = readable[:LONGEST_NAME].encode()[:LONGEST_BYTES].decode(errors="ignore")
        return f"{start}-{self.digest}"

    def with_seed(self, seed: int) -> Trial:
        """The same trial with another seed."""
        settings, first = self.settings, self.first
        for key in (SEED, *self.seeded):
            settings = with_value(settings, key, seed)
            first = with_value(first, key, seed) if first else None
        return dataclasses.replace(self, settings=settings, first=first)

    def folder(self, out: Path) -> Path:
        """Its run folder inside the folder of the study."""
        return out / self.name / f"seed_{self.seed}"

    def gin(self, out: Path) -> str:
        """The configuration of its run inside the folder of the study, which names the run that it starts from."""
        start = str(self.folder(out).resolve() / FIRST) if self.first else ""
        return (with_value(self.settings, "train.init_from", start) if start else self.settings).gin()


@dataclass(frozen=True)
class Study:
    """A grid of trials; ``gin/studies`` has those of the papers.

    Attributes:
        name: short, used for folders.
        title: one line.
        size: which of the study's sizes this is; empty where it has one only.
        methods: what is compared.
        data: gin overlays or data set names, one per data set; empty for the methods' own.
        grid: setting → values to try, for every method.
        bind: bindings of every trial: gin texts, or names with values.
        seeds: training seeds 0 to ``seeds`` − 1.
        seeded: further settings that take the value of the training seed, e.g. ``data.seed``.
        evaluate: preset of the disentanglement scores; empty for none.
        metrics: names of metrics instead of the preset's.
        baselines: whether an untrained encoder is scored as well; its scores are called ``NAME, untrained``.
        measures: names in ``submission.studies.measures.MEASURES``.
        likelihood: importance samples per image; 0 for no likelihood.
        images: at most so many held-out images for the likelihood.
        published: a row's label, or in a study of one data set a method's, → quantity → (mean, deviation) printed in
            the paper; a deviation of None where it prints none.
        source: where the published numbers stand.
        units: quantity → (factor, summand) that bring its values to the paper's units, for tables.
        titles: quantity → what tables and figures call it, e.g. with the paper's unit.
        figure: what its figure shows.
    """

    name: str
    title: str = ""
    size: str = ""
    methods: tuple[Method, ...] = ()
    data: tuple[str, ...] = ()
    grid: Mapping[str, Sequence[object]] = field(default_factory=dict)
    bind: tuple[Bind, ...] = ()
    seeds: int = 5
    seeded: tuple[str, ...] = ()
    evaluate: str = ""
    metrics: tuple[str, ...] = ()
    baselines: bool = False
    measures: tuple[str, ...] = ()
    likelihood: int = 0
    images: int = 10_000
    published: Mapping[str, Mapping[str, tuple[float, float | None]]] = field(default_factory=dict)
    source: str = ""
    units: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    figure: Picture = field(default_factory=Picture)

    def __post_init__(self) -> None:
        methods = [method if isinstance(method, Method) else Method.of(method) for method in as_tuple(self.methods)]
        settle(self, f"study {self.name!r}: study", methods=methods)
        if not self.methods:
            raise UsageError(f"study {self.name!r} has no methods", "set study.methods = [...]")
        if self.seeds < 1 or self.likelihood < 0 or self.images < 1:
            raise UsageError(
                f"study {self.name!r}: seeds = {self.seeds}, likelihood = {self.likelihood}, images = {self.images}",
                "give at least one seed and image, and no negative number of samples",
            )
        self.require_known("measures", self.measures, MEASURES)
        self.require_known("metrics", [registered(name) for name in self.metrics], REGISTRY, choices(REGISTRY))
        self.require_known("evaluate", [self.evaluate] if self.evaluate else [], PRESETS)
        if (self.metrics or self.baselines) and not self.evaluate:
            what = f"study {self.name!r} has metrics or baselines, but computes no scores"
            raise UsageError(what, "set study.evaluate, e.g. to 'fast'")

    def require_known(self, key: str, names: Collection[str], known: Collection[str], fix: str = "") -> None:
        """UsageError, with ``fix``, where the setting ``key`` has a name that is not one of those ``known``."""
        for name in names:
            if name not in known:
                fix = did_you_mean(name, known, fix or f"choose from {', '.join(known)}")
                raise UsageError(f"study {self.name!r}: {name!r} in study.{key} is unknown", fix)

    @classmethod
    def read(cls, name: str, size: str = "") -> Study:
        """The study in a gin file, or a shipped one by name; UsageError where it is not one."""
        title, values = read_study(name, size)
        where = f"{name}: study"
        listed = enumerate(as_tuple(values.pop("methods", ())))
        methods = tuple(Method.of(value, f"{where}.methods[{number}]") for number, value in listed)
        figure = Picture.of(values.pop("figure", {}), f"{where}.figure")
        own = {"name": find_study(name).stem, "title": title.rstrip("."), "size": size, **fields_of(cls, values, where)}
        return cls(**own, methods=methods, figure=figure)

    def trials(self) -> tuple[Trial, ...]:
        """All trials, each seed's before the next seed's, so that an unfinished study is balanced.

        Raises:
            UsageError: a binding that does not fit, or two trials with one configuration.
        """
        return self._trials

    @functools.cached_property
    def _trials(self) -> tuple[Trial, ...]:
        """What ``trials`` returns: every table and every figure asks for them again."""
        cells = [self.trial(*cell) for method in self.methods for cell in self.cells(method)]
        names = Counter(trial.name for trial in cells)
        if twice := [name for name, count in names.items() if count > 1]:
            raise UsageError(f"study {self.name!r} has trial {twice[0]} twice", "remove one of the equal methods")
        return tuple(trial.with_seed(seed) for seed in range(self.seeds) for trial in cells)

    def data_of(self, trial: Trial) -> str:
        """The data set of a trial, in a study of several; else empty."""
        return str(trial.choices["data"]) if len(self.data) > 1 else ""

    def cells(self, method: Method) -> list[tuple[Method, str, dict[str, object]]]:
        """Method, data set and grid choices of every trial of ``method`` but for the seed.

        Raises:
            UsageError: the grid has no values for a setting, or has values for one that the seed decides.
        """
        grid = {key: as_tuple(values) for key, values in {**self.grid, **method.grid}.items()}
        if empty := [key for key, values in grid.items() if not values]:
            raise UsageError(f"study {self.name!r}: the grid has no values for {empty[0]}", "give at least one")
        if seeded := [key for key in grid if key in (SEED, *self.seeded)]:
            fix = "leave it out of the grid: study.seeds says how many seeds each setting has"
            raise UsageError(f"study {self.name!r}: {seeded[0]} in the grid is what the seed decides", fix)
        choices = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
        return [(method, data, choice) for data in self.data or ("",) for choice in choices]

    def trial(self, method: Method, data: str, choice: Mapping[str, object]) -> Trial:
        """The first seed's trial of one cell; UsageError where its configuration is not valid."""
        files = method.config.split("+")
        binds: list[Binds] = [self.bind, method.bind]
        if data.startswith("data/") or data.endswith(".gin"):
            files.append(data)
        elif data:
            binds.append({"data.name": data})
        binds += [choice, dict.fromkeys((*self.seeded, SEED), 0)]
        where = f"study {self.name!r}, method {method.label!r}"
        settings = loaded(files, binds, where)
        first = loaded(files, [*binds, method.first], where) if method.first else None
        shown = {**({"data": data.removeprefix("data/").removesuffix(".gin")} if data else {}), **choice}
        return Trial(method.label, shown, settings, self.seeded, first)


def loaded(files: Sequence[str], binds: Binds, where: str) -> Settings:
    """``load``; UsageError, too, where there is no such data set or it does not take its options, with ``where``."""
    try:
        settings = load(files, binds)
        require_options(settings.data.name, settings.data.options)
    except UsageError as error:
        raise UsageError(f"{where}: {error.what}", error.fix) from error
    return settings


def with_value(settings: Settings, key: str, value: object) -> Settings:
    """``settings`` with another value of ``section.parameter``, which may be an option of the data or the objective."""
    section, _, name = key.partition(".")
    old = getattr(settings, section)
    known = {item.name for item in dataclasses.fields(old)}
    change = {name: value} if name in known else {"options": {**old.options, name: value}}
    return dataclasses.replace(settings, **{section: dataclasses.replace(old, **change)})
