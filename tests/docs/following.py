"""Follows a page from top to bottom: saves files, runs commands and code, compares what they print."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from submission.cli.main import main
from submission.cli.sweep import ACTIONS
from submission.configuration import load
from submission.export import engines
from submission.run import Run
from tests.docs.cluster import RayCluster
from tests.docs.pages import Block, lines, printed, words

SHELL = ("sh", "console", "bash")
ISOLATES = engines.bubblewrap() is not None or engines.container_engine() is not None
ONE_TRIAL = """study.methods = ["demo"]
study.seeds = 1
study.bind = ["train.steps = 8", "train.log_every = 4"]
"""
"""Replaces a page's own study where an engine or a how-to runs it again."""
SMALL = ["--data", "dsprites_tiny"]
BINDINGS = ("train.epochs = 0", "train.batch_size = 16", "train.validation_split = ''", "train.patience = 0")
FEW = [word for binding in BINDINGS for word in ("--bind", binding)]


def shortened(command: list[str]) -> list[str]:
    """The same command with less work: the pages are about what commands do, not about their long runs."""
    name, *rest = command
    if name == "train" and "--list" not in rest:
        steps = [int(word.partition("=")[2]) for word in rest if word.startswith("train.steps=")]
        few = ["--bind", f"train.steps = {max(8, max(steps, default=0) // 400)}"]
        return [*command, *few] if "--resume" in rest and "--config" not in rest else [*command, *SMALL, *FEW, *few]
    if name == "evaluate":
        metrics = [] if "--metrics" in rest else ["--metrics", "mig" if "--codes" in rest else "mig,factor_vae"]
        return [*command, "--preset", "fast", *metrics, *(SMALL if "--data" in rest else [])]
    if name in ("leaderboard", "compare"):
        return [*command, "--protocol", "fast"]
    if name == "likelihood":
        return [*command, "--samples", "4", "--images", "8"]
    if name == "sweep" and rest[0] not in ACTIONS and "--records" in rest:
        return ["sweep", "status", *rest]  # of a page's results; tests/studies/test_trials.py runs every study's smoke
    if name == "sweep" and rest[0] not in ACTIONS and "--size" in rest:
        return [*(word if word != "desk" else "smoke" for word in command), "--seeds", "1"]
    return command


def shape(text: str) -> str:
    """Lines without their numbers and repeated blanks."""
    return "\n".join(" ".join(re.sub(r"[\d.,:]*\d", "0", line).split()) for line in text.splitlines())


class Follower:
    """Follows the blocks of one page in the current folder.

    Args:
        capsys: captures what commands print.
        places: what the page's placeholders, such as ``RUN`` or ``/shared``, stand for here.
        names: what Python blocks take for granted.
        short: whether commands do less work than they say.
        cluster: starts the nodes of ``ray start``.
    """

    def __init__(
        self,
        capsys: pytest.CaptureFixture[str],
        places: dict[str, str],
        names: dict[str, Any],
        short: bool,
        cluster: RayCluster,
    ) -> None:
        self.capsys, self.places, self.short, self.cluster = capsys, places, short, cluster
        self.namespace: dict[str, Any] = dict(names)
        self.output = ""

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        text = self.replaced(block.text)
        if block.file:
            Path(block.file).write_text(text, encoding="utf-8")
        elif block.language in SHELL:
            self.run_shell(block)
        elif block.language == "python":
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "`torch.jit.trace")  # an encoder from elsewhere
                exec(compile(text, block.page, "exec"), self.namespace)
        elif block.language == "pycon":
            found = doctest.DocTestParser().get_doctest(text, self.namespace, block.page, block.page, 0)
            assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found).failed == 0
        elif block.language == "gin":
            Path("page.gin").write_text(text, encoding="utf-8")
            load(["demo", "page.gin"], [])
        elif block.language == "json":
            folder = Path(shutil.copytree("runs/demo", "runs/of_the_page"))
            (folder / "meta.json").write_text(text, encoding="utf-8")
            assert Run.open(folder).meta.seed == 0
        elif block.language != "text":
            raise AssertionError(f"{block.page}: nothing runs a block of {block.language!r}: {block.first}")
        self.output += self.capsys.readouterr().out
        if block.language in ("text", "console"):
            shown = shape(self.output)
            missing = [line for line in shape(printed(block)).splitlines() if line.strip() and line not in shown]
            assert missing == [], f"{block.page}: not printed; printed was\n{self.output}"

    def replaced(self, text: str) -> str:
        """The text with what placeholders stand for."""
        for word, value in self.places.items():
            text = re.sub(rf"(?<![\w/]){re.escape(word)}\b", lambda _, value=value: value, text)
        return text

    def run_shell(self, block: Block) -> None:
        """Run the lines of a block in their order; those between two commands of this project in one shell."""
        waiting: list[str] = []
        for line in lines(block):
            line = self.replaced(line)
            if words(line) or line.startswith("ray "):
                self.shell(waiting)
                waiting = []
                self.ray(line) if line.startswith("ray ") else self.command(words(line))
            else:
                waiting.append(line)
        self.shell(waiting)

    def shell(self, commands: list[str]) -> None:
        """Run lines that are no command of this project."""
        if commands:
            script = "\n".join(commands)
            done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
            self.output += done.stdout
            wait_for_jobs()

    def ray(self, line: str) -> None:
        """Start a node of the cluster."""
        pytest.importorskip("ray")
        self.cluster.start(line)
        os.environ["RAY_ADDRESS"] = self.cluster.address  # the test's monkeypatch takes it away again

    def command(self, command: list[str]) -> None:
        """Run a command of this project; where Ray is used, in a process of its own."""
        command = [match for word in command for match in expanded(word)]
        engine = command[command.index("--on") + 1] if "--on" in command else ""
        if engine:
            shutil.rmtree(command[command.index("--out") + 1], ignore_errors=True)
        if engine or (self.short and "mystudy.gin" in command):
            Path("mystudy.gin").write_text(ONE_TRIAL, encoding="utf-8")
        command = shortened(command) if self.short else command
        if engine == "ray":
            done = subprocess.run([sys.executable, "-m", "submission", *command], stdout=subprocess.PIPE, text=True)
            code, said = done.returncode, done.stdout
        else:
            code, said = main(command), ""
        captured = self.capsys.readouterr()
        said += captured.out
        self.output += said
        if "--isolated" in command and not ISOLATES:
            assert code != 0, f"{command}\n{said}"
            assert "install bubblewrap" in captured.err
            return
        assert code == 0, f"{command}\n{said}{captured.err}"
        assert not engine or "done  1" in said, said


def wait_for_jobs() -> None:
    """Wait until what was given to ``sbatch`` has ended well."""
    queue = Path(os.environ["SLURM_QUEUE"])
    for job in queue.glob("*.pid"):
        ended = job.with_suffix(".exit")
        while not (ended.is_file() and ended.read_text().strip()):
            time.sleep(0.1)
        assert ended.read_text().strip() == "0", [log.read_text() for log in Path().glob("slurm-*.out")]


def expanded(word: str) -> list[str]:
    """The files that a word with ``*`` stands for, as a shell would have it."""
    return sorted(map(str, Path().glob(word))) or [word] if "*" in word and "=" not in word else [word]
