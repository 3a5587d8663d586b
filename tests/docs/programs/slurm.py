"""sbatch, srun, sacct, squeue and scancel on one machine: jobs are processes, and a folder is the queue.

The first word says which of the programs this is. ``$SLURM_QUEUE`` names the folder. Options that the real programs
do not have end in an error.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

QUEUE = Path(os.environ.get("SLURM_QUEUE", "."))
OPTIONS = (
    "array",
    "cpus-per-task",
    "error",
    "gpus-per-node",
    "job-name",
    "nodes",
    "ntasks-per-node",
    "open-mode",
    "output",
    "signal",
    "time",
    "wckey",
)
TASKS = 2
"""Of an array, only the first tasks are run: all are alike."""


def options_of(words: list[str], *flags: str) -> tuple[argparse.Namespace, list[str]]:
    """Options in ``words`` up to the first argument, and the rest."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for option in OPTIONS:
        parser.add_argument(f"--{option}")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    given = parser.parse_args(words)
    return given, given.rest


def sbatch(words: list[str]) -> None:
    """Start the tasks of a script one after another in a process of its own."""
    script = Path(words[-1])
    first, *lines = script.read_text(encoding="utf-8").splitlines()
    if not first.startswith("#!"):
        sys.exit("sbatch: error: This does not look like a batch script")
    directives = [line.removeprefix("#SBATCH") for line in lines if line.startswith("#SBATCH")]
    given, rest = options_of(shlex.split(" ".join(directives)))
    if rest:
        sys.exit(f"sbatch: error: unknown words {rest}")
    job = str(len(list(QUEUE.glob("*.pid"))) + 1)
    tasks = range(int(given.array.split("-")[0]), int(given.array.split("-")[1]) + 1)[:TASKS] if given.array else [None]
    pieces = []
    for task in tasks:
        variables = {
            "SLURM_JOB_ID": job,
            "SLURM_NTASKS": "1",
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_NODEID": "0",
            "SLURM_JOB_NODELIST": "localhost",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "SLURM_CPUS_PER_TASK": given.cpus_per_task or "1",
        } | ({} if task is None else {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_JOB_ID": job})
        settings = " ".join(f"{key}={value}" for key, value in variables.items())
        log = (given.output or "slurm-%j.out").replace("%j", job)
        pieces.append(f"env {settings} bash {shlex.quote(str(script.resolve()))} >> {shlex.quote(log)} 2>&1")
    ending = f"echo $? > {shlex.quote(str(QUEUE / job))}.exit"
    nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = ["bash", "-c", f"{' && '.join(pieces)}; {ending}"]
    process = subprocess.Popen(command, start_new_session=True, **nothing)
    (QUEUE / f"{job}.pid").write_text(str(process.pid))
    sys.stdout.write(f"Submitted batch job {job}" + "\n")


def srun(words: list[str]) -> None:
    """Run a command in place of this process, with its output where the options say."""
    given, command = options_of(words, "--unbuffered")
    for stream, file in ((1, given.output), (2, given.error)):
        if file:
            name = re.sub("%[jt]", lambda found: {"%j": os.environ["SLURM_JOB_ID"], "%t": "0"}[found[0]], file)
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), stream)
    os.execvp(command[0], command)


def state(job: str) -> str:
    """What a job does."""
    ended = QUEUE / f"{job}.exit"
    if ended.is_file() and ended.read_text().strip():
        return "COMPLETED" if ended.read_text().strip() == "0" else "FAILED"
    return "RUNNING"


def sacct(words: list[str]) -> None:
    """The states of jobs, as a table with bars."""
    sys.stdout.write("JobID|State|NodeList" + "\n")
    for option, job in itertools.pairwise(words):
        if option == "-j":
            sys.stdout.write(f"{job}|{state(job)}|localhost\n")


def squeue(words: list[str]) -> None:
    """The jobs that run."""
    sys.stdout.write("JOBID ST" + "\n")
    for file in sorted(QUEUE.glob("*.pid")):
        if state(file.stem) == "RUNNING":
            sys.stdout.write(f"{file.stem} R" + "\n")


def scancel(words: list[str]) -> None:
    """End jobs by SIGTERM."""
    for job in (word for word in words if word.isdigit()):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((QUEUE / f"{job}.pid").read_text()), signal.SIGTERM)
    time.sleep(0.1)


if __name__ == "__main__":
    {"sbatch": sbatch, "srun": srun, "sacct": sacct, "squeue": squeue, "scancel": scancel}[sys.argv[1]](sys.argv[2:])
