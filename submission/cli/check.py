"""``python -m submission check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from submission.cli.switches import refuse, within

SUMMARY = "Find everything that would make the grader fail: path, loading, shapes, types, determinism, NaN, speed."
EPILOG = """examples:
  python -m submission check runs/demo
  python -m submission check their_model.pt --isolated

Exit code 0: the grader would accept it; 1: it would not. ! marks what costs score or time, not acceptance.
A .pt file is a program: --isolated loads and runs it in a sandbox without network and files (docs/security.md)."""
MARKS = {"good": "✓", "warning": "!", "bad": "✗"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``check``."""
    parser.add_argument("target", type=Path, metavar="DIR|FILE", help="run folder, representation folder or .pt file")
    parser.add_argument("--isolated", action="store_true", help="load and run the file in a sandbox")
    parser.add_argument("--memory", type=float, default=4, metavar="GB", help="with --isolated (default: 4)")
    parser.add_argument("--seconds", type=int, default=600, help="with --isolated: time limit (default: 600)")


def refuse_limits(arguments: argparse.Namespace) -> None:
    """UsageError for limits without --isolated, or impossible ones."""
    if not arguments.isolated:
        refuse(arguments, add_arguments, ["memory", "seconds"], "has no effect without --isolated", "add --isolated")
    within("memory", arguments.memory, 0.1, 1024)
    within("seconds", arguments.seconds, 1, 86_400)


def run(arguments: argparse.Namespace) -> int:
    """Examine and report."""
    refuse_limits(arguments)
    from submission.challenge.check import check
    from submission.challenge.finding import passed
    from submission.cli.console import say
    from submission.export.engines import Limits
    from submission.text import printable

    limits = Limits(int(arguments.memory * 2**30), arguments.seconds)
    findings = check(arguments.target, arguments.isolated, limits)
    for finding in findings:
        fix = f" — {finding.fix}" if finding.fix else ""
        say(printable(f"{MARKS[finding.state]} {finding.name}: {finding.detail}{fix}"))
    good = passed(findings)
    say("The grader would accept this." if good else "The grader would reject this submission. Fix the items marked ✗.")
    return 0 if good else 1
