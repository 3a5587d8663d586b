"""Entry points: argument parsing, exit codes, and errors told in one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from submission.errors import SubmissionError

COMMANDS: tuple[str, ...] = (
    "train",
    "evaluate",
    "report",
    "data",
    "export",
    "check",
    "submit",
    "leaderboard",
    "compare",
    "udr",
    "grade",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m submission COMMAND ...``; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m submission",
        description="Train, export, score and submit disentangled representations.",
        epilog="`python -m submission COMMAND --help` teaches one command. Start with `make demo`.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = command(name)
        add_arguments(commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY), module)
    return execute(parser, arguments)


def door(name: str, arguments: Sequence[str] | None = None) -> int:
    """Run one command as a program of its own (``train.py``, ``evaluate.py``); returns the exit code."""
    module = command(name)
    parser = argparse.ArgumentParser(prog=f"{name}.py", description=module.SUMMARY)
    add_arguments(parser, module)
    return execute(parser, arguments)


def command(name: str) -> ModuleType:
    """The module of one command."""
    return importlib.import_module(f"submission.cli.{name}")


def add_arguments(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    """Give ``parser`` the module's arguments, epilog and runner."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = getattr(module, "EPILOG", None)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def execute(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parse and run; user errors become one line on stderr and a non-zero exit code."""
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except SubmissionError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the interpreter flushes it at exit
        return 141
