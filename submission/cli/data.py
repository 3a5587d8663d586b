"""List, download, check and look at data sets."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.cli import console
from submission.cli.switches import seed_within
from submission.errors import SubmissionError, UsageError

if TYPE_CHECKING:
    from submission.data.sources import Source

SUMMARY = "List, download, verify and look at data sets."
EPILOG = """examples:
  python -m submission data list
  python -m submission data info mpi3d_toy
  python -m submission data download shapes3d --root ~/data
  python -m submission data verify
  python -m submission data show turntable --option color=True --out turntable.png

Files are looked for under --root, else $DISENTANGLEMENT_LIB_DATA, else ./data."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action and its names."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = {name: actions.add_parser(name, help=text, description=text) for name, (text, _) in ACTIONS.items()}
    for action in add.values():
        action.add_argument("--root", type=Path, help="folder of the data files")
    for name in ("info", "download", "show"):
        add[name].add_argument("name", metavar="NAME", help="a data set's name")
    add["verify"].add_argument(
        "names", metavar="NAME", nargs="*", help="data sets (default: all whose files are there)"
    )
    add["download"].add_argument("--accept", default="", metavar="MD5", help="take a file with this hash as well")
    add["show"].add_argument("--out", type=Path, help="the PNG to write (default: NAME.png)")
    add["show"].add_argument("--seed", type=int, default=0, help="of the image that the traversals start from")
    add["show"].add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="option of the data set"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    from submission.data import data_root

    arguments.named_root, arguments.root = arguments.root, data_root(arguments.root)
    return ACTIONS[arguments.action][1](arguments)


def list_all(arguments: argparse.Namespace) -> int:
    """Every data set: size and factors; whether and where its files are; licence."""
    from submission.data.registry import REGISTRY
    from submission.data.sources import SOURCES

    for name, entry in REGISTRY.items():
        console.say(f"{name:17} {' · '.join(filter(None, (entry.images, entry.factors)))}")
        source = SOURCES.get(name)
        where = whereabouts(entry.rendered, source, arguments.root) if source else "made on the spot"
        console.say(f"{'':17} {where}")
    return 0


def whereabouts(rendered: bool, source: Source, root: Path) -> str:
    """State, place and licence of the files in one line."""
    state = source.state(root)
    if rendered and state == "missing":
        state = "rendered on the spot, file missing"
    return f"{state}: {source.files[0].located(root)} · licence: {source.licence}"


def info(arguments: argparse.Namespace) -> int:
    """All that is known about one data set."""
    import inspect

    from submission.data.registry import entry
    from submission.data.sources import SOURCES

    known = entry(arguments.name)
    images, factors = (known.images, known.factors) if known.images else contents(arguments)
    options = [f"{option.name}: {option.annotation} = {option.default!r}" for option in known.options().values()]
    console.say(f"{arguments.name}: {known.summary}\n\n{inspect.getdoc(known.function())}\n")
    console.say(f"images: {images}\nfactors: {factors or 'none'}\noptions: {', '.join(options) or 'none'}")
    source = SOURCES.get(arguments.name)
    if source:
        describe(source, arguments.root)
    return 0


def contents(arguments: argparse.Namespace) -> tuple[str, str]:
    """Images and factors of a data set that must be loaded to know them: a user's file, for instance."""
    from submission.data import load_with_options

    dataset = load_with_options(arguments.name, arguments.named_root, console.Bars(), {})
    shape = "x".join(map(str, dataset.image_shape)).removesuffix("x1")
    factors = zip(getattr(dataset, "factor_names", ()), getattr(dataset, "factor_sizes", ()), strict=True)
    return f"{len(dataset):,} of {shape}", ", ".join(f"{name} {size}" for name, size in factors)


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
        raise UsageError(f"nothing is published about the files of {name}", "just use it, or name another data set")
    if name not in SOURCES:
        raise UsageError(f"{name} has no files", "it is made on the spot: just use it")
    return SOURCES[name]


def download(arguments: argparse.Namespace) -> int:
    """Fetch what is missing."""
    from submission.data.download import fetch

    source = required_source(arguments.name)
    for file in source.files:
        if not file.urls:
            path = arguments.root / file.path
            raise SubmissionError(f"{arguments.name} cannot be downloaded by a program", f"{source.manual} ({path})")
        path = file.located(arguments.root)
        if not path.exists():
            path = fetch(file, arguments.root, source.page, console.Bars(), arguments.accept)
        console.say(f"{path} is there")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Compare the files that are there with their published hashes."""
    from submission.data.download import verified
    from submission.data.sources import SOURCES

    wanted = {name: required_source(name) for name in arguments.names} or SOURCES
    files = {file.path: file for source in wanted.values() for file in source.files}
    states = {path: verified(file, arguments.root, console.Bars()) for path, file in files.items()}
    shown = {path: state for path, state in states.items() if arguments.names or state != "missing"}
    for path, state in shown.items():
        console.say(f"{state:8} {arguments.root / path}")
    if not shown:
        console.say(f"no data files under {arguments.root}")
    bad = [path for path, state in shown.items() if state.startswith(("wrong", "missing"))]
    if bad:
        raise SubmissionError(
            f"{len(bad)} of {len(shown)} files are missing or wrong", "delete and download them again"
        )
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Write a contact sheet."""
    from submission.data import load_with_options
    from submission.data.contact_sheet import contact_sheet
    from submission.files import output

    seed_within(arguments.seed)
    options = dict(parsed_option(text) for text in arguments.option)
    dataset = load_with_options(arguments.name, arguments.named_root, console.Bars(), options)
    out = arguments.out or Path(f"{arguments.name.rpartition('/')[2]}.png")
    sheet = contact_sheet(dataset, arguments.seed)
    with output(out) as file:
        file.write(sheet)
    console.say(f"wrote {out}: {arguments.name}, {len(dataset)} images {dataset.image_shape}, {dataset.notes}")
    return 0


def parsed_option(text: str) -> tuple[str, Any]:
    """``key=value``, the value a Python literal or, failing that, text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--option {text!r} has no '='", "write KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


ACTIONS = {
    "list": ("list all data sets", list_all),
    "info": ("tell all about one data set", info),
    "download": ("download the files of a data set", download),
    "verify": ("check files against their published hashes", verify),
    "show": ("write a contact sheet of traversals", show),
}
