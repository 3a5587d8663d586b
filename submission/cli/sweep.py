"""``python -m submission sweep``: run a study, or show its status and results."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import data_root_option, within
from submission.errors import UsageError
from submission.studies.picture import KINDS

if TYPE_CHECKING:
    from submission.studies.engines import Engine
    from submission.studies.records import Record
    from submission.studies.runner import Place, Status
    from submission.studies.study import Study

SUMMARY = "Run a study (a grid of methods, data sets, settings and seeds), or show its results."
EPILOG = """examples:
  python -m submission sweep --list
  python -m submission sweep delta_vae_table2 --size smoke
  python -m submission sweep mystudy.gin --out runs/mystudy --workers 4
  python -m submission sweep status delta_vae_table2 --size desk
  python -m submission sweep table delta_vae_table2 --size desk --markdown
  python -m submission sweep figure delta_vae_table2 --size desk --file table2.svg
  python -m submission sweep figure challenge --size desk --quantities mig dci
  python -m submission sweep mystudy.gin --on ray
  python -m submission sweep mystudy.gin --on slurm --gpus 1

Each trial is a run folder. Ctrl-C stops every trial at a checkpoint; the same command continues: it skips finished
trials and repeats failed ones. docs/studies.md explains study files, and where trials run."""
ACTIONS = ("run", "status", "table", "figure", "statistics", "selection")
NAMED = 10
"""Trials that a message names at most."""
RANGES = {"cpus": (1, 1024), "gpus": (0, 1024), "retries": (0, 1_000_000)}
"""Least and greatest value of options that count something."""


@dataclass(frozen=True)
class SweepOptions:
    """The command line of ``sweep``.

    Attributes:
        action: one of ``ACTIONS``.
        study: its name or gin file.
        size: of the study; empty for the bindings without a size.
        seeds: how many, instead of the study's.
        out, records: folder of the run folders and file of the records; None for the default.
        on, workers, together, cpus, gpus: where trials run, and with what.
        device, root, isolated: of the trials.
        retries: how often a failed trial is tried again.
        against, metric: what to compare with, and what to choose by.
        markdown: whether tables are printed as Markdown.
        file: where the figure goes; None for the study's folder.
        kind, quantities: of the figure, instead of the study's.
    """

    action: str
    study: str
    size: str
    seeds: int | None
    out: Path | None
    records: Path | None
    on: str
    workers: int | None
    together: bool
    cpus: int
    gpus: float
    device: str
    root: Path | None
    isolated: bool
    retries: int
    against: str
    metric: str
    markdown: bool
    file: Path | None
    kind: str
    quantities: Sequence[str]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> SweepOptions:
        """The command line; UsageError for anything but one study, and for numbers out of range."""
        given = dict(vars(arguments))
        words = given.pop("words")
        action, *studies = words if len(words) > 1 else ["run", *words]
        if action not in ACTIONS or len(studies) != 1:
            what = f"sweep takes one study, got {' '.join(words) or 'nothing'!r}"
            raise UsageError(what, "e.g. sweep delta_vae_table2, sweep status FILE.gin")
        for name, (least, most) in RANGES.items():
            within(name, given[name], least, most)
        names = {field.name for field in fields(cls)} - {"action", "study", "root"}
        return cls(action, studies[0], root=given["data_root"], **{name: given[name] for name in names})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sweep``."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="[status|table|figure|statistics|selection] STUDY",
        help="name or gin file of a study; without an action, run it",
    )
    add("--list", action="store_true", help="list the shipped studies")
    add(
        "--size",
        default="",
        metavar="SIZE",
        help="smoke (seconds), desk (two cores), full (a GPU or cluster), or another of the study file (default: none)",
    )
    add("--out", type=Path, metavar="FOLDER", help="folder of the run folders (default: runs/STUDY-SIZE)")
    add(
        "--records", type=Path, metavar="FILE", help="file of the finished trials' records (default: OUT/records.jsonl)"
    )
    add("--seeds", type=int, metavar="N", help="seeds 0 to N - 1 (default: the study's)")
    add("--on", default="local", metavar="WHERE", help="local, ray, ray:ADDRESS or slurm (default: local)")
    add("--workers", type=int, metavar="N", help="local: number of parallel trials (default: one per core)")
    add("--together", action="store_true", help="local: train all seeds of a setting in one process (for a GPU)")
    add("--cpus", type=int, default=1, metavar="N", help="ray and slurm: cores per trial (default: 1)")
    add("--gpus", type=float, default=0, metavar="N", help="ray and slurm: GPUs per trial (default: 0)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    data_root_option(parser)
    add("--isolated", action="store_true", help="score encoders in a sandbox, on the CPU (docs/security.md)")
    add("--retries", type=int, default=2, metavar="N", help="repeat a failed trial up to N times (default: 2)")
    add("--against", default="", metavar="LABEL", help="statistics: method to compare with (default: the first)")
    add("--metric", default="mig", metavar="NAME", help="selection: metric to select by, e.g. elbo (default: mig)")
    add("--markdown", action="store_true", help="table, statistics, selection, figure: print Markdown")
    add("--file", type=Path, metavar="FILE", help="figure: .svg, .png or .pdf (default: OUT/figure.svg)")
    add("--kind", default="", choices=tuple(KINDS), help="figure: another kind than the study's (docs/studies.md)")
    add("--quantities", nargs="+", default=(), metavar="NAME", help="figure: what it shows instead, e.g. mig dci")


def run(arguments: argparse.Namespace) -> int:
    """Run, or show; 1 when trials are left that failed."""
    if arguments.list:
        return show_studies()
    options = SweepOptions.of(arguments)
    from submission.studies.runner import Place, status

    study = study_of(options)
    place = Place.of(options.out or Path("runs") / "-".join(filter(None, [study.name, study.size])), options.records)
    if options.action == "table":
        return show_table(study, place, options.markdown)
    if options.action == "figure":
        study = replace(study, figure=study.figure.drawn_as(options.kind, options.quantities))
        return show_figure(study, place, options.file or place.out / "figure.svg", options.markdown)
    if options.action == "statistics":
        return show_statistics(study, place, options.against, options.markdown)
    if options.action == "selection":
        return show_selection(study, place, options.metric, options.root, options.markdown)
    found = status(study, place) if options.action == "status" else run_study(options, study, place)
    return show_status(study, found)


def study_of(options: SweepOptions) -> Study:
    """The study, with another number of seeds where one is given."""
    from submission.studies.study import Study

    study = Study.read(options.study, options.size)
    return study if options.seeds is None else replace(study, seeds=options.seeds)


def run_study(options: SweepOptions, study: Study, place: Place) -> Status:
    """Run what is missing."""
    from submission.cli.console import Bars
    from submission.studies.runner import sweep

    engine, threads = engine_of(options, place)
    how = {"data_root": options.root, "device": options.device, "threads": threads, "isolated": options.isolated}
    return sweep(study, place, engine, retries=options.retries, together=options.together, progress=Bars(), **how)


def engine_of(options: SweepOptions, place: Place) -> tuple[Engine, int]:
    """Where the trials run, and how many threads each one gets."""
    from submission.parallel import available_cores
    from submission.studies.engines import LocalEngine, RayEngine, SlurmEngine

    where, _, address = options.on.partition(":")
    if options.on == "local":
        cores = available_cores()
        workers = (1 if options.together else cores) if options.workers is None else options.workers
        if workers < 1:
            raise UsageError(f"--workers {workers} is out of range", "use at least 1")
        return LocalEngine(workers), max(1, cores // workers)
    if where == "ray":
        return RayEngine(address, options.cpus, options.gpus, options.retries), options.cpus
    if options.on in ("slurm", "slurm:local"):
        folder = place.out / "slurm"
        resources = {"cpus_per_task": options.cpus, "gpus_per_node": whole_gpus(options.gpus)}
        return SlurmEngine(folder, address or "slurm", **resources), options.cpus
    raise UsageError(f"--on {options.on!r} is unknown", "use local, ray, ray:ADDRESS or slurm")


def whole_gpus(count: float) -> int:
    """The GPUs of a trial on SLURM; UsageError for a fraction, which only Ray can share out."""
    if count != int(count):
        raise UsageError(f"--gpus {count:g} is a fraction, and SLURM gives whole GPUs", "use 0, 1, ..., or --on ray")
    return int(count)


def show_studies() -> int:
    """One line per shipped study."""
    from submission.cli.console import say
    from submission.configuration.catalogue import summary
    from submission.configuration.studies import study_files

    known = study_files()
    width = max(map(len, known), default=0)
    for name, file in known.items():
        say(f"{name:<{width}}  {summary(file)}")
    return 0


def show_status(study: Study, found: Status) -> int:
    """Counts, the trials that are not done, and the time left; 1 where some have failed."""
    from submission.cli.console import say
    from submission.studies.runner import State

    say(f"{study.title or study.name}: {len(found.states)} trials")
    for state in State:
        if count := found.count(state):
            names = [f"{name}/seed_{seed}" for (name, seed), where in found.states.items() if where is state]
            listed = "" if state is State.DONE else f": {', '.join(names[:NAMED])}{' …' if count > NAMED else ''}"
            say(f"{state.value:>8}  {count}{listed}")
    for (name, seed), error in found.errors.items():
        say(f"{name}/seed_{seed} failed: {error}")
    if found.seconds_left:
        say(f"about {max(1, round(found.seconds_left / 60)):,} min of training left, one trial at a time")
    return 1 if found.count(State.FAILED) else 0


def show_table(study: Study, place: Place, as_markdown: bool) -> int:
    """The study's results."""
    from submission.cli.console import say
    from submission.cli.console import table as show
    from submission.studies.results import markdown, rows, table

    records, trials = records_of(study, place), len(study.trials())
    header, cells = table(rows(study, records))
    if as_markdown:
        say(markdown(header, cells).rstrip("\n"))
        return 0
    show(study.title or study.name, header, cells)
    if len(records) < trials:
        say(f"{trials - len(records)} of {trials} trials are not finished; `sweep status` says why.")
    if study.source:
        say(f"(paper …): {study.source}. ▼: worse than the paper by more than its deviation.")
    return 0


