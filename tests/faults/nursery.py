"""Forks training processes, and kills them when told to; importing everything once makes each cost little.

Reads one JSON command per line on standard input and answers each with one JSON line on standard output:
``out`` (run folder), ``steps``, ``kill_after`` (seconds, or null), ``signal``, ``limit`` (bytes per file, or null),
``pixels`` (file of images), ``lose_at`` (update at which that file vanishes, or null).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from submission.configuration.settings import ModelSettings, Settings, TrainSettings
from submission.data.dataset import ImageDataset, Images, Indices
from submission.errors import SubmissionError
from submission.training import train


class Pictures(ImageDataset):
    """Images that are read from a file for every batch."""

    name, image_shape, maximum, notes = "pictures", (8, 8, 1), 1, "made for the test"

    def __init__(self, path: Path, lose_at: int | None) -> None:
        self.path, self.left = path, None if lose_at is None else lose_at + 2  # fingerprint and probe batch

    def __len__(self) -> int:
        """Number of images."""
        return 64

    def images(self, indices: Indices) -> Images:
        """Images (n, 8, 8, 1)."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.path.unlink()
        return np.load(self.path)[indices]


def settings(steps: int) -> Settings:
    """A run that writes a checkpoint every third update."""
    schedule = TrainSettings(steps=steps, batch_size=24, precision="float32", log_every=3, checkpoint_every=0.0)
    return Settings(schedule, model=ModelSettings(space="R^2", networks="mlp_small"))


def live(command: dict[str, Any]) -> int:
    """Train in this process; the exit code."""
    if command["limit"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (command["limit"], command["limit"]))
    try:
        data = Pictures(Path(command["pixels"]), command["lose_at"])
        train(settings(command["steps"]), command["out"], data=data, resume=True)
    except SubmissionError as error:
        logging.getLogger("submission").error("%s", error)
        return error.exit_code
    return 0


def main() -> None:
    """Answer commands until the input ends."""
    logging.basicConfig(format="%(message)s")
    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1)])  # imports half of torch
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(live(command))
        if command["kill_after"] is not None:
            time.sleep(command["kill_after"])
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, command["signal"])
        start = time.monotonic()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"status": status, "seconds": time.monotonic() - start}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
