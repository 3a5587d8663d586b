"""Options that several commands share, and checks of options: without effect, out of range, or renamed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from submission.errors import UsageError

LAST_SEED = 2**32 - 1


def refuse(
    arguments: argparse.Namespace,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    names: Sequence[str],
    what: str,
    fix: str,
) -> None:
    """UsageError ``--NAME what — fix`` for the first of ``names`` that differs from its default."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name in names:
        if getattr(arguments, name) != parser.get_default(name):
            raise UsageError(f"--{name.replace('_', '-')} {what}", fix)


def within(name: str, value: float, least: float, most: float) -> None:
    """UsageError unless ``least <= value <= most``; NaN is outside.

    >>> within("samples", 0, 1, 10)
    Traceback (most recent call last):
        ...
    submission.errors.UsageError: --samples 0 is out of range — use 1 to 10
    """
    if not least <= value <= most:
        raise UsageError(f"--{name} {value} is out of range", f"use {least} to {most}")


def called(name: str, other: str) -> Callable[[str], str]:
    """An argparse type that takes an ``other`` name for a choice."""
    return lambda given: name if given == other else given


def seed_within(seed: int) -> None:
    """UsageError for a seed that numpy's generator refuses."""
    within("seed", seed, 0, LAST_SEED)


def data_root_option(parser: argparse.ArgumentParser, *former: str) -> None:
    """Give ``parser`` the option that names the folder of the data files, under its ``former`` names, too."""
    text = "folder of data files (default: $DISENTANGLEMENT_LIB_DATA, else ./data)"
    parser.add_argument("--data-root", *former, type=Path, metavar="FOLDER", help=text)


def unpickling_option(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` the option that data sets named ``dlib:NAME`` need."""
    text = "allow data sets dlib:NAME: disentanglement_lib unpickles their files, which can run any code"
    parser.add_argument("--allow-unpickling", action="store_true", help=text)


def hidden() -> str:
    """The help of a former option: it still works, and ``--help`` does not show it."""
    return argparse.SUPPRESS
