"""Entry points: argument parsing, exit codes, and errors told in one line."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType, ModuleType

from submission.data import unpickling_allowed
from submission.errors import SubmissionError, UsageError
from submission.text import printable

COMMANDS: tuple[str, ...] = (
    "train",
    "evaluate",
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
    lenient(sys.stdout)
    try:
        with sigterm_raises(), messages_shown():
            legible(sys.argv[1:] if arguments is None else arguments)
            parsed = parse(parser, arguments)
            with unpickling_allowed(getattr(parsed, "allow_unpickling", False)):
                code = int(parsed.run(parsed))
            flush()
    except SubmissionError as error:
        complain(f"error: {error}")
        return error.exit_code
    except TerminatedError:
        complain("stopped by SIGTERM")
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        complain("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        discard_output()
        return 141
    except UnicodeEncodeError as error:
        around = ascii(error.object[max(0, error.start - 60) : error.end])
        complain(f"error: {around} is not valid UTF-8 — rename the file or folder")
        return 1
    except OSError as error:
        discard_output()
        complain(f"error: {description(error)} — check the path, its permissions and its disk")
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
    """Show the warnings that the package logs inside the block."""
    handler, logger = Messages(logging.WARNING), logging.getLogger("submission")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, outside of training, which answers it between two updates."""


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Unwind on SIGTERM, so that temporary files go and a line is said (in the main thread; elsewhere it cannot be)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def legible(words: Sequence[str]) -> None:
    """UsageError for a name that is not UTF-8, which torch, SQLite and JSON files cannot take."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word!a} is not valid UTF-8", "rename the file or folder") from None


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; the help that argparse may print reaches its reader, or fails, here."""
    try:
        return parser.parse_args(arguments)
    finally:
        flush()


def description(error: OSError) -> str:
    """What failed, in one line, with the file where it is known."""
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def complain(line: str) -> None:
    """``line`` on standard error, if there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{printable(line)}\n")


def flush() -> None:
    """Write out what standard output holds back, so that a failure is met here and not after the end."""
    if sys.stdout is not None:
        sys.stdout.flush()


def lenient(stream: object) -> None:
    """Let ``stream`` print ? for what its encoding lacks, rather than fail (as it does in the C locale, too)."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="replace")


def discard_output() -> None:
    """Send to nowhere what standard output cannot get rid of: the interpreter would fail on it at exit."""
    try:
        flush()
    except OSError:
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
