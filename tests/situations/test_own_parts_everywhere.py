"""A network, an objective, a metric, a space and a data set of one's own, through every command in a new process.

``test_own_parts.py`` of training holds that nothing is imported unasked; here everything is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import own_parts
from tests.situations.forks import STARTS

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[2]
PARTS = '''
import dataclasses

import numpy as np
import torch

from submission.data.dataset import Factor, GroundTruthDataset
from submission.data.registry import REGISTRY as DATA, Entry
from submission.distributions.closed_manifold import Manifold
from submission.latent import register
from submission.metrics.base import Scores
from submission.metrics.registration import of_points
from submission.metrics.registry import REGISTRY as METRICS


class Dots(GroundTruthDataset):
    """One white square per cell."""

    def __init__(self):
        super().__init__("my_dots", (Factor("row", 8), Factor("column", 8)), (16, 16, 1), maximum=1)

    def images(self, indices):
        pictures = np.zeros((len(indices), 16, 16, 1), np.uint8)
        for picture, (row, column) in zip(pictures, self.factors(indices)):
            picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 1
        return pictures


def spread(codes, factors):
    """How far codes spread."""
    return Scores({"my_spread": float(codes.std())})


register(Manifold("MyRing", 2, 1, lambda x: torch.nn.functional.normalize(x, dim=-1)))


@dataclasses.dataclass(frozen=True)
class Drawn:
    num_train: int = 100
    batch_size: int = 16


METRICS["my_spread"] = of_points(
    spread, name="my_spread", headline="my_spread", summary="how far codes spread", settings=Drawn(), fast=Drawn()
)
DATA["my_dots"] = Entry(lambda name, root: Dots(), "one square per cell")
'''

TRAIN = [
    *("train", *own_parts.TRAIN, "--data=my_dots", "--bind=model.space='MyRing x R^2'"),
    *("--bind=train.steps=4", "--bind=train.log_every=2"),
]
STUDY = """
study.methods = [{"config": "demo", "label": "mine"}]
study.bind = ["data.name = 'my_dots'", "model.space = 'MyRing x R^2'", "model.networks = 'flat'",
              "objective.name = 'squared_kl'", "train.steps = 4", "train.batch_size = 16", "export.mode = ''",
              "train.precision = 'float32'"]
study.evaluate = "fast"
study.metrics = ["my_spread"]
study.seeds = 1
"""


@dataclass
class Commands:
    """Starts commands in processes that know nothing; ``folder`` is where they run."""

    server: subprocess.Popen[str]
    folder: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, from start to end."""
        output, errors = self.folder / "output.txt", self.folder / "errors.txt"
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps([str(self.folder), str(output), str(errors), *words]) + "\n")
        self.server.stdin.flush()
        code = int(self.server.stdout.readline())
        return subprocess.CompletedProcess(words, code, output.read_text(), errors.read_text())


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands in a folder with two seeds that were trained with parts of one's own."""
    place = tmp_path_factory.mktemp("own")
    (place / "own_parts.py").write_text(own_parts.NETWORK_AND_OBJECTIVE + PARTS)
    (place / "study.gin").write_text(STUDY)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program, pipe = [sys.executable, "-c", STARTS, str(ROOT)], subprocess.PIPE
    with subprocess.Popen(program, cwd=place, env=environment, stdin=pipe, stdout=pipe, text=True) as server:
        started = Commands(server, place)
        for words in ([*TRAIN, "--seeds=0:2", "--out=runs"], COMMANDS["evaluate"]):
            done = started(*words, "--import=own_parts")
            assert done.returncode == 0, done.stderr
        yield started
        assert server.stdin is not None
        server.stdin.close()


COMMANDS = {
    "resume": [*TRAIN, "--seeds=0:2", "--out=runs", "--resume", "--bind=train.steps=6"],
    "evaluate": ["evaluate", "runs", "--metrics=my_spread,mig", "--preset=fast", "--no-baselines"],
    "export": ["export", "runs/seed_0", "--formats=pt,safetensors"],
    "plot": ["plot", "traversals", "runs/seed_0", "--out=traversals.png"],
    "udr": ["udr", "runs/seed_0", "runs/seed_1", "--images=32"],
    "report": ["report", "runs/seed_0"],
    "compare": ["compare", "runs/seed_0", "runs/seed_1", "--protocol=fast"],
    "leaderboard": ["leaderboard", "runs", "--protocol=fast"],
    "likelihood": ["likelihood", "runs/seed_0", "--samples=5", "--images=16"],
    "sweep": ["sweep", "study.gin", "--workers=1", "--device=cpu"],
}
MISSING = {"likelihood": "no known density"}
"""What a command cannot do with these parts, and says so."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_parts_of_ones_own(name: str, command: Commands) -> None:
    done = command(*COMMANDS[name], "--import=own_parts")
    assert "Traceback" not in done.stderr
    if name in MISSING:
        assert MISSING[name] in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert "my_spread" in done.stdout or name not in ("evaluate", "compare")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("compare", "leaderboard")])
def test_without_the_module_there_is_one_line(name: str, command: Commands) -> None:
    done = command(*COMMANDS[name], *(["--out=elsewhere"] if name == "sweep" else []))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1 or name == "sweep"
