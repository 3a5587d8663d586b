"""``python -m submission data``: list, download, verify and show data sets."""

from __future__ import annotations

import argparse
import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.cli import console
from submission.cli.switches import data_root_option, seed_within, unpickling_option
from submission.errors import SubmissionError, UsageError

if TYPE_CHECKING:
    from submission.data import ImageDataset
    from submission.data.sources import Source

SUMMARY = "List, download, verify and show data sets."
EPILOG = """examples:
  python -m submission data list
  python -m submission data info mpi3d_toy
  python -m submission data download shapes3d --data-root ~/data
  python -m submission data verify
  python -m submission data show turntable --option color=True --out turntable.png
  python -m submission data show ./my_pictures

Files are read from --data-root, else $DISENTANGLEMENT_LIB_DATA, else ./data."""


@dataclass(frozen=True)
class DataCommand:
    """The options of ``data``.

    Attributes:
        names: the data sets; empty for all.
        named_root: ``--data-root``, None where it is not given.
        accept: an md5 that is accepted instead of the published one.
        out: the PNG to write, None for NAME.png.
        seed: of the image from which the traversals start.
        options: the data set's own options.
    """

    names: tuple[str, ...]
    named_root: Path | None
    accept: str
    out: Path | None
    seed: int
    options: dict[str, Any]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> DataCommand:
        """The command line, checked; an action has some of these options."""
        given = vars(arguments)
        names = [given["name"]] if "name" in given else given.get("names", [])
        options = dict(parsed_option(text) for text in given.get("option", []))
        seed_within(given.get("seed", 0))
        return cls(
            tuple(names), given["data_root"], given.get("accept", ""), given.get("out"), given.get("seed", 0), options
        )

    @property
    def name(self) -> str:
        """The data set."""
        return self.names[0]

    @property
    def root(self) -> Path:
        """The folder of the data files."""
        from submission.data import data_root

        return data_root(self.named_root)

    def load(self) -> ImageDataset:
        """The data set, loaded."""
        from submission.data import load_with_options

        return load_with_options(self.name, self.named_root, console.Bars(), self.options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action and its names."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = {name: actions.add_parser(name, help=text, description=text) for name, (text, _) in ACTIONS.items()}
    for action in add.values():
        data_root_option(action, "--root")
    for name in ("info", "show"):
        add[name].add_argument("name", metavar="NAME", help="a data set's name, or the path of your own data")
    add["download"].add_argument("name", metavar="NAME", help="a data set's name")
    add["verify"].add_argument("names", metavar="NAME", nargs="*", help="data sets (default: all whose files exist)")
    add["download"].add_argument("--accept", default="", metavar="MD5", help="also accept a file with this hash")
    add["show"].add_argument("--out", type=Path, metavar="FILE", help="PNG to write (default: NAME.png)")
    add["show"].add_argument("--seed", type=int, default=0, help="seed for choosing the start image (default: 0)")
    for name in ("info", "show"):
        unpickling_option(add[name])
        add[name].add_argument(
            "--option",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="option of the data set; `data info` lists them",
        )


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    ACTIONS[arguments.action][1](DataCommand.of(arguments))
    return 0


def list_all(command: DataCommand) -> None:
    """Every data set: size and factors; whether and where its files are; licence."""
    from submission.data.registry import REGISTRY
    from submission.data.sources import SOURCES

    for name, entry in REGISTRY.items():
        console.say(f"{name:17} {' · '.join(filter(None, (entry.images, entry.factors)))}")
        source = SOURCES.get(name)
        where = whereabouts(entry.rendered, source, command.root) if source else "rendered; needs no file"
        console.say(f"{'':17} {where}")


def whereabouts(rendered: bool, source: Source, root: Path) -> str:
    """State, place and licence of the files in one line."""
    state = source.state(root)
    if rendered and state == "missing":
        state = "file missing, will be rendered"
    return f"{state}: {source.files[0].located(root)} · licence: {source.licence}"


def info(command: DataCommand) -> None:
    """Everything known about one data set."""
    from submission.data.registry import entry
    from submission.data.sources import SOURCES

    known = entry(command.name)
    images, factors = (known.images, known.factors) if known.images else contents(command)
    options = [f"{option.name}: {option.annotation} = {option.default!r}" for option in known.options().values()]
    console.say(f"{command.name}: {known.summary}\n\n{inspect.getdoc(known.function())}\n")
    console.say(f"images: {images}\nfactors: {factors or 'none'}\noptions: {', '.join(options) or 'none'}")
    source = SOURCES.get(command.name)
    if source:
        describe(source, command.root)


def contents(command: DataCommand) -> tuple[str, str]:
    """Images and factors of a data set that must be loaded to know them, such as a user's file."""
    dataset = command.load()
    shape = "x".join(map(str, dataset.image_shape)).removesuffix("x1")
    factors = getattr(dataset, "factors_of_variation", ())
    return f"{len(dataset):,} of {shape}", ", ".join(map(str, factors))


def describe(source: Source, root: Path) -> None:
    """Licence, files and addresses."""
    console.say(f"licence: {source.licence}\npage: {source.page}")
    for file in source.files:
        state = "present" if file.located(root).exists() else "missing"
        console.say(f"file: {root / file.path} ({state}{', md5 ' + file.md5 if file.md5 else ''})")
        for url in file.urls:
            console.say(f"  from {url}")
    if source.manual:
        console.say(f"by hand: {source.manual}")


def required_source(name: str) -> Source:
    """Where the files of ``name`` are from; an error for a data set that has none."""
    from submission.data.registry import REGISTRY, entry
    from submission.data.sources import SOURCES

    entry(name)
    if name not in REGISTRY:
        raise UsageError(f"{name} is your own data, which has no published files", "name another data set")
    if name not in SOURCES:
        raise UsageError(f"{name} has no files: it is rendered", "use it directly")
    return SOURCES[name]


def download(command: DataCommand) -> None:
    """Fetch what is missing."""
    from submission.data.download import fetch

    source = required_source(command.name)
    for file in source.files:
        path = file.located(command.root)
        if not file.urls and not path.exists():
            fix = f"{source.manual} ({command.root / file.path})"
            raise SubmissionError(f"{command.name} cannot be downloaded automatically", fix)
        if not path.exists():
            path = fetch(file, command.root, source.page, console.Bars(), command.accept)
        console.say(f"{path} is there")


def verify(command: DataCommand) -> None:
    """Compare the files that are there with their published hashes."""
    from submission.data.download import verified
    from submission.data.sources import SOURCES

    wanted = {name: required_source(name) for name in command.names} or SOURCES
    files = {file.path: file for source in wanted.values() for file in source.files}
    states = {path: verified(file, command.root, console.Bars()) for path, file in files.items()}
    shown = {path: state for path, state in states.items() if command.names or state != "missing"}
    for path, state in shown.items():
        console.say(f"{state:8} {command.root / path}")
    if not shown:
        console.say(f"no data files under {command.root}")
    bad = [path for path, state in shown.items() if state.startswith(("wrong", "missing"))]
    if bad:
        raise SubmissionError(
            f"{len(bad)} of {len(shown)} files are missing or wrong", "delete and download them again"
        )


def show(command: DataCommand) -> None:
    """Write a contact sheet."""
    from submission.data.contact_sheet import contact_sheet
    from submission.files import output

    dataset = command.load()
    out = command.out or Path(f"{Path(command.name).name}.png")
    sheet = contact_sheet(dataset, command.seed)
    with output(out) as file:
        file.write(sheet)
    console.say(f"wrote {out}: {command.name}, {len(dataset)} images {dataset.image_shape}, {dataset.notes}")


def parsed_option(text: str) -> tuple[str, Any]:
    """``key=value``, the value a Python literal or, failing that, text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--option {text!r} has no '='", "write KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, value


ACTIONS = {
    "list": ("list all data sets", list_all),
    "info": ("show size, factors, options and files of one data set", info),
    "download": ("download the files of a data set", download),
    "verify": ("compare files with their published hashes", verify),
    "show": ("write a picture with one row of images per factor", show),
}
