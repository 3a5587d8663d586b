"""Real training processes that can be killed, starved and robbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

NURSERY = Path(__file__).with_name("nursery.py")


@dataclass
class Nursery:
    """A process that forks training processes (see ``nursery.py``)."""

    process: subprocess.Popen[str]
    folder: Path
    messages: IO[str]

    def train(self, name: str, **command: Any) -> dict[str, Any]:
        """Run one training process in ``folder / name``; its exit status (−9 after SIGKILL), seconds and messages."""
        pixels = self.folder / f"{name}.npy"
        np.save(pixels, np.eye(64, dtype=np.uint8).reshape(64, 8, 8, 1))
        defaults = {"steps": 150, "kill_after": None, "signal": 9, "limit": None, "lose_at": None}
        command = defaults | {"out": str(self.folder / name), "pixels": str(pixels)} | command
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer | {"messages": self.messages.read()}


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for all tests; run folders get names of their own."""
    folder = tmp_path_factory.mktemp("nursery")
    path = folder / "messages.txt"
    with path.open("w") as errors, path.open() as messages:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(NURSERY.parents[2])}
        command = [sys.executable, "-W", "error", str(NURSERY)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment, cwd=NURSERY.parents[2]
        ) as process:
            yield Nursery(process, folder, messages)
            assert process.stdin is not None
            process.stdin.close()
