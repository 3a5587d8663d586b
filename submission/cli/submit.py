"""``python -m submission submit``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from submission.cli.switches import refuse

if TYPE_CHECKING:
    from submission.challenge.submit import Plan

SUMMARY = "Check, tag the current commit submission-…, and push it to the challenge's git remote."
EPILOG = """examples:
  git remote add aicrowd git@SERVER:USER/REPOSITORY.git
  python -m submission submit v0.1 --run runs/demo --dry-run       show what would be sent
  python -m submission submit v0.1 --run runs/demo                 send it

The command commits nothing. It stops before sending anything if there are uncommitted changes, if the check fails, if
aicrowd.json is wrong or if the tag exists. docs/submission.md explains every step."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``submit``."""
    parser.add_argument("version", help="version, e.g. v0.1; the tag is submission-v0.1")
    parser.add_argument("--run", dest="folder", type=Path, metavar="FOLDER", help="run folder to check first")
    parser.add_argument("--isolated", action="store_true", help="check the run's file in a sandbox (docs/security.md)")
    parser.add_argument("--remote", default="aicrowd", help="git remote (default: aicrowd)")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="git repository to submit (default: current folder)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare, show, send."""
    from submission.challenge.submit import prepare, send
    from submission.cli.console import say
    from submission.text import printable

    if arguments.folder is None:
        refuse(arguments, add_arguments, ["isolated"], "has no effect without --run", "add --run FOLDER")
    plan = prepare(arguments.repository, arguments.version, arguments.remote, arguments.folder, arguments.isolated)
    for line in summary(plan):
        say(printable(line))
    if arguments.dry_run:
        say("Dry run: nothing was tagged or sent.")
        return 0
    answer = send(plan)
    if answer:
        say(printable(answer, lines=True))
    say(f"Submitted {plan.tag}. The result appears as an issue in the repository at the remote.")
    return 0


def summary(plan: Plan) -> list[str]:
    """What will be sent, one line per fact."""
    return [
        f"repository  {plan.repository}: {plan.files} files, {plan.size / 1e6:.1f} MB",
        f"commit      {plan.commit[:12]} {plan.subject}",
        *(f"to          {plan.remote} ({url}), branch {plan.branch}" for url in plan.urls),
        f"tag         {plan.tag}",
        f"authors     {', '.join(plan.authors)}; {'GPU' if plan.gpu else 'no GPU'}",
        f"checked     {plan.checked or 'no run (pass --run to check one)'}",
    ]