def show_figure(study: Study, place: Place, file: Path, as_markdown: bool) -> int:
    """Draw the study's figure, and print its path, or the line that shows it in a page of Markdown."""
    from submission.cli.console import say
    from submission.studies.figures import save_figure

    text = save_figure(study, records_of(study, place), file)
    target = f"<{file}>" if re.search(r"[\s()]", str(file)) else file
    say(f"![{text}]({target})" if as_markdown else f"figure: {file}")
    return 0


def show_statistics(study: Study, place: Place, against: str, as_markdown: bool) -> int:
    """Every method against one of them."""
    from submission.studies.results import comparison_table, comparisons

    found = comparisons(study, records_of(study, place), against)
    title = f"against {' and '.join(dict.fromkeys(item.reference for item in found))}"
    nothing = "nothing to compare: two methods need two finished seeds in common"
    return show_cells(study, title, comparison_table(found), as_markdown, nothing)


def show_selection(study: Study, place: Place, metric: str, root: Path | None, as_markdown: bool) -> int:
    """A setting of every method's grid by each rule."""
    from submission.cli.console import Bars
    from submission.studies.selection import selection_table, selections

    found = selections(study, records_of(study, place), metric, place.out, root, Bars())
    nothing = "nothing to select: no method has two finished settings"
    return show_cells(study, "one setting of each grid", selection_table(found, metric), as_markdown, nothing)


def show_cells(
    study: Study, title: str, table: tuple[list[str], list[list[str]]], as_markdown: bool, nothing: str
) -> int:
    """A study's header and cells as a table or as Markdown; ``nothing`` where there are no cells."""
    from submission.cli.console import say
    from submission.cli.console import table as show
    from submission.studies.results import markdown

    header, cells = table
    if as_markdown:
        say(markdown(header, cells).rstrip("\n"))
    elif cells:
        show(f"{study.title or study.name}, {title}", header, cells)
    else:
        say(nothing)
    return 0


def records_of(study: Study, place: Place) -> list[Record]:
    """The records of the study's finished trials."""
    names = {(trial.name, trial.seed) for trial in study.trials()}
    return [record for key, record in place.done(study.trials()).items() if key in names]
