"""Runs commands in new processes that are forked from one that has imported the package, which costs them no seconds.

Reads one JSON list per line, ``[folder, file of standard output, file of standard error, words...]``, and answers each
with the exit code.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import torch

from submission.cli.main import main

STARTS = "import sys; sys.path[:0] = sys.argv[1:]; from tests.situations.forks import serve; serve()"


def command(folder: str, output: str, errors: str, *words: str) -> int:
    """What ``python -m submission WORDS`` does in ``folder``; its exit code."""
    os.chdir(folder)
    for number, name in ((1, output), (2, errors)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.path.insert(0, folder)
    sys.argv = ["submission", *words]
    try:
        return main(list(words))
    except BaseException:  # noqa: BLE001 - whatever it is, the parent reads it
        traceback.print_exc()
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def serve() -> None:
    """Answer until the input ends."""
    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1)])  # imports half of torch
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(command(*json.loads(line)))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
