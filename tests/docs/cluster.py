"""What commands of the pages need: a Ray cluster on this machine, and programs on PATH that stand in for others."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"
NAMES = {"slurm": ("sbatch", "srun", "sacct", "squeue", "scancel"), "kubectl": ("kubectl",), "pip": ("pip",)}
RAY_PORT = "6379"
"""The port that the pages name; the cluster here has one of its own."""
SECONDS = 300
"""That a node may take to start on a busy machine."""


def write_programs(folder: Path) -> None:
    """Put the stand-ins into ``folder``, and a ``make`` that only says what it would do."""
    folder.mkdir()
    for source, programs in NAMES.items():
        for program in programs:
            write_program(folder / program, f'exec {sys.executable} {PROGRAMS / source}.py {program} "$@"')
    write_program(folder / "python", f'exec {sys.executable} "$@"')
    root = PROGRAMS.parents[2]
    setup = "mkdir -p .venv/bin; touch .venv/bin/activate"
    write_program(folder / "make", f'{setup}; exec env PATH=/usr/bin:/bin make -n -C {shlex.quote(str(root))} "$@"')


def write_program(file: Path, line: str) -> None:
    """A shell program of one line."""
    file.write_text(f"#!/bin/bash\n{line}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def free_port() -> str:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


class RayCluster:
    """The nodes that the ``ray start`` lines of the pages start, each line as a process that is ended with this object.

    The head has cores, the other nodes also a GPU in name: trials that ask for a GPU can run on them only.
    """

    def __init__(self) -> None:
        self.port, self.nodes = free_port(), list[subprocess.Popen[bytes]]()
        self.lines = set[str]()
        self.folder = tempfile.mkdtemp(prefix="ray-")  # short: it holds sockets

    @property
    def address(self) -> str:
        """Where the head listens."""
        return f"127.0.0.1:{self.port}"

    def start(self, line: str) -> None:
        """Run a ``ray start`` line, once, and wait until its node has joined."""
        if line in self.lines:
            return
        self.lines.add(line)
        head = "--head" in line
        command = [
            Path(sys.executable).with_name("ray"),
            *shlex.split(line.replace(RAY_PORT, self.port))[1:],
            "--block",
        ]
        if head:
            command += [f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self.folder}"]
        resources = '{"CPU": 2}' if head else '{"CPU": 2, "GPU": 1}'
        environment = {**os.environ, "RAY_OVERRIDE_RESOURCES": resources, "RAY_USAGE_STATS_ENABLED": "0"}
        environment["RAY_raylet_start_wait_time_s"] = str(SECONDS)
        log = Path(self.folder) / f"node{len(self.nodes)}.log"
        with log.open("wb") as output:
            node = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        self.nodes.append(node)
        wanted = "Ray runtime started"
        until = time.monotonic() + SECONDS
        while wanted not in log.read_text(errors="replace"):
            assert node.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)

    def close(self) -> None:
        """End the nodes, the head last."""
        for node in reversed(self.nodes):
            node.terminate()
        for node in reversed(self.nodes):
            try:
                node.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
