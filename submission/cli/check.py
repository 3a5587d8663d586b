"""``python -m submission check``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import refuse, within

if TYPE_CHECKING:
    from submission.export.engines import Limits

SUMMARY = "Check that the grader would accept a representation: path, loading, shapes, types, determinism, NaN, speed."
EPILOG = """examples:
  python -m submission check runs/demo
  python -m submission check their_model.pt --isolated

Exit code 0: the grader would accept it; 1: it would not. A line with ! may lower the score or the speed.
A .pt file is a program: --isolated loads and runs it in a sandbox without network and files (docs/security.md)."""
MARKS = {"good": "✓", "warning": "!", "bad": "✗"}


@dataclass(frozen=True)
class CheckOptions:
    """The command line of ``check``.

    Attributes:
        target: run folder, representation folder or .pt file.
        isolated: whether to load and run the file in a sandbox.
        limits: of the sandbox.
    """

    target: Path
    isolated: bool
    limits: Limits

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> CheckOptions:
        """The command line, checked; UsageError for limits without --isolated, or impossible ones."""
        if not arguments.isolated:
            refuse(
                arguments, add_arguments, ["memory", "seconds"], "has no effect without --isolated", "add --isolated"
            )
        within("memory", arguments.memory, 0.1, 1024)
        within("seconds", arguments.seconds, 1, 86_400)
        from submission.export.engines import Limits

        limits = Limits(int(arguments.memory * 2**30), arguments.seconds)
        return cls(arguments.target, arguments.isolated, limits)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``check``."""
    parser.add_argument("target", type=Path, metavar="DIR|FILE", help="run folder, representation folder or .pt file")
    parser.add_argument("--isolated", action="store_true", help="load and run the file in a sandbox (docs/security.md)")
    parser.add_argument(
        "--memory", type=float, default=4, metavar="GB", help="with --isolated: memory limit (default: 4)"
    )
    parser.add_argument(
        "--seconds", type=int, default=600, metavar="S", help="with --isolated: time limit in seconds (default: 600)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine and report."""
    options = CheckOptions.of(arguments)
    from submission.challenge.check import check
    from submission.challenge.finding import passed
    from submission.cli.console import say
    from submission.text import printable

    findings = check(options.target, options.isolated, options.limits)
    for finding in findings:
        fix = f" — {finding.fix}" if finding.fix else ""
        say(printable(f"{MARKS[finding.state]} {finding.name}: {finding.detail}{fix}"))
    good = passed(findings)
    say("The grader would accept this." if good else "The grader would reject this submission. Fix the items marked ✗.")
    return 0 if good else 1
