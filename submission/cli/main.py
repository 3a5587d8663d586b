"""Entry points: argument parsing, exit codes, and errors as one line."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

import submission
from submission.data import unpickling_allowed
from submission.errors import SubmissionError, UsageError, did_you_mean
from submission.files import user_path
from submission.plugins import import_modules, load_entry_points
from submission.text import printable

COMMANDS: tuple[str, ...] = (
    "train",
    "evaluate",
    "likelihood",
    "plot",
    "report",
    "data",
    "export",
    "check",
    "submit",
    "leaderboard",
    "compare",
    "udr",
    "grade",
    "sweep",
)
SPINS = "10000"
"""Rounds, some microseconds, that a thread of GNU OpenMP waits actively for another one before it sleeps."""
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a command; Windows has no SIGHUP."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that names the nearest command, option or value.

    Arguments of the type ``Path`` may begin with ``~``, which shells leave alone in ``--out=~/runs``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("type", Path, user_path)

    def error(self, message: str) -> NoReturn:
        """UsageError with a suggestion where something is misspelt."""
        see = f"see {self.prog} --help"
        choice = re.fullmatch(r"(argument .*: invalid choice: '(.*)') \(choose from (.*)\)", message, re.DOTALL)
        if choice is None:
            raise UsageError(message, see)
        known = [name.strip("' ") for name in choice[3].split(",")]
        raise UsageError(choice[1], did_you_mean(choice[2], known, f"choose from {', '.join(known)}"))

    def unknown(self, argument: str) -> UsageError:
        """The error for an argument that the command does not have."""
        name = argument.partition("=")[0]
        options = [option for action in self._actions for option in action.option_strings]
        hint = did_you_mean(name, options, "") if name.startswith("-") else ""
        return UsageError(
            f"{self.prog} has no {'option' if name.startswith('-') else 'argument for'} {name!r}",
            hint or f"see {self.prog} --help",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """``submission COMMAND ...``; returns the exit code."""
    script = Path(sys.argv[0]).stem == "submission"
    parser = Parser(
        prog="submission" if script else "python -m submission",
        description="Train, export, score and submit disentangled representations.",
        epilog="`submission COMMAND --help` explains one command. Start with `submission train --config demo`.",
    )
    parser.add_argument("--version", action="version", version=f"submission {submission.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = command(name)
        add_arguments(commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY), module)
    return execute(parser, arguments)


def run_program(name: str, arguments: Sequence[str] | None = None) -> int:
    """Run one command as a program of its own (``train.py``, ``evaluate.py``); returns the exit code."""
    module = command(name)
    parser = Parser(prog=f"{name}.py", description=module.SUMMARY)
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
    text = "import MODULE first: it registers your own networks, objectives, metrics, spaces or data sets"
    parser.add_argument("--import", dest="imports", action="append", default=[], metavar="MODULE", help=text)
    parser.set_defaults(run=module.run, parser=parser)


def share_cores() -> None:
    """Let PyTorch's threads sleep soon where they wait for each other; must precede the import of PyTorch.

    By default they wait actively for milliseconds at the end of every parallel operation. Where another program has one
    of the cores, that is most of the time. A choice of the user's, in the environment, stays.
    """
    if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        os.environ["GOMP_SPINCOUNT"] = SPINS


def execute(parser: Parser, arguments: Sequence[str] | None) -> int:
    """Parse and run; user errors become one line on stderr and a non-zero exit code."""
    replace_unprintable(sys.stdout)
    share_cores()
    try:
        with signals_raise(), messages_shown():
            require_utf8(sys.argv[1:] if arguments is None else arguments)
            parsed = parse(parser, arguments)
            import_modules(getattr(parsed, "imports", ()))
            load_entry_points()
            with unpickling_allowed(getattr(parsed, "allow_unpickling", False)):
                code = int(parsed.run(parsed))
            flush()
    except SubmissionError as error:
        print_error(f"error: {error}", lines=error.in_lines)
        return error.exit_code
    except TerminatedError as error:
        print_error(f"stopped by {error.signal.name}")
        return 128 + error.signal
    except KeyboardInterrupt:
        print_error("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        discard_output()
        return 141
    except UnicodeEncodeError as error:
        around = ascii(error.object[max(0, error.start - 60) : error.end])
        print_error(f"error: {around} is not valid UTF-8 — rename the file or folder")
        return 1
    except OSError as error:
        discard_output()
        print_error(f"error: {description(error)} — check the path, its permissions and its disk")
        return 1
    return code


class Messages(logging.Handler):
    """Shows the package's log messages on standard error, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        from submission.cli.console import warn

        warn(record.getMessage())


@contextlib.contextmanager
def messages_shown() -> Iterator[None]:
    """Show what the package logs and warns of inside the block, one line each."""
    handler, logger = Messages(logging.WARNING), logging.getLogger("submission")
    logger.addHandler(handler)
    show, package = warnings.showwarning, str(Path(submission.__file__).parent)

    def show_line(message: Warning | str, category: type[Warning], filename: str, *where: object) -> None:
        if filename.startswith(package):
            logger.warning("%s", message)
        else:
            show(message, category, filename, *where)  # type: ignore[arg-type]

    warnings.showwarning = show_line  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = show
        logger.removeHandler(handler)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP, outside of training, which answers them between two updates."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.signal = number


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Unwind on SIGTERM and SIGHUP, so that temporary files are removed (in the main thread; elsewhere it cannot be).

    A signal that was ignored before (``nohup``) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise TerminatedError(signal.Signals(number))

    before = {number: signal.getsignal(number) for number in ENDING}
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def require_utf8(arguments: Sequence[str]) -> None:
    """UsageError for a name that is not UTF-8, which torch and JSON files cannot hold."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{argument!a} is not valid UTF-8", "rename the file or folder") from None


def parse(parser: Parser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; the help that argparse may print reaches its reader, or fails, here."""
    try:
        parsed, unknown = parser.parse_known_args(arguments)
    finally:
        flush()
    if unknown:
        used: Parser = parsed.parser
        raise used.unknown(unknown[0])
    return parsed


def description(error: OSError) -> str:
    """What failed, in one line, with the file where it is known."""
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def print_error(line: str, lines: bool = False) -> None:
    """``line``, or several ``lines``, on standard error, if there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{printable(line, lines)}\n")


def flush() -> None:
    """Flush standard output, so that a failure raises here and not when the interpreter exits."""
    if sys.stdout is not None:
        sys.stdout.flush()


def replace_unprintable(stream: object) -> None:
    """Let ``stream`` print ? for what its encoding lacks, rather than fail (as it does in the C locale, too)."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="replace")


def discard_output() -> None:
    """Drop what cannot be written to standard output: the interpreter would fail on it at exit."""
    try:
        flush()
    except OSError:
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
