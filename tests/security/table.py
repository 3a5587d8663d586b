"""Count what becomes of damaged files: ``python -m tests.security.table [--seconds 60] [--write]``.

Prints a table of classes, inputs and outcomes; ``--write`` puts it into docs/security.md. The files are read by
another process, so that a crash or a hang of a library is counted and ends nothing else. Exit code 1 where anything
but a refusal in one line or an acceptance happened.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from submission import provenance
from tests.security.classes import CLASSES
from tests.security.trying import Outcomes, attack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
HEAD = "| class | inputs | refused | accepted | other |\n|---|---|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")
PROVENANCE = re.compile(r"\| inputs that were tried \|.*\n")


class Worker:
    """A process that tries classes; another one takes its place after a crash or a hang."""

    def __init__(self) -> None:
        self.pool = self.started()

    def started(self) -> ProcessPoolExecutor:
        """A new process, in which a reader's remarks on files are not shown."""
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=logging.disable)

    def outcomes(self, name: str, seconds: float, seed: int) -> Outcomes:
        """Those of one class."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                return self.pool.submit(attack, name, Path(folder) / "set", seconds, seed).result()
            except BrokenProcessPool:
                self.pool = self.started()
                return Outcomes(others=("the process crashed, or reading did not end",))


def main() -> int:
    """Print the table, and write it where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each class (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="WORD", help="classes whose names hold it")
    parser.add_argument("--write", action="store_true", help="into docs/security.md")
    given = parser.parse_args()
    rows, bad, worker = HEAD, 0, Worker()
    for name in (name for name in CLASSES if given.only in name):
        found = worker.outcomes(name, given.seconds, given.seed)
        rows += f"| {name} | {found.tried:,} | {found.refused:,} | {found.accepted:,} | {len(found.others)} |\n"
        bad += len(found.others)
        sys.stderr.write(f"{name}: {found.tried:,} inputs, {len(found.others)} others\n")
        sys.stderr.writelines(f"  {line}\n" for line in found.others[:10])
    worker.pool.shutdown()
    sys.stdout.write(rows)
    if given.write:
        command = f"python -m tests.security.table --seconds {given.seconds:g}"
        made = f"| inputs that were tried | `{command}` | {provenance.commit()} | {provenance.machine()} |\n"
        text = TABLE.sub(lambda _: rows, PAGE.read_text(encoding="utf-8"), count=1)
        PAGE.write_text(PROVENANCE.sub(lambda _: made, text, count=1), encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
