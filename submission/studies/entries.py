"""Score files of runs, and of named representations, as entries of a table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from submission.data.reading import listed
from submission.errors import SubmissionError, UsageError, invocation
from submission.parallel import map_in_processes
from submission.run import Run, ScoreFile
from submission.run.methods import label, method_folder, method_key
from submission.run.naming import SettingsMap, identity, name_methods, read_settings
from submission.run.places import folders_below


@dataclass(frozen=True)
class Entry:
    """One evaluated representation, on one data set and by one protocol.

    Attributes:
        run: the run folder, or the folder or file of a named representation's scores.
        dataset: the data set that it was scored on.
        protocol: how it was scored; only entries of one protocol can be compared.
        scores: metric → its first score.
        seed: its training seed; None for what is not a run.
        protocol_seeds: seeds of the protocol behind the scores; several tuples where score files differ in them.
        name: what its owner calls it; empty for runs, which are named by their settings.
        settings: of the run.
        lower: metrics of which less is better.
        key: what the repetitions of a run's method have in common; None for what is not a run.
        method: what repetitions share (``with_methods``).
        images: checksum of the images that the run was trained on; empty where it is unknown.
        label: what the folder of the run's method calls it; empty where it does not.
    """

    run: str
    dataset: str
    protocol: str
    scores: Mapping[str, float]
    seed: int | None = None
    protocol_seeds: tuple[tuple[int, ...], ...] = ()
    name: str = ""
    settings: SettingsMap = field(default_factory=dict)
    lower: frozenset[str] = frozenset()
    key: Hashable = None
    method: str = ""
    images: str = ""
    label: str = ""


@dataclass(frozen=True)
class Collection:
    """What was found in several places.

    Attributes:
        entries: in the order in which they were found.
        stale: score files that are not used, because the run has since been exported anew.
        unreadable: one line for each score file or run that cannot be read.
    """

    entries: tuple[Entry, ...]
    stale: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()

    def chosen(self, dataset: str = "", protocol: str = "") -> list[Entry]:
        """Entries of one data set (all where it is empty) and protocol, with their methods named."""
        found = [e for e in self.entries if dataset in ("", e.dataset) and protocol in ("", e.protocol)]
        return with_methods(found)

    def cautions(self) -> list[str]:
        """Lines about what was left out, and how to mend it."""
        runs = dict.fromkeys(str(path.parents[1]) for path in self.stale)
        lines = [
            f"{run}: its scores are those of an earlier model and are not used; run: {invocation('evaluate', run)}"
            for run in runs
        ]
        return lines + [f"left out: {line}" for line in self.unreadable]


def collect(places: Iterable[Path | ScoreFile], workers: int = 1) -> Collection:
    """Entries of every place: a run folder, a folder of them at any depth, a score file, or scores in memory.

    Args:
        places: where to look.
        workers: processes that read where there are hundreds of runs; more than one only for a program with
            ``if __name__ == "__main__":``.

    Raises:
        SubmissionError: a place does not exist.
        UsageError: a run was given twice, by whatever name.
    """
    entries: dict[tuple[str, str, str], Entry] = {}
    stale: list[Path] = []
    unreadable: list[str] = []
    given = list(places)
    sources = [source for place in given if isinstance(place, Path) for source in sources_in(place)]
    require_distinct(sources)
    for found in map_in_processes(collect_one, sources, workers):
        stale += found.stale
        unreadable += found.unreadable
        for entry in found.entries:
            key = (entry.run, entry.dataset, entry.protocol)
            entries[key] = joined(entries[key], entry) if key in entries else entry
    in_memory = [scores_entry(place, n) for n, place in enumerate(given, start=1) if isinstance(place, ScoreFile)]
    return Collection((*entries.values(), *in_memory), tuple(stale), tuple(unreadable))


def collect_one(source: Path) -> Collection:
    """Entries of a run folder or score file, one for each file that can be read, oldest first."""
    entries: list[Entry] = []
    stale: list[Path] = []
    unreadable: list[str] = []
    try:
        files, own = score_files(source), Scored.of(owner(source))
    except SubmissionError as error:
        return Collection((), (), (error.what,))
    for file in files:
        try:
            record = ScoreFile.read(file)
            if own.run and record.is_stale(own.run.exported_file):
                stale.append(file)
            else:
                entries.append(
                    (own if own.run else Scored.by(record)).entry(record, str(source.resolve()), source.stem)
                )
        except SubmissionError as error:
            unreadable.append(error.what)
    return Collection(tuple(entries), tuple(stale), tuple(unreadable))


def scores_entry(record: ScoreFile, number: int) -> Entry:
    """The entry of scores in memory, which were given as the ``number``-th; those of one name are one method."""
    scored = Scored.by(record)
    entry = scored.entry(record, "", record.label)
    return replace(entry, run=f"{scored.run.path if scored.run else entry.name} ({number})")


@dataclass(frozen=True)
class Scored:
    """What scores are of.

    Attributes:
        run: the run whose export was scored; None for what is not a run.
        settings, seed: of the run.
        key, images, label: see ``Entry``.
    """

    run: Run | None = None
    settings: SettingsMap = field(default_factory=dict)
    seed: int | None = None
    key: Hashable = None
    images: str = ""
    label: str = ""

    @classmethod
    def of(cls, run: Run | None) -> Scored:
        """A run; SubmissionError where its files are damaged."""
        if run is None:
            return cls()
        settings, meta = read_settings(run.config_text), run.meta
        name = label(method_folder(run))
        return cls(run, settings, meta.seed, method_key(run, settings), meta.dataset.checksum, name)

    @classmethod
    def by(cls, record: ScoreFile) -> Scored:
        """What a score file names: a run, if it is where it was, has not been exported anew, and was given no name."""
        file = Path(record.representation.file)
        run = Run(file.parent.parent)
        found = not record.name and run.exported_file == file and run.meta_file.is_file() and not record.is_stale(file)
        return cls.of(run if found else None)

    def entry(self, record: ScoreFile, place: str, otherwise: str) -> Entry:
        """The entry of ``record`` in the folder or file ``place``; ``otherwise`` names what has no name and no file."""
        name = record.name or ("" if self.run else record.representation.file or otherwise)
        data, scores = record.data.name, record.headlines()
        lower = frozenset(metric for metric in scores if not record.metrics[metric].higher_is_better)
        about = (self.seed, (record.seeds,), name, self.settings, lower, self.key)
        return Entry(place, data, record.protocol, scores, *about, images=self.images, label=self.label)


def owner(source: Path) -> Run | None:
    """The run in a folder; None for other places."""
    run = Run(source)
    return run if source.is_dir() and run.meta_file.is_file() else None


def score_files(source: Path) -> list[Path]:
    """Score files of a folder, oldest first, or the file itself; SubmissionError where the folder has links outside."""
    run = Run(source)
    if not source.is_dir():
        return [source]
    (run if run.meta_file.is_file() else Run(run.scores_folder)).require_plain()
    return run.score_paths()


def sources_in(place: Path) -> Iterator[Path]:
    """Folders with scores in ``place``, or ``place`` itself where it is a score file."""
    if place.is_file():
        yield place
        return
    if not place.is_dir():
        raise SubmissionError(f"{place} does not exist", "name run folders, a folder of them, or score files")
    for folder, folders, files in folders_below(place):
        if "meta.json" in files:
            yield folder
            folders.clear()
        elif "scores" in folders:  # those of a named representation; runs may lie beside them
            yield folder
            folders.remove("scores")


def require_distinct(sources: Sequence[Path]) -> None:
    """UsageError where a run folder or file was given twice, by whatever name."""
    seen: set[str] = set()
    for source in sources:
        real = os.path.realpath(source)
        if real in seen:
            raise UsageError(f"{source} was given twice", "name each run once")
        seen.add(real)


def joined(older: Entry, newer: Entry) -> Entry:
    """One entry from two score files of one data set and protocol: all their metrics, the newer file's first."""
    kept = [seeds for seeds in older.protocol_seeds if set(older.scores) - set(newer.scores)]
    seeds = tuple(dict.fromkeys([*kept, *newer.protocol_seeds]))
    scores, lower = {**older.scores, **newer.scores}, older.lower | newer.lower
    return replace(newer, scores=scores, lower=lower, protocol_seeds=seeds)


def with_methods(entries: Sequence[Entry]) -> list[Entry]:
    """``entries`` with their methods: the given name, the study's, or what tells a run's settings from the others'."""
    methods: dict[Hashable, Entry] = {}
    for entry in entries:
        if not entry.name:
            methods.setdefault(entry.key, entry)
    settings = list(map(str, name_methods([entry.settings for entry in methods.values()])))
    labels = [entry.label or name for entry, name in zip(methods.values(), settings, strict=True)]
    named = [label if labels.count(label) == 1 else name for label, name in zip(labels, settings, strict=True)]
    names = dict(zip(methods, named if len(set(named)) == len(named) else settings, strict=True))
    return [replace(entry, method=entry.name or names[entry.key]) for entry in entries]


def seed_cautions(entries: Sequence[Entry]) -> list[str]:
    """What a reader must know about the seeds of training and of the protocol, and about images of one name."""
    found = (repeated_seeds(entries), protocol_seeds(entries), images_of_one_name(entries))
    return [caution for caution in found if caution]


def images_of_one_name(entries: Sequence[Entry]) -> str:
    """A caution where runs of one configuration were trained on different images, else nothing."""
    seen: dict[tuple[str, Hashable], set[str]] = {}
    for entry in entries:
        if entry.images:
            seen.setdefault((entry.method, identity(entry.settings)), set()).add(entry.images)
    mixed = list(dict.fromkeys(method for (method, _), images in seen.items() if len(images) > 1))
    fix = "give data sets in memory different names"
    return f"runs of {listed(mixed)} were trained on different images of one name: {fix}" if mixed else ""


def repeated_seeds(entries: Sequence[Entry]) -> str:
    """A caution where runs of one method have one training seed, as copies of a run do, else nothing."""
    counts = Counter((entry.method, entry.seed) for entry in entries if entry.seed is not None)
    equal = [f"seed {seed} of {method}" for (method, seed), count in counts.items() if count > 1]
    return f"several runs have one method and seed, and count as so many seeds: {listed(equal)}" if equal else ""


def protocol_seeds(entries: Sequence[Entry]) -> str:
    """A caution where scores were made with different seeds of the protocol, else nothing."""
    seeds = sorted({own for entry in entries for own in entry.protocol_seeds})
    if len(seeds) < 2:
        return ""
    spans = [f"{own[0]} to {own[-1]}" if len(own) > 1 else "".join(map(str, own)) or "unknown" for own in seeds]
    return f"scores were made with different seeds of the protocol ({', '.join(spans)}): evaluate the runs alike"
